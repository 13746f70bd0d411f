package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/cmd/internal/cli"
	"lockstep/trust"
)

func typeLine(t *testing.T, line string, more ...string) (code int, printed, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := newProgram()
	p.Stdout, p.Stderr = &stdout, &stderr
	p.Getenv = func(string) string { return "" }
	code = p.Main(append(strings.Fields(line), more...))
	return code, stdout.String(), stderr.String()
}

// TestCertsSaysWhatToTypeNext: what it prints is there, and fits.
func TestCertsSaysWhatToTypeNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	code, printed, said := typeLine(t, "certs -nodes a=localhost,b=hb:7000,b=10.0.0.2 -clients alice", dir)
	if code != cli.OK {
		t.Fatalf("exit code %d: %s", code, said)
	}
	for _, want := range []string{
		"Whoever has " + dir + "/ca.key can be\neverybody",
		"lockd node -name a -peers a=localhost:7101,b=hb:7000 -tls-cert " + dir + "/a.crt -tls-key " + dir + "/a.key -tls-ca " + dir + "/ca.crt\n",
		"lockd node -name b -peers a=localhost:7101,b=hb:7000 -tls-cert " + dir + "/b.crt",
		"lockc status -nodes localhost:7101,hb:7000 -tls-cert " + dir + "/alice.crt -tls-key " + dir + "/alice.key -tls-ca " + dir + "/ca.crt\n",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not in\n%s", want, printed)
		}
	}
	for name, hosts := range map[string][]string{"a": {"localhost", "127.0.0.1", "::1"}, "b": {"hb", "10.0.0.2"}} {
		k, err := trust.Open(trust.FilesIn(dir, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"localhost", "127.0.0.1", "::1", "hb", "10.0.0.2", "hc"} {
			if is := k.Identity().Party().IsNode(host); is != slices.Contains(hosts, host) {
				t.Errorf("%s at %s: %v", name, host, is)
			}
		}
	}
	code, printed, _ = typeLine(t, "certs -clients bob", dir)
	if code != cli.OK || strings.Contains(printed, "ca.key") || !strings.Contains(printed, "    lockc status -tls-cert "+dir+"/bob.crt") {
		t.Errorf("one more: exit code %d:\n%s", code, printed)
	}
}

// TestCertsThatCannotBeMeant: each mistake gets one line, and nothing is made.
func TestCertsThatCannotBeMeant(t *testing.T) {
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{"certs", "say whom the certificates are for", cli.Usage},
		{"certs -nodes a", `"a" is no node: want NAME=HOST`, cli.Usage},
		{"certs -nodes a=", "no host of node a", cli.Usage},
		{"certs -nodes a=0.0.0.0", "every address of a machine", cli.Usage},
		{"certs -nodes ../a=h", `"../a" is no name for a certificate`, cli.Usage},
		{"certs -nodes ca=h", "ca is what the files of the authority are called", cli.Usage},
		{"certs -clients ca", "ca is what the files of the authority are called", cli.Usage},
		{"certs -clients a,a", "a is named twice", cli.Usage},
		{"certs -clients ,", "it is empty", cli.Usage},
		{"certs -nodes a=h -clients a", "a is named twice: nodes and clients have names of their own", cli.Usage},
		{"certs -tick 5s", "has no flag -tick", cli.Usage},
	} {
		dir := filepath.Join(t.TempDir(), "tls")
		code, _, said := typeLine(t, test.line, dir)
		if code != test.code || !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, said, test.want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("lockd %s: made a directory", test.line)
		}
	}
	dir := t.TempDir()
	if code, _, said := typeLine(t, "certs -clients a", dir); code != cli.OK {
		t.Fatal(said)
	}
	if code, _, said := typeLine(t, "certs -clients a,b", dir); code != cli.CantCreate || !strings.Contains(said, "a.crt is there already") {
		t.Errorf("again: exit code %d, said %q", code, said)
	}
}

// TestCertificatesThatDoNotFit: a node that nobody would believe does not start.
func TestCertificatesThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	if code, _, said := typeLine(t, "certs -nodes a=10.0.0.1 -clients alice", dir); code != cli.OK {
		t.Fatal(said)
	}
	flags := func(name string) string {
		f := trust.FilesIn(dir, name)
		return " -tls-cert " + f.Certificate + " -tls-key " + f.Key + " -tls-ca " + f.Authorities
	}
	a := trust.FilesIn(dir, "a")
	const node = "node -name a -peers a=127.0.0.1:1,b=127.0.0.1:2"
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{node + " -tls-cert " + a.Certificate, "-tls-key is missing: -tls-cert, -tls-key and -tls-ca go together", cli.Usage},
		{node + " -tls-ca " + a.Authorities, "-tls-cert is missing", cli.Usage},
		{node + " -insecure" + flags("a"), "-insecure and -tls-cert exclude each other", cli.Usage},
		{node + flags("none"), "none.crt: no such file", cli.Config},
		{node + flags("alice"), `the certificate is for client "alice", and a node needs one that servers may use`, cli.Config},
		{node + flags("a"), `the certificate is for "a" at 10.0.0.1, and others reach this process at 127.0.0.1: give it one`, cli.Config},
		{"-p 127.0.0.1:1 127.0.0.1:2" + flags("a"), "the certificate is for", cli.Config},
		{"-b 127.0.0.1:1 127.0.0.1:2" + flags("alice"), "a node needs one that servers may use", cli.Config},
		{"pair 127.0.0.1:1 127.0.0.1:2" + flags("alice"), "a node needs one that servers may use", cli.Config},
		{"trio 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3" + flags("alice"), "a node needs one that servers may use", cli.Config},
		{"node -name a -peers a=192.0.2.1:7101,b=192.0.2.2:7101", "give certificates with -tls-cert, -tls-key and -tls-ca, or allow it with -insecure", cli.Usage},
	} {
		code, _, said := typeLine(t, test.line, "-log-level", "error", "-data", filepath.Join(t.TempDir(), "state"))
		if code != test.code || !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, said, test.want)
		}
	}
}
