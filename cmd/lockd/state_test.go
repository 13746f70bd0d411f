package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"lockstep/cmd/internal/cli"
)

func TestStateDirectories(t *testing.T) {
	environment := func(xdg, home string) func(string) string {
		return func(name string) string { return map[string]string{"XDG_STATE_HOME": xdg, "HOME": home}[name] }
	}
	for _, test := range []struct{ data, xdg, home, node, member string }{
		{"", "", "/home/me", "/home/me/.local/state/lockstep/a:1", "/home/me/.local/state/lockstep/a:1"},
		{"", "/state", "/home/me", "/state/lockstep/a:1", "/state/lockstep/a:1"},
		{"", "relative", "/home/me", "/home/me/.local/state/lockstep/a:1", "/home/me/.local/state/lockstep/a:1"},
		{"/data", "/state", "/home/me", "/data", "/data/a:1"},
		{"here", "", "", "here", "here/a:1"},
		{"", "", "", "", ""},
	} {
		node, nodeErr := stateDir(test.data, "a:1", environment(test.xdg, test.home))
		member, memberErr := memberDir(test.data, "a:1", environment(test.xdg, test.home))
		if node != test.node || member != test.member {
			t.Errorf("%+v: got %q and %q", test, node, member)
		}
		if (nodeErr != nil) != (test.node == "") || (memberErr != nil) != (test.member == "") {
			t.Errorf("%+v: got %v and %v", test, nodeErr, memberErr)
		}
	}
}

func TestStateDirectoryHasOneOwner(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "of", "a node")
	first, err := claim(dir, "a:1")
	if err != nil {
		t.Fatal(err)
	}
	var failure *cli.Failure
	if _, err := claim(dir, "a:1"); !errors.As(err, &failure) || failure.Code != cli.Unavailable {
		t.Errorf("a second owner: %v", err)
	}
	first.Close()
	again, err := claim(dir, "a:1")
	if err != nil {
		t.Fatalf("after the first has gone: %v", err)
	}
	again.Close()
}

func TestStateDirectoryThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var failure *cli.Failure
	if _, err := claim(file, "a:1"); !errors.As(err, &failure) || failure.Code != cli.CantCreate {
		t.Errorf("got %v", err)
	}
}
