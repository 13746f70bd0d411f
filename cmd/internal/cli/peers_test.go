package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestPeers(t *testing.T) {
	var peers []Peer
	flags := NewFlags("toy")
	Peers(flags, &peers, "peers", "nodes")
	if err := flags.Set("peers", "a=127.0.0.1:1, b-2=[::1]:7101,c.x_y=host:3"); err != nil {
		t.Fatal(err)
	}
	if want := []Peer{{"a", "127.0.0.1:1"}, {"b-2", "[::1]:7101"}, {"c.x_y", "host:3"}}; !slices.Equal(peers, want) {
		t.Errorf("got %v", peers)
	}
	for text, want := range map[string]string{
		"a":                              `"a" is no node: want NAME=ADDRESS`,
		"a=h:1,":                         `"" is no node`,
		"=h:1":                           `"" is no name of a node: it is empty`,
		"-a=h:1":                         "begins with a letter",
		"..=h:1":                         "begins with a letter",
		"a:b=h:1":                        "want letters, digits",
		"a/b=h:1":                        "want letters, digits",
		"ä=h:1":                          "want letters, digits",
		strings.Repeat("x", 33) + "=h:1": "longer than 32",
		"a=":                             `"" is no address of node a: it is empty`,
		"a=h":                            "the port is missing",
		"a=0.0.0.0:1":                    "every address of a machine",
		"a=h:1,a=h:2":                    "two nodes are called a",
		"a=h:1,b=h:1":                    "h:1 is the address of a and of b",
	} {
		if err := flags.Set("peers", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
