package messages

import (
	"slices"

	"lockstep/replica"
)

// The versions of the format that this code writes and reads (W3). A frame
// carries the version that its body is written in.
//
// Version 2 brought sessions that end when their client is silent, and terms. A
// reader of version 1 would grant without the terms, and a writer of version 1
// sends no keep-alives: neither can go on with the other.
//
// Version 3 brought the quorum: orders, members, its messages and statuses, all
// of which a reader of version 2 skips; and the answer NoQuorum, which As says
// in its words.
//
// A process that has not heard another yet writes the oldest version, and
// afterwards the newest that both read.
const (
	Version       uint32 = 3 // the newest
	OldestVersion uint32 = 2 // the oldest that is still read and written
)

// Compatible reports whether frames of version v can be understood. Of any
// other frame only the header and Refused may be used. A version above Version
// is not compatible: what it changed is by definition not to be skipped, and a
// newer peer that wants to be understood writes an older version.
func Compatible(v uint32) bool { return OldestVersion <= v && v <= Version }

// As returns a parcel with nothing in it that a reader of version v must not
// skip and would not understand. The parcel itself does not change.
func (p Parcel) As(v uint32) Parcel {
	if v >= 3 {
		return p
	}
	p.Answers = replaced(p.Answers, func(a *Answer) *replica.AnswerKind { return &a.Answer.Kind })
	p.Reports = replaced(p.Reports, func(r *Report) *replica.AnswerKind { return &r.Reported.Kind })
	return p
}

// replaced returns a list in which NotPrimary stands for NoQuorum: whoever gets
// it asks another node, and there is none better to ask.
func replaced[T any](list []T, kind func(*T) *replica.AnswerKind) []T {
	isNew := func(item T) bool { return *kind(&item) == replica.NoQuorum }
	if !slices.ContainsFunc(list, isNew) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		if isNew(list[i]) {
			*kind(&list[i]) = replica.NotPrimary
		}
	}
	return list
}
