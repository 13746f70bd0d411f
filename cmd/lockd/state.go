package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"lockstep/cmd/internal/cli"
)

// stateDir is where a node keeps its identity.
func stateDir(data, self string, getenv func(string) string) (string, error) {
	if data != "" {
		return data, nil
	}
	root, err := stateHome(getenv)
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "lockstep", self), nil
}

// memberDir is the same for a node of lockd pair: -data has a directory for each.
func memberDir(data, self string, getenv func(string) string) (string, error) {
	if data != "" {
		return filepath.Join(data, self), nil
	}
	return stateDir("", self, getenv)
}

// stateHome is ${XDG_STATE_HOME:-~/.local/state}. The XDG rules want a relative
// path ignored.
func stateHome(getenv func(string) string) (string, error) {
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state"), nil
	}
	return "", cli.Fail(cli.CantCreate, "there is no place for this node's state, since HOME is not set: choose one with -data")
}

// dying is how long the last life of a node, killed a moment ago, may still hold
// its state directory.
const dying = 500 * time.Millisecond

// errTaken says that another process holds a state directory.
var errTaken = errors.New("taken")

// claim makes a state directory this process's own. Two lives of a node at once
// would overwrite each other's identity, and a view could be used twice. The
// system takes the claim back when the process ends, however it ends.
func claim(dir, self string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cli.Fail(cli.CantCreate, "cannot make the state directory: %v; choose another with -data", err)
	}
	held, err := lockFile(filepath.Join(dir, "lock"))
	for deadline := time.Now().Add(dying); errors.Is(err, errTaken) && time.Now().Before(deadline); {
		time.Sleep(dying / 20)
		held, err = lockFile(filepath.Join(dir, "lock"))
	}
	switch {
	case errors.Is(err, errTaken):
		return nil, cli.Fail(cli.Unavailable, "%s runs already: another lockd uses the state directory %s; stop that one, or give this node another address and -data", self, dir)
	case err != nil:
		return nil, cli.Fail(cli.CantCreate, "cannot use the state directory: %v; choose another with -data", err)
	default:
		return held, nil
	}
}
