//go:build !unix

package main

import "errors"

var errNoSignals = errors.New("this system cannot stop a process")

func checkPID(int) error { return errNoSignals }

func stopPID(int) error { return errNoSignals }

func resumePID(int) error { return errNoSignals }

func killPID(int) error { return errNoSignals }
