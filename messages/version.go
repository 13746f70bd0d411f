package messages

// The versions of the format that this code writes and reads (W3). A frame
// carries the version that its body is written in.
//
// Version 2 brought sessions that end when their client is silent, and terms. A
// reader of version 1 would grant without the terms, and a writer of version 1
// sends no keep-alives: neither can go on with the other.
const (
	Version       uint32 = 2 // the newest, and the one to write
	OldestVersion uint32 = 2 // the oldest that is still read
)

// Compatible reports whether frames of version v can be understood. Of any
// other frame only the header and Refused may be used. A version above Version
// is not compatible: what it changed is by definition not to be skipped, and a
// newer peer that wants to be understood writes an older version.
func Compatible(v uint32) bool { return OldestVersion <= v && v <= Version }
