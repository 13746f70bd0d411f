package lockstep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"lockstep/lock"
)

// request is one Acquire in the making.
type request struct {
	want  lock.Want // how the names of the call are wanted
	terms lock.Terms
	info  map[string]string
	err   error // what the options got wrong
}

// underKey is the key of the grant that a context was taken from.
type underKey struct{}

// commandFor turns what a caller asks for into a command.
func commandFor(ctx context.Context, names []string, wait bool, opts []LockOption) (lock.Command, error) {
	if len(names) == 0 {
		return lock.Command{}, fmt.Errorf("%w: no names were given", ErrInvalid)
	}
	under, _ := ctx.Value(underKey{}).(lock.Holding)
	if len(names) == 1 && len(opts) == 0 && under == (lock.Holding{}) { // most are so, and need no terms
		return lock.Command{Verb: lock.Acquire, Name: names[0], Wait: wait}, nil
	}
	var r request
	r.terms.Under = under
	for _, option := range opts {
		option(&r)
	}
	if r.err != nil {
		return lock.Command{}, fmt.Errorf("%w: %w", ErrInvalid, r.err)
	}
	r.share(names)
	info, err := infoText(r.info)
	r.terms.Info = info
	command := lock.Command{Verb: lock.Acquire, Name: names[0], Mode: r.want.Mode, Wait: wait}
	if !r.plain() {
		command.Terms = &r.terms
	}
	return command, err
}

// share wants all the names of the call alike, before those that And has added.
func (r *request) share(names []string) {
	r.terms.Permits, r.terms.Of = r.want.Permits, r.want.Of
	for i, name := range names[1:] {
		want := r.want
		want.Name = name
		r.terms.And = slices.Insert(r.terms.And, i, want)
	}
}

var errAnd = errors.New("And takes no options but Shared and Permits")

func (r *request) and(name string, opts []LockOption) {
	var further request
	for _, option := range opts {
		option(&further)
	}
	if further.info != nil || further.err != nil || !further.plain() {
		r.err = errAnd
	}
	further.want.Name = name
	r.terms.And = append(r.terms.And, further.want)
}

// plain reports whether the request has no terms.
func (r *request) plain() bool {
	t := &r.terms
	return t.Info == "" && len(t.And) == 0 && t.Of == 0 && t.Permits == 0 && t.Under == (lock.Holding{}) &&
		!t.Reentrant && !t.AllowDeadlock && !t.Sequential && t.MaxHold == 0 && t.LockDelay == 0
}
