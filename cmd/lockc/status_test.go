package main

import (
	"bytes"
	"testing"
	"time"

	"lockstep"
)

var somePair = []lockstep.NodeStatus{
	{Name: "127.0.0.1:7101", Role: "primary", View: 3, Index: 17, Peer: "127.0.0.1:7102", Paired: true, Heard: 50 * time.Millisecond},
	{Name: "127.0.0.1:7102", Role: "joining", Peer: "127.0.0.1:7101\x1b[2J", Heard: -1},
}

func TestStatusForPeople(t *testing.T) {
	const want = `NODE             ROLE      VIEW   INDEX   PEER                 PAIRED       HEARD ITS PEER
127.0.0.1:7101   primary   3      17      127.0.0.1:7102       paired       50ms ago
127.0.0.1:7102   joining   0      0       127.0.0.1:7101 [2J   not paired   never
`
	if got := newProgram().table(somePair); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestStatusForPrograms(t *testing.T) {
	var out bytes.Buffer
	p := newProgram()
	p.Stdout, p.json = &out, true
	if err := p.printStatus(somePair[:1]); err != nil {
		t.Fatal(err)
	}
	const want = `{"nodes":[{"name":"127.0.0.1:7101","role":"primary","view":3,"index":17,"peer":"127.0.0.1:7102","paired":true,"heard_ms":50}]}` + "\n"
	if out.String() != want {
		t.Errorf("got %s, want %s", &out, want)
	}
	out.Reset()
	if err := p.printStatus(nil); err != nil || out.String() != "{\"nodes\":[]}\n" {
		t.Errorf("no nodes: %s, %v", &out, err)
	}
}
