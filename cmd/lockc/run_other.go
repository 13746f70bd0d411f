//go:build !unix

package main

import "lockstep/cmd/internal/cli"

var errNoGroups = cli.Fail(cannotExecute, "this system has no process groups: what a command has started could not be ended in time")

func (p *program) runUnder([]string) error { return errNoGroups }

func (p *program) elect([]string) error { return errNoGroups }
