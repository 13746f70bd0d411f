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

// What the codes mean. Each command has those that it can end with, and all of
// them together stand in the overview.
var (
	allCodes = []cli.Code{
		{Code: cli.OK, Meaning: "answered, true or false; of run and elect, the command's own code"},
		codeNo, codeUsage, codeUnanswered, codeUnprinted,
		{Code: cli.TempFail, Meaning: "lock and unlock: refused by a limit of the nodes; run: the lock cannot be had"},
		{Code: cli.Protocol, Meaning: "the nodes run a version that does not go with this one; run and elect: the lock was lost"},
		{Code: cli.NoPerm, Meaning: "refused by the nodes: by their rules or, of run, elect and release, by a limit"},
		{Code: cannotExecute, Meaning: "run and elect: the command cannot be executed; 127: it was not found"},
		{Code: cli.Interrupted, Meaning: "interrupted before the answer; run and elect: 128 and the signal's number"},
	}
	lockCodes = []cli.Code{
		codeAnswered, codeNo, codeUsage, codeUnanswered, codeUnprinted,
		{Code: cli.TempFail, Meaning: "refused by a limit of the nodes; not executed"},
		codeVersions, codeForbidden, codeInterrupted,
	}
	lookCodes = []cli.Code{
		{Code: cli.OK, Meaning: "answered"},
		codeUsage,
		{Code: cli.Unavailable, Meaning: "no answer in time"},
		codeUnprinted, codeVersions, codeForbidden,
		{Code: cli.Interrupted, Meaning: "interrupted"},
	}
	releaseCodes = []cli.Code{
		codeAnswered, codeNo, codeUsage, codeUnanswered, codeUnprinted, codeVersions, codeRefused, codeInterrupted,
	}
	runCodes = []cli.Code{
		{Code: cli.OK, Meaning: "the command's own, as every other code that it ends with"},
		{Code: cli.Usage, Meaning: "the command line is wrong; nothing was run"},
		{Code: cli.Unavailable, Meaning: "the nodes do not answer; nothing was run"},
		{Code: codeBusy, Meaning: "the lock is held, or waiting for it took too long, or would for ever; changed by -E"},
		{Code: codeLost, Meaning: "the lock was lost, or about to be: the command was ended"},
		codeRefused,
		{Code: cannotExecute, Meaning: "the command cannot be executed"},
		{Code: notFound, Meaning: "the command was not found"},
		{Code: signalled, Meaning: "and the signal's number: the command was ended by a signal, or we were while waiting"},
	}

	codeAnswered    = cli.Code{Code: cli.OK, Meaning: "answered, true or false"}
	codeNo          = cli.Code{Code: cli.No, Meaning: "answered false, with -exit-code"}
	codeUsage       = cli.Code{Code: cli.Usage, Meaning: "the command line is wrong; no node was asked"}
	codeUnanswered  = cli.Code{Code: cli.Unavailable, Meaning: "no definite answer in time: executed once, or never"}
	codeUnprinted   = cli.Code{Code: cli.IOError, Meaning: "answered, but the answer could not be printed"}
	codeVersions    = cli.Code{Code: cli.Protocol, Meaning: "the nodes run a version that does not go with this one"}
	codeForbidden   = cli.Code{Code: cli.NoPerm, Meaning: "the nodes' rules do not let this client in"}
	codeRefused     = cli.Code{Code: cli.NoPerm, Meaning: "refused by the rules of the nodes, or by a limit, such as that of a session's locks"}
	codeInterrupted = cli.Code{Code: cli.Interrupted, Meaning: "interrupted before the answer: executed once, or never"}
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
