package lockstep

import (
	"context"
	"errors"

	"lockstep/lock"
)

// request is one Acquire in the making.
type request struct {
	names []string
	want  lock.Want // how the names of the call are wanted
	terms lock.Terms
	info  map[string]string
	err   error // what the options got wrong
}

// underKey is the key of the grant that a context was taken from.
type underKey struct{}

func newRequest(ctx context.Context, names []string, opts []LockOption) request {
	r := request{names: names}
	r.terms.Under, _ = ctx.Value(underKey{}).(lock.Holding)
	for _, option := range opts {
		option(&r)
	}
	return r
}

var errAndOptions = errors.New("And takes no options but Shared and Permits")

func (r *request) and(name string, opts []LockOption) {
	further := request{}
	for _, option := range opts {
		option(&further)
	}
	want := further.want
	want.Name = name
	further.want = lock.Want{}
	if further.info != nil || further.err != nil || !further.plain() {
		r.err = errAndOptions
	}
	r.terms.And = append(r.terms.And, want)
}

// plain reports whether the request asks for nothing beyond the plain case.
func (r *request) plain() bool {
	t := &r.terms
	return t.Info == "" && len(t.And) == 0 && t.Permits == 0 && t.Of == 0 && t.Under == (lock.Holding{}) &&
		!t.Reentrant && !t.AllowDeadlock && t.MaxHold == 0 && t.LockDelay == 0
}
