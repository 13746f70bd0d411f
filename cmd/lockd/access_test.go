package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/doors/access"
)

// TestTokenNew prints a token and the line that it is known by, and nothing else.
func TestTokenNew(t *testing.T) {
	code, printed, said := typeLine(t, "token new ci")
	lines := strings.Split(printed, "\n")
	if code != cli.OK || said != "" || len(lines) != 3 {
		t.Fatalf("exit code %d, printed %q, said %q", code, printed, said)
	}
	policy, err := access.Parse("access", []byte(lines[1]))
	if err != nil {
		t.Fatal(err)
	}
	if who, ok := policy.Who(lines[0]); !ok || who != "ci" {
		t.Errorf("the line does not know the token: %q", who)
	}
	if _, again, _ := typeLine(t, "token new ci"); again == printed {
		t.Error("the same token twice")
	}
	if code, _, said := typeLine(t, "token new a#b"); code != cli.Usage || !strings.Contains(said, `"a#b" is no name of a principal`) {
		t.Errorf("exit code %d, said %q", code, said)
	}
}

// TestTheHelpShowsRulesThatCount: the file in it is one.
func TestTheHelpShowsRulesThatCount(t *testing.T) {
	_, help, _ := typeLine(t, "token new --help")
	var file strings.Builder
	for line := range strings.Lines(help) {
		if rest, ok := strings.CutPrefix(line, "    "); ok && !strings.Contains(line, "sha256:…") && !strings.HasPrefix(rest, "Authorization") && !strings.HasPrefix(rest, " ") {
			file.WriteString(rest)
		}
	}
	policy, err := access.Parse("access", []byte(file.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, &file)
	}
	if !policy.May("ci", access.Lock, "deploy/x") || policy.May("ci", access.Lock, "x") || policy.LimitsOf("ci").Sessions != 16 || policy.LimitsOf("bob").Rate != 500 {
		t.Errorf("the rules are others:\n%s", &file)
	}
}

// TestTheHelpSaysWhatCountsWithoutALimit: with the numbers that do.
func TestTheHelpSaysWhatCountsWithoutALimit(t *testing.T) {
	l := access.DefaultLimits
	_, help, _ := typeLine(t, "token new --help")
	if want := fmt.Sprintf("rate=%.0f burst=%d open=%d sessions=%d", l.Rate, l.Burst, l.Open, l.Sessions); !strings.Contains(help, want) {
		t.Errorf("%q is not in:\n%s", want, help)
	}
}

// TestAccessThatCannotBeMeant: a node whose doors are not as they were meant does
// not start.
func TestAccessThatCannotBeMeant(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte("# fine\nallow ci everything x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const node = "node -name a -peers a=127.0.0.1:1,b=127.0.0.1:2"
	for _, test := range []struct {
		line, want string
		code       int
	}{
		{node + " -access " + broken, "-access is about the public API, and about clients with certificates, of which this node has neither: add -api ADDRESS or -tls-cert", cli.Usage},
		{node + " -api 127.0.0.1:0 -access " + broken, broken + `:2: "everything" is no right: want read, lock or admin`, cli.Config},
		{node + " -api 127.0.0.1:0 -access " + filepath.Join(dir, "none"), "no such file or directory; name their file with -access", cli.Config},
		{node + " -api 127.0.0.1:0 -access " + dir, "is no file", cli.Config},
		{node + " -api 127.0.0.1:0 -access env:NOWHERE", `-access env:NOWHERE: the environment has no variable "NOWHERE" with anything in it`, cli.Config},
		{node + " -api 127.0.0.1:0 -audit " + filepath.Join(dir, "none", "audit"), "no such file or directory; choose another file with -audit", cli.CantCreate},
		{node + " -api 0.0.0.0:0", "give certificates with -tls-cert, -tls-key and -tls-ca, or allow it with -insecure", cli.Usage},
	} {
		code, _, said := typeLine(t, test.line, "-log-level", "error", "-data", filepath.Join(t.TempDir(), "state"))
		if code != test.code || !strings.Contains(said, test.want) || strings.Count(said, "\n") != 1 {
			t.Errorf("lockd %s: exit code %d, said %q; want %q", test.line, code, said, test.want)
		}
	}
}

// TestAccessFromTheEnvironment: the rules may stand there, where nothing changes them
// while the node runs; and what is wrong there is said like what is wrong in a file.
func TestAccessFromTheEnvironment(t *testing.T) {
	secret, line, err := access.NewToken("ci")
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"RULES": line + "\nallow ci lock deploy/*\n", "BROKEN": "\nallow ci everything x\n", "BLANK": " \n", "TOKEN": "token ci " + secret}
	open := func(name string) (entrance, error) {
		p := newProgram()
		p.Getenv = func(name string) string { return environment[name] }
		p.access = "env:" + name
		return p.newEntrance(nil, slog.New(slog.DiscardHandler))
	}
	front, err := open("RULES")
	if err != nil {
		t.Fatal(err)
	}
	front.look() // at what has not changed
	policy := front.book.Policy()
	if who, ok := policy.Who(secret); !ok || who != "ci" || !policy.May("ci", access.Lock, "deploy/x") || policy.May("ci", access.Lock, "x") {
		t.Errorf("the rules are others: %q may", who)
	}
	for name, want := range map[string]string{
		"BROKEN": `$BROKEN:2: "everything" is no right: want read, lock or admin`,
		"BLANK":  `the environment has no variable "BLANK" with anything in it`,
		"TOKEN":  "$TOKEN:1: this is a token itself",
	} {
		if _, err := open(name); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFilesAreFollowed: a change counts within two seconds, and a mistake is said, though
// nobody comes; and only until the nodes stop.
func TestFilesAreFollowed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "access")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("allow ci lock x\n")
	var said bytes.Buffer
	p := newProgram()
	p.access = file
	front, err := p.newEntrance(nil, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		over, ended := make(chan struct{}), make(chan struct{})
		go func() { front.follow(over); close(ended) }()
		pass := func() { time.Sleep(lookEvery); synctest.Wait() }
		write("allow eve read *\n")
		if pass(); !front.book.Policy().May("eve", access.Read, "x") {
			t.Error("new rules don't count")
		}
		write("allow eve\n")
		pass()
		if pass(); strings.Count(said.String(), "access:1: want allow PRINCIPAL RIGHT NAMES") != 1 {
			t.Errorf("of a mistake is said: %s", &said)
		}
		close(over)
		<-ended
	})
}

// TestProxiesReachTheDoors: what is said of them is what the doors of a port know.
func TestProxiesReachTheDoors(t *testing.T) {
	p := newProgram()
	if err := p.Flags.Set("api-proxies", "10.0.0.0/24"); err != nil {
		t.Fatal(err)
	}
	front, err := p.newEntrance(nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	d, _, _ := front.forPort(false, slog.New(slog.NewTextHandler(&said, nil)))
	if !strings.Contains(said.String(), "whoever reaches them may do everything") {
		t.Errorf("nobody is warned of doors that are open to whom a proxy brings: %s", &said)
	}
	for address, want := range map[string]bool{"10.0.0.7:5": true, "10.0.1.7:5": false} {
		if from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)); d.Many(from) != want {
			t.Errorf("%s is a proxy: %t", address, !want)
		}
	}
}
