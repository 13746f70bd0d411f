package tests

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/trust"
)

// deed is a line of an audit log.
type deed struct {
	Msg, Principal, From, Why, What, Lock, Reason, Outcome string
}

// audited reads the audit logs of both nodes.
func (g *guarded) audited() (all []deed) {
	g.t.Helper()
	for _, name := range []string{"audit-p", "audit-b"} {
		text, err := os.ReadFile(g.path(name))
		if err != nil {
			g.t.Fatal(err)
		}
		g.noSecrets(name, string(text))
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") {
				break // it is being written
			}
			var one deed
			if err := json.Unmarshal([]byte(line), &one); err != nil {
				g.t.Fatalf("%s: %q: %v", name, line, err)
			}
			all = append(all, one)
		}
	}
	return all
}

// lockc types a command in somebody's name, and returns its exit code.
func (g *guarded) lockc(who string, args ...string) (code int, said string) {
	g.t.Helper()
	f := trust.FilesIn(g.path("tls"), who)
	lockc := exec.Command(binary(g.t, "lockc"), append(args, "-nodes", strings.Join(g.nodes, ","),
		"-tls-cert", f.Certificate, "-tls-key", f.Key, "-tls-ca", f.Authorities)...)
	text, err := lockc.CombinedOutput()
	if lockc.ProcessState == nil {
		g.t.Fatal(err)
	}
	return lockc.ProcessState.ExitCode(), string(text)
}

// TestOrdersAreAudited: what operators do at the port of the nodes is written down
// as what they do through the API is, and who is not admitted there, too.
func TestOrdersAreAudited(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	for _, typed := range []struct {
		who  string
		args []string
		code int
	}{
		{"alice", []string{"lock", "deploy/x"}, 0},
		{"alice", []string{"release", "--force", "deploy/x", "--reason", "it hangs"}, 0},
		{"alice", []string{"switchover"}, 0},
		{"bob", []string{"switchover"}, 77},
	} {
		if code, said := g.lockc(typed.who, typed.args...); code != typed.code {
			t.Fatalf("%s types %q: exit code %d, %s", typed.who, typed.args, code, said)
		}
	}
	all := g.audited()
	for _, want := range []deed{
		{Msg: "revoke", Principal: "alice", Lock: "deploy/x", Reason: "it hangs", Outcome: "released"},
		{Msg: "switchover", Principal: "alice", Outcome: "done"},
		{Msg: "refused", Principal: "bob", Why: "permission_denied", What: "the port of the nodes"},
	} {
		at := slices.IndexFunc(all, func(d deed) bool {
			from := d.From
			d.From = ""
			return d == want && strings.HasPrefix(from, "127.0.0.1:")
		})
		if at < 0 {
			t.Errorf("%+v is not among %+v", want, all)
		}
	}
	rules, err := os.ReadFile(g.path("access"))
	if err != nil {
		t.Fatal(err)
	}
	g.write("access", string(rules)+"allow bob admin *\n")
	changed := func(d deed) bool { return d.Msg == "new rules" && d.From == g.path("access") }
	for end := time.Now().Add(20 * time.Second); !slices.ContainsFunc(g.audited(), changed); {
		if time.Now().After(end) {
			t.Fatal("the new rules are not written down")
		}
		time.Sleep(10 * time.Millisecond) // the nodes look at it by themselves
	}
	for _, d := range all {
		if d.Msg == "lock" {
			t.Errorf("%+v: taking a lock is nobody's office", d)
		}
	}
}
