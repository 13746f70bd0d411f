package doors

import (
	"context"
	"reflect"
	"testing"

	"lockstep/api"
)

// TestWhoIsTold: a caller is told who they are, and what the rules give them now.
func TestWhoIsTold(t *testing.T) {
	s := newScene(t, "allow ci lock deploy/*\nallow * read public\n")
	want := api.Caller{Principal: "ci", May: []api.Permission{{Right: api.Lock, Pattern: "deploy/*"}, {Right: api.Read, Pattern: "public"}}}
	if got := s.doors.Who(as("ci")); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	s.write("allow ci admin *\n")
	s.doors.book.Look()
	if got := s.doors.Who(as("ci")); len(got.May) != 1 || got.May[0] != (api.Permission{Right: api.Admin, Pattern: "*"}) {
		t.Errorf("after a change: %+v", got)
	}
	if got := s.doors.Who(as("bob")); got.Principal != "bob" || got.May != nil {
		t.Errorf("who may do nothing: %+v", got)
	}
	open := New(Config{Journal: NewJournal(nil)})
	if got := open.Who(context.Background()); got.Principal != "" || len(got.May) != 1 || got.May[0].Right != api.Admin {
		t.Errorf("with open doors: %+v", got)
	}
}

// TestStatusIsForWhoeverIsKnown: where the nodes stand is no lock's secret.
func TestStatusIsForWhoeverIsKnown(t *testing.T) {
	s := newScene(t, "allow ci lock deploy/*\n")
	h := newHouse()
	g := s.doors.Guard(h)
	g.Status(as("bob"))
	if here := g.Here(); here != "a:1" || h.asked != 2 {
		t.Errorf("%q, and %d questions came through", here, h.asked)
	}
}
