package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

// Program is one of our binaries.
type Program struct {
	Name     string // "lockc"
	About    string // one sentence
	Flags    *flag.FlagSet
	Short    map[string]string // flags of one letter, and what they stand for: "w" for "wait"
	Commands []Command
	Codes    []Code // what its exit codes mean

	Getenv         func(string) string
	Stdout, Stderr io.Writer

	given map[string]bool // the settings that the user made, by flag or environment
	doing *Command        // nil until a command runs
}

// Command is one thing that a program does.
type Command struct {
	// Verb selects the command. One that begins with a dash is a switch and may
	// stand anywhere: "-l". It may have two words: "cluster add".
	Verb     string
	Names    []string // what it wants after the verb, for people: "PRIMARY"
	Optional bool     // all of Names may be left out together
	Rest     string   // what it wants after "--", for people: "COMMAND [ARG...]"
	Flags    []string // the settings that it takes
	// Own has those flags that mean something else here than elsewhere, with what
	// they mean. No variable of the environment stands behind them.
	Own      map[string]string
	About    string // the first line is a summary, with an empty one behind it
	Examples []string
	Codes    []Code                     // what its exit codes mean, if not what the program's do
	Run      func(names []string) error // with what stood after "--" behind the Names
}

// Code is an exit code and what it means.
type Code struct {
	Code    int
	Meaning string
}

// New returns a program of this process, without commands.
func New(name, about string) *Program {
	return &Program{
		Name: name, About: about, Flags: NewFlags(name),
		Getenv: os.Getenv, Stdout: os.Stdout, Stderr: os.Stderr,
		given: map[string]bool{},
	}
}

// NewFlags returns an empty set that says nothing by itself.
func NewFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// Given reports whether the user made a setting, by flag or environment.
func (p *Program) Given(setting string) bool { return p.given[setting] }

// Doing is the command that runs, without its names: "lockc ls".
func (p *Program) Doing() string {
	if p.doing == nil {
		return p.Name
	}
	return p.Name + " " + p.doing.Verb
}

// Main runs the program and returns its exit code.
func (p *Program) Main(args []string) int {
	call, err := p.parse(args)
	if err == nil {
		err = p.run(call)
	}
	if err == nil {
		return OK
	}
	failure := &Failure{Code: Software, Text: err.Error()}
	errors.As(err, &failure)
	if failure.Text != "" {
		fmt.Fprintf(p.Stderr, "%s: %s\n", p.Name, OneLine(failure.Text))
	}
	return failure.Code
}

func (p *Program) run(c call) error {
	switch {
	case c.help && len(c.family) > 0:
		return p.print(p.familyHelp(c.family))
	case c.help:
		return p.print(p.help(c.command))
	case c.version:
		return p.print(p.Name + " " + version() + "\n")
	default:
		p.doing = c.command
		return c.command.Run(c.names)
	}
}

func (p *Program) print(text string) error {
	if _, err := io.WriteString(p.Stdout, text); err != nil {
		return Fail(IOError, "cannot print: %v", err)
	}
	return nil
}

// version is that of the module, as the go command stamped it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown version)"
	}
	return info.Main.Version
}

// form is how a command is typed: "lockc lock NAME".
func (p *Program) form(c *Command) string {
	words := []string{p.Name, c.Verb}
	names := strings.Join(c.Names, " ")
	if c.Optional {
		names = "[" + names + "]"
	}
	if names != "" {
		words = append(words, names)
	}
	if c.Rest != "" {
		words = append(words, "--", c.Rest)
	}
	return strings.Join(words, " ")
}

// variable is the environment variable behind a flag.
func (p *Program) variable(setting string) string {
	return strings.ToUpper(p.Name + "_" + strings.ReplaceAll(setting, "-", "_"))
}
