package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

func TestMembersForPeople(t *testing.T) {
	list := newMemberList([]lockstep.Member{
		{Name: "b", Address: "h:2", Voter: true, Quiet: true}, {Name: "c", Address: "h:3"}, {Name: "a", Address: "h:1", Voter: true},
	})
	wantText(t, membersText(list, false), `NODE   ADDRESS   PART
a      h:1       votes
b      h:2       votes, serves nobody
c      h:3       catching up
`)
	var out bytes.Buffer
	p := newProgram()
	p.Stdout, p.json = &out, true
	if err := p.show(list, ""); err != nil {
		t.Fatal(err)
	}
	wantText(t, out.String(), `{"members":[{"name":"a","address":"h:1","voter":true,"quiet":false},{"name":"b","address":"h:2","voter":true,"quiet":true},{"name":"c","address":"h:3","voter":false,"quiet":false}]}`+"\n")
	out.Reset()
	if err := p.show(newMemberList(nil), ""); err != nil || out.String() != "{\"members\":[]}\n" {
		t.Errorf("nobody: %q, %v", &out, err)
	}
}

func TestOrdersThatCannotBeMeant(t *testing.T) {
	for line, want := range map[string]string{
		"cluster":                         "say which: cluster list, cluster add, cluster remove, cluster bootstrap",
		"cluster add":                     "NAME=ADDRESS is missing: the form is lockc cluster add NAME=ADDRESS",
		"cluster add d":                   `"d" is no node: want NAME=ADDRESS`,
		"cluster add d=nowhere":           `"nowhere" is no address of node d: the port is missing`,
		"cluster add d/e=h:1":             `"d/e" is no name of a node`,
		"cluster remove":                  "NAME is missing",
		"cluster remove d/e":              `"d/e" is no name of a node`,
		"cluster remove h:1:2":            "no address of a node",
		"cluster list x":                  `"x" is one too many`,
		"cluster list -quiet":             "lockc cluster list has no flag -quiet",
		"cluster bootstrap":               "say with -node whose copy goes on",
		"cluster bootstrap -node a":       `"a" is no address of a node: the port is missing`,
		"cluster bootstrap -nodes a:1":    "lockc cluster bootstrap has no flag -nodes",
		"cluster add d=h:1 -json":         "lockc cluster add has no flag -json",
		"switchover a b":                  `"b" is one too many`,
		"switchover a/b":                  `"a/b" is no name of a node`,
		"switchover -timeout 3 b":         "-timeout 3: want a time span",
		"switchover a:1:2":                "no address of a node",
		"cluster remove a -nodes h:1,h:1": "named twice",
	} {
		p, said := typing(nil)
		if code := p.Main(strings.Fields(line)); code != cli.Usage || !strings.Contains(said.String(), want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("lockc %s: exit code %d, said %q, want %q", line, code, said, want)
		}
	}
}

func TestAQuietNodeIsOneThatWasAddedSo(t *testing.T) {
	for _, test := range []struct {
		line string
		want bool
	}{{"cluster add d=h:1", false}, {"cluster add d=h:1 -quiet", true}} {
		p, said := typing(map[string]string{"LOCKC_QUIET": "1"}) // what lockc run is to say
		noting(p)
		if code := p.Main(strings.Fields(test.line)); code != 0 || p.quiet != test.want {
			t.Errorf("lockc %s: exit code %d, quiet %v: %s", test.line, code, p.quiet, said)
		}
	}
}

func TestWhyAnOrderWasNotDone(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, test := range []struct {
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{t.Context(), fmt.Errorf("lockstep: add d: %w", &lockstep.OrderError{Reason: "nobody seeks: start lockd node"}), cli.NoPerm, "nobody seeks: start lockd node"},
		{interrupted, context.Canceled, cli.Interrupted, "the nodes go on"},
		{t.Context(), fmt.Errorf("lockstep: %w: %w", lockstep.ErrNoQuorum, context.DeadlineExceeded), cli.Unavailable, "not done within 1m0s; the nodes go on with what they have begun, and the same again asks how far they are; no quorum: "},
		{t.Context(), fmt.Errorf("lockstep: %w", context.DeadlineExceeded), cli.Unavailable, "not done within 1m0s"},
		{t.Context(), lockstep.ErrIncompatible, cli.Protocol, "incompatible"},
		{t.Context(), errors.New("lockstep: odd"), cli.Unavailable, "odd"},
	} {
		p := newProgram()
		p.timeout, p.nodes = orderWait, nil
		var failure *cli.Failure
		if err := p.unordered(test.ctx, test.err); !errors.As(err, &failure) || failure.Code != test.code || !strings.Contains(failure.Text, test.want) {
			t.Errorf("%v: got %v, want %d and %q", test.err, err, test.code, test.want)
		}
	}
}

func TestOnlyYesIsYes(t *testing.T) {
	for typed, want := range map[string]bool{"yes\n": true, " yes \n": true, "yes": true, "y\n": false, "\n": false, "": false, "yes please\n": false} {
		p, said := typing(nil)
		if err := p.confirm(strings.NewReader(typed), "really?"); (err == nil) != want || said.String() != "really? Type yes: " {
			t.Errorf("%q: got %v, said %q", typed, err, said)
		}
	}
}

func TestProgressIsNotRepeated(t *testing.T) {
	p, said := typing(nil)
	progress := p.progress()
	for _, text := range []string{"one", "one", "two\n", "one"} {
		progress(text)
	}
	wantText(t, said.String(), "lockc: one\nlockc: two \nlockc: one\n")
}

func TestANodeThatWasJustStartedIsWaitedFor(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	refusal := &lockstep.OrderError{Reason: "not heard"}
	tries := 0
	twice := func() error {
		if tries++; tries < 3 {
			return refusal
		}
		return nil
	}
	if err := newProgram().insist(t.Context(), listener.Addr().String(), twice); err != nil || tries != 3 {
		t.Errorf("somebody listens: %d tries, %v", tries, err)
	}
	tries = 0
	if err := newProgram().insist(t.Context(), "127.0.0.1:1", twice); !errors.Is(err, refusal) || tries != 1 {
		t.Errorf("nobody listens: %d tries, %v", tries, err)
	}
	tries = 0
	if err := newProgram().insist(t.Context(), listener.Addr().String(), func() error { tries++; return context.DeadlineExceeded }); tries != 1 {
		t.Errorf("another error: %d tries, %v", tries, err)
	}
}
