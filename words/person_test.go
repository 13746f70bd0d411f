package words

import "testing"

func TestPersonsGoByWhatIsKnownOfThem(t *testing.T) {
	type info = map[string]string
	for _, test := range []struct {
		session, grant info
		want           string
	}{
		{nil, nil, ""},
		{info{"user": "alice", "host": "web1", "pid": "7", "command": "make deploy"}, nil, "alice@web1, pid 7: make deploy"},
		{info{"command": "lock.py"}, nil, "lock.py"},
		{nil, info{"command": "lock.py"}, "lock.py"},
		{info{"principal": "ci"}, nil, "ci"},
		{info{"principal": "ci", "command": "lock.py"}, nil, "ci: lock.py"},
		{info{"principal": "ci", "host": "web1"}, info{"command": "x"}, "ci@web1: x"},
		{info{"principal": "ci", "user": "alice"}, nil, "alice"},
		{info{"principal": "ci"}, info{"user": "alice"}, "alice"},
		{nil, info{"principal": "who says that himself"}, ""},
	} {
		if got := Person(test.session, test.grant); got != test.want {
			t.Errorf("%v, %v: got %q, want %q", test.session, test.grant, got, test.want)
		}
	}
}
