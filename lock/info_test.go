package lock

import (
	"maps"
	"testing"
)

// TestInfoOfMaps: what is written is what the table takes, and is read again.
func TestInfoOfMaps(t *testing.T) {
	for _, all := range []map[string]string{
		nil,
		{"host": "web-3"},
		{"b": "2", "a": "x=y", "c": ""},
	} {
		info, err := NewInfo(all)
		if err != nil || info.check() != NoLimit {
			t.Errorf("%v is written as %q: %v, %v", all, info, err, info.check())
		}
		if read := info.Map(); !maps.Equal(read, all) {
			t.Errorf("%q is read as %v", info, read)
		}
	}
	for _, bad := range []map[string]string{{"a=b": "c"}, {"a\nb": "c"}, {"a": "b\nc=d"}} {
		if info, err := NewInfo(bad); err == nil {
			t.Errorf("%v is written as %q, which says something else", bad, info)
		}
	}
}

// TestLimitsOfState: a form that is wrong stays so, and a full table does not.
func TestLimitsOfState(t *testing.T) {
	for l, want := range map[Limit]bool{LimitName: false, LimitTerms: false, LimitLocks: true, LimitSessions: true, LimitLockWaits: true} {
		if l.OfState() != want {
			t.Errorf("of state, %q is %v", l, !want)
		}
	}
}

func TestPerson(t *testing.T) {
	session := map[string]string{"user": "alice", "host": "web1", "pid": "7", "command": "lockc run"}
	for want, grant := range map[string]map[string]string{
		"alice@web1, pid 7: lockc run":   nil,
		"alice@web1, pid 7: make deploy": {"command": "make deploy", "ticket": "OPS-7"},
		"@web1: x":                       {"user": "", "pid": "", "command": "x"},
	} {
		if got := Person(session, grant); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := Person(nil, map[string]string{"pid": "7"}); got != "pid 7" {
		t.Errorf("got %q", got)
	}
	if got := Person(nil, map[string]string{"ticket": "x"}); got != "" {
		t.Errorf("got %q", got)
	}
}
