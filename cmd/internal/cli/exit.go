package cli

import (
	"fmt"
	"strings"
	"unicode"
)

// Exit codes. Where sysexits.h has a word for it, so do we.
const (
	OK          = 0
	No          = 1  // the answer is false, if the caller asked to be told so
	Usage       = 64 // the command line is wrong
	Unavailable = 69 // nobody answers, or the address is taken
	Software    = 70 // a bug
	CantCreate  = 73 // the state directory cannot be used
	IOError     = 74 // the answer could not be printed
	TempFail    = 75 // refused for now; nothing was executed
	Protocol    = 76 // the versions do not go together
	NoPerm      = 77 // not allowed
	Config      = 78 // what the node was told does not fit this pair or machine
	Interrupted = 128 + 2
)

// Failure ends a program: one line for people and a code for scripts.
type Failure struct {
	Code int
	Text string
}

func (f *Failure) Error() string { return f.Text }

// Fail returns a Failure.
func Fail(code int, format string, args ...any) error {
	return &Failure{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Misuse is the Failure of a command line that is wrong.
func Misuse(format string, args ...any) error { return Fail(Usage, format, args...) }

// OneLine makes text safe for a terminal and for a log of lines: some of it
// comes from other machines.
func OneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}

// Plain is an error's text without the names of the packages that it came
// through: they mean nothing to who typed a command.
func Plain(err error) string {
	text := err.Error()
	for {
		short := strings.TrimPrefix(strings.TrimPrefix(text, "lockstep: "), "remote: ")
		if short == text {
			return text
		}
		text = short
	}
}
