package main

import (
	"bytes"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestNodesThatCannotBeMeant: each mistake gets one line, before anything is
// started or written.
func TestNodesThatCannotBeMeant(t *testing.T) {
	const three = "a=127.0.0.1:1,b=127.0.0.1:2,c=127.0.0.1:3"
	for _, test := range []struct{ line, want string }{
		{"node", "say with -peers which nodes there are, this one among them: a=ADDR"},
		{"node -peers " + three, "say with -name which of a, b, c this node is"},
		{"node -name d -peers " + three, "-peers lists a, b, c, and not this node, d: a node lists itself too"},
		{"node -found -name a -peers " + three, "-found is for a node that founds a cluster alone, and -peers lists a, b, c"},
		{"node -name a/b -peers " + three, "is no name of a node"},
		{"node -name a -peers a=127.0.0.1:1,a=127.0.0.1:2", "two nodes are called a"},
		{"node -name a -peers a=127.0.0.1:1,b=127.0.0.1:1", "127.0.0.1:1 is the address of a and of b"},
		{"node -name a -peers 127.0.0.1:1,127.0.0.1:2", "want NAME=ADDRESS"},
		{"node -name a -peers " + three + " -listen 127.0.0.1:9", "-listen 127.0.0.1:9 is not the address of this node in -peers, 127.0.0.1:1"},
		{"node -name a -peers " + three + " -durability disk", "-durability disk: want one of fsync, memory"},
		{"node -name a -peers " + three + " -suspect 9", "lockd node has no flag -suspect"},
		{"node a -peers " + three, `"a" is one too many`},
		{"trio 127.0.0.1:1 127.0.0.1:2", "C is missing: the form is lockd trio [A B C]"},
		{"trio 127.0.0.1:1 127.0.0.1:2 127.0.0.1:1", "named twice"},
		{"pair -quiet", "lockd pair has no flag -quiet"},
	} {
		var said bytes.Buffer
		p := newProgram()
		p.Stderr = &said
		p.Getenv = func(string) string { return "" }
		code := p.Main(strings.Fields(test.line))
		if code != cli.Usage || !strings.Contains(said.String(), test.want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, &said, test.want)
		}
	}
}

func TestWhatIsBoundCanBeFound(t *testing.T) {
	for _, test := range []struct {
		listen, told string
		want         bool
	}{
		{"127.0.0.1:1", "127.0.0.1:1", true},
		{"127.0.0.1:2", "127.0.0.1:1", false},
		{"127.0.0.2:1", "127.0.0.1:1", false},
		{":1", "127.0.0.1:1", true},
		{"0.0.0.0:2", "127.0.0.1:1", false},
		{"127.0.0.1:1", "localhost:1", true},
		{"localhost:1", "127.0.0.1:1", true},
		{"localhost:2", "127.0.0.1:1", false},
		{"10.0.0.1:1", "localhost:1", false},
		{"10.0.0.1:1", "127.0.0.1:1", false},
		{"0.0.0.0:7101", "ha:7101", true},
		{"0.0.0.0:7101", "ha:9000", true}, // translated
		{"10.0.0.1:7101", "ha:9000", true},
		{"ha:7101", "ha:9000", false},
		{"127.0.0.1:7101", "ha:9000", true}, // behind something on this machine
		{"[::1]:1", "[::1]:2", false},
	} {
		if got := found(test.listen, test.told); got != test.want {
			t.Errorf("listen %s, told %s: got %v", test.listen, test.told, got)
		}
	}
}

func TestDurabilityHasADefaultForEachCommand(t *testing.T) {
	for text, want := range map[string][2]bool{"": {true, false}, "fsync": {true, true}, "memory": {false, false}} {
		d, err := parseDurability(text)
		if got := [2]bool{d.orElse(fsync), d.orElse(memory)}; err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestNodesOfPairsAndClustersHaveFoldersOfTheirOwn(t *testing.T) {
	home := func(string) string { return "/state" }
	pair, _ := stateDir("", "h:1", home)
	member, err := namedDir("", cli.Peer{Name: "a", Address: "h:1"}, home)
	if err != nil || pair == member || member != "/state/lockstep/a@h:1" {
		t.Errorf("got %s and %s, %v", pair, member, err)
	}
}
