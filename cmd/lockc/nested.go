package main

import (
	"strings"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/lock"
)

// What a command that runs under a lock finds in its environment.
const (
	lockName    = "LOCK_NAME"
	lockToken   = "LOCK_TOKEN"
	lockSession = "LOCK_SESSION"
)

// traceparent is where a job that is traced says to the programs in it which span they
// are in.
const traceparent = "TRACEPARENT"

// surroundings is the environment of a command that runs under a lease. What was
// there before, of a run around this one, is replaced: the first of two would win.
func surroundings(env []string, lease *lockstep.Lease) []string {
	var all []string
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		if name != lockName && name != lockToken && name != lockSession {
			all = append(all, variable)
		}
	}
	return append(all, lockName+"="+lease.Names()[0], lockToken+"="+lease.Token().String(), lockSession+"="+lease.Session())
}

// under is the lock that this run is nested in, if it is: that one is not
// released before this one has ended, which is what a deadlock is made of.
func (p *program) under() (lockstep.Holding, error) {
	name, text := p.Getenv(lockName), p.Getenv(lockToken)
	if name == "" && text == "" {
		return lockstep.Holding{}, nil
	}
	token, err := lockstep.ParseToken(text)
	if err != nil || lock.CheckName(name) != lock.NoLimit {
		return lockstep.Holding{}, cli.Misuse("%s=%.40q and %s=%.40q in the environment name no lock that is held: they come from a run around this one; unset both if there is none", lockName, name, lockToken, text)
	}
	return lockstep.Holding{Name: name, Token: token}, nil
}
