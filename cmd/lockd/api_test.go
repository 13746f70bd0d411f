package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
)

// TestPublicPortsThatCannotBeMeant: each mistake gets one line with a way out, and
// the node is not started.
func TestPublicPortsThatCannotBeMeant(t *testing.T) {
	const node = "node -name a -peers a=127.0.0.1:1,b=127.0.0.1:2"
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{node + " -api 7180", "-api 7180: want host:port", cli.Usage},
		{node + " -api 127.0.0.1:x", "the port \"x\" is no number from 0 to 65535", cli.Usage},
		{node + " -api unix:", "the path is missing", cli.Usage},
		{node + " -api unix:/" + strings.Repeat("x", 200), "the path has 201 bytes", cli.Usage},
		{node + " -api 0.0.0.0:7180", "allow it with -insecure", cli.Usage},
		{node + " -api " + taken.Addr().String(), "something else does; stop it, or choose another address with -api", cli.Unavailable},
		{node + " -api unix:" + file, "something that is no socket has this name; choose another address with -api", cli.CantCreate},
		{node + " -api unix:" + filepath.Join(folder, "none", "s"), "no such file or directory; make its folder, or choose another address", cli.CantCreate},
		{node + " -api-proxies 10.0.0.7", "-api-proxies is about who comes to the API over the network, and nobody does", cli.Usage},
		{node + " -api unix:/run/s -api-proxies 10.0.0.7", "-api-proxies is about who comes to the API over the network", cli.Usage},
		{node + " -api 127.0.0.1:0 -api-proxies 10.0.0.7/8", "10.0.0.7/8 is an address and no network", cli.Usage},
		{"-p unix:/run/p 127.0.0.1:1", "a socket with a path reaches nobody back", cli.Usage},
		{"-b 127.0.0.1:1 unix:/run/b", "-api unix:PATH for programs on this machine", cli.Usage},
		{"node -name a -peers a=unix:/run/a", "a socket with a path reaches nobody back", cli.Usage},
		{node + " -listen unix:/run/a", "a socket with a path reaches nobody back", cli.Usage},
	} {
		var said bytes.Buffer
		p := newProgram()
		p.Stderr = &said
		p.Getenv = func(string) string { return "" }
		code := p.Main(append(strings.Fields(test.line), "-data", filepath.Join(t.TempDir(), "a")))
		if code != test.code || !strings.Contains(said.String(), test.want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, &said, test.want)
		}
	}
}

// TestEachNodeOfAProcessHasItsPublicPort: what the help says.
func TestEachNodeOfAProcessHasItsPublicPort(t *testing.T) {
	for _, test := range []struct {
		first string
		n     int
		want  string
	}{
		{"127.0.0.1:7180", 0, "127.0.0.1:7180"}, {"127.0.0.1:7180", 2, "127.0.0.1:7182"},
		{"[::1]:7180", 1, "[::1]:7181"}, {"127.0.0.1:0", 2, "127.0.0.1:0"},
		{"unix:/run/s", 0, "unix:/run/s"}, {"unix:/run/s", 1, "unix:/run/s.2"},
	} {
		if got, err := apiOf(test.first, test.n); got != test.want || err != nil {
			t.Errorf("%s, %d: %s, %v", test.first, test.n, got, err)
		}
	}
	if _, err := apiOf("127.0.0.1:65535", 1); err == nil || !strings.Contains(err.Error(), "leaves no port") {
		t.Errorf("got %v", err)
	}
}
