package main

import (
	"errors"
	"io/fs"
	"os/exec"

	"lockstep/cmd/internal/cli"
)

// Exit codes of run and elect, besides those of all programs.
const (
	codeBusy      = 75 // changed by -E
	codeLost      = 76
	cannotExecute = 126
	notFound      = 127
	signalled     = 128 // and the signal's number
)

// executable finds a command as a shell does. It is looked for before the lock is
// asked for: nobody should wait for a typing mistake.
func executable(command string) (path string, err error) {
	path, err = exec.LookPath(command)
	if err != nil && !errors.Is(err, exec.ErrDot) { // here, the user says what may run
		return "", startFailure(command, err)
	}
	return path, nil
}

// startFailure says why a command did not start.
func startFailure(command string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return cli.Fail(notFound, "%.200q: command not found", command)
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	var search *exec.Error
	if errors.As(err, &search) {
		err = search.Err
	}
	return cli.Fail(cannotExecute, "%.200q cannot be executed: %v", command, err)
}
