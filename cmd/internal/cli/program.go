package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// Program is one of our binaries.
type Program struct {
	Name     string // "lockc"
	About    string // one sentence
	Flags    *flag.FlagSet
	Short    map[string]string // flags of one letter, and what they stand for: "w" for "wait"
	Commands []Command
	Implied  string // the verb that is meant where none is typed, of a program that adds it
	Codes    []Code // what its exit codes mean

	Getenv         func(string) string
	Stdout, Stderr io.Writer

	fileSettings
	file     *file               // that was read, or nil
	sources  map[string]Source   // of the settings that the user made
	named    map[string]string   // what a file has for the names of a command
	mistakes mistakes            // in the settings
	refused  map[string][]string // texts of a file by setting
	doing    *Command            // nil until a command runs
}

// Command is one thing that a program does.
type Command struct {
	// Verb selects the command. One that begins with a dash is a switch and may
	// stand anywhere: "-l". It may have two words: "cluster add".
	Verb string
	// Form is what a file and -run call a command whose settings may stand in a
	// file: "node". The names that it wants may stand there, too, under themselves:
	// "primary".
	Form     string
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
	// Check finds what settings and names cannot mean together, without asking
	// anybody but, for names of hosts, the system. It comes before Run, and may be
	// all that comes. It is nil if each is judged alone.
	Check func(names []string) []Mistake
	// Unsaid is what a setting comes to that nobody has made, if that is not the
	// flag's default. It may be nil.
	Unsaid func(names []string, setting string) string

	// Words are names that may come in the place of any of Names, which begin like
	// what was typed. It may be nil.
	Words func(begin string) []string

	inspects bool // the settings that it takes are those of another command
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
		sources: map[string]Source{}, named: map[string]string{}, refused: map[string][]string{},
	}
}

// OwnCommands are those that every program may have: version, completion and man.
func (p *Program) OwnCommands() []Command {
	return []Command{p.versionCommand(), p.completionCommand(), p.manCommand(), p.completeCommand()}
}

// NewFlags returns an empty set that says nothing by itself.
func NewFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

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
	if many := new(mistakes); errors.As(err, &many) {
		return many.write(p.Stderr, p.Name)
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
		return p.print(versionText(p.Name))
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
