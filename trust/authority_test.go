package trust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestIssue: nodes and clients get what they need, and nobody else their keys.
func TestIssue(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	founded, err := Issue(dir, []Grantee{{Name: "a", Hosts: []string{"10.0.0.1", "ha.example", "::1"}}, {Name: "alice"}})
	if err != nil || !founded {
		t.Fatalf("founded %v, %v", founded, err)
	}
	for name, mode := range map[string]os.FileMode{
		"ca.key": 0o600, "a.key": 0o600, "alice.key": 0o600, "ca.crt": 0o644, "a.crt": 0o644, "alice.crt": 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&^mode != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	a, alice := open(t, FilesIn(dir, "a")).Identity().Party(), open(t, FilesIn(dir, "alice")).Identity().Party()
	for host, is := range map[string]bool{
		"10.0.0.1": true, "ha.example": true, "HA.example": true, "::1": true, "::1%lo": true,
		"10.0.0.2": false, "hb.example": false, "a": false, "": false, "ha.example.": true, "x.ha.example": false,
	} {
		if a.IsNode(host) != is {
			t.Errorf("a at %q: %v", host, !is)
		}
		if alice.IsNode(host) {
			t.Errorf("alice is a node at %q", host)
		}
	}
	if a.IsClient() || !alice.IsClient() || a.Name() != "a" || alice.Name() != "alice" {
		t.Errorf("%s, %s", a, alice)
	}
	if a.String() != `"a" at ha.example, 10.0.0.1, ::1` || alice.String() != `client "alice"` {
		t.Errorf("%s, %s", a, alice)
	}
}

// TestIssueAgain: later certificates are of the same authority, and nothing that
// was there is changed.
func TestIssueAgain(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, Grantee{Name: "alice"})
	before := contents(t, dir)
	if founded, err := Issue(dir, []Grantee{{Name: "bob"}}); err != nil || founded {
		t.Fatalf("founded %v, %v", founded, err)
	}
	open(t, FilesIn(dir, "bob"))
	for _, again := range []string{"alice", "bob"} {
		if _, err := Issue(dir, []Grantee{{Name: "carol"}, {Name: again}}); err == nil || !strings.Contains(err.Error(), again+".crt is there already") {
			t.Errorf("%s again: %v", again, err)
		}
	}
	after := contents(t, dir)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
	if len(after) != len(before)+2 {
		t.Errorf("there are %d files, want two more than %d", len(after), len(before))
	}
}

// TestAuthoritiesThatCannotSign get one line each.
func TestAuthoritiesThatCannotSign(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"no key":         {func(dir string) error { return os.Remove(filepath.Join(dir, authorityKey)) }, "has no key beside it"},
		"no certificate": {func(dir string) error { return os.Remove(filepath.Join(dir, AuthorityFile)) }, "has no certificate beside it"},
		"another's key": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "alice.key"), filepath.Join(dir, authorityKey))
		}, "is not the key of the authority"},
		"no PEM": {func(dir string) error { return os.WriteFile(filepath.Join(dir, authorityKey), []byte("x"), 0o600) }, "is no PRIVATE KEY in PEM"},
		"damaged": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, authorityKey), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600)
		}, "ca.key: "},
	} {
		dir := t.TempDir()
		issue(t, dir, Grantee{Name: "alice"})
		if err := test.spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Issue(dir, []Grantee{{Name: "bob"}}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "bob.crt")); err == nil {
			t.Errorf("%s: a certificate was made", name)
		}
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}
