package cli

import (
	"flag"
	"fmt"
	"strings"
	"time"
)

// manSection is that of commands in the manual.
const manSection = 1

func (p *Program) manCommand() Command {
	return Command{
		Verb: "man", Codes: []Code{{OK, "printed"}, {IOError, "it could not be printed"}},
		About:    "print the page of the manual",
		Examples: []string{p.Name + " man | man -l -"},
		Run:      func([]string) error { return p.print(p.manual()) },
	}
}

// manual is all that --help tells, as a page of the manual.
func (p *Program) manual() string {
	m := &manual{}
	m.line(".TH %s %d %s Lockstep \"Lockstep Manual\"", strings.ToUpper(p.Name), manSection, time.Now().Format(time.DateOnly))
	m.section("NAME")
	m.line("%s \\- %s", p.Name, manText(strings.TrimSuffix(strings.TrimPrefix(p.About, "is "), ".")))
	m.section("SYNOPSIS")
	for i, c := range p.shown() {
		if i > 0 {
			m.line(".br")
		}
		m.form(p.form(c))
	}
	m.section("DESCRIPTION")
	m.line("%s %s", p.Name, manText(p.About))
	m.line("Flags take one dash or two, and stand before or after names. A flag wins over its environment variable.")
	m.section("COMMANDS")
	for _, c := range p.shown() {
		p.manCommandPage(m, c)
	}
	m.section("OPTIONS")
	p.Flags.VisitAll(func(f *flag.Flag) {
		if f.Usage != "" {
			m.line(".TP")
			m.text(p.flagForm(f))
			m.text(p.flagText(f, ""))
		}
	})
	m.section("ENVIRONMENT")
	m.text("Each option has a variable, which stands beside it. It counts if the option is not given.")
	if p.usual != "" {
		m.section("FILES")
		m.line(".TP")
		m.line(".I %s", manText(p.usual))
		m.text("the settings, if no command is typed and no other file is named")
	}
	m.section("EXIT STATUS")
	m.codes(p.Codes)
	return m.String()
}

// manCommandPage is one command.
func (p *Program) manCommandPage(m *manual, c *Command) {
	m.line(".SS %s", manText(p.form(c)))
	for i, paragraph := range strings.Split(c.About, "\n\n") {
		if i > 0 {
			m.line(".PP")
		}
		m.text(paragraph)
	}
	if flags := p.flagsOf(c); len(flags) > 0 {
		names := make([]string, len(flags))
		for i, f := range flags {
			names[i] = "-" + f.Name
		}
		m.line(".PP")
		m.text("Options: " + strings.Join(names, ", "))
	}
	for _, f := range p.flagsOf(c) {
		if own := c.Own[f.Name]; own != "" {
			m.line(".TP")
			m.text("-" + f.Name)
			m.text(p.flagText(f, own))
		}
	}
	if len(c.Examples) > 0 {
		m.line(".PP")
		m.line(".nf")
		for _, e := range c.Examples {
			m.text(e)
		}
		m.line(".fi")
	}
	if c.Codes != nil {
		m.line(".PP")
		m.text("Exit status:")
		m.codes(c.Codes)
	}
}

// shown are the commands that people type.
func (p *Program) shown() (some []*Command) {
	for i := range p.Commands {
		if !p.Commands[i].hidden() {
			some = append(some, &p.Commands[i])
		}
	}
	return some
}

// manual is a page that is being written, in the macros that man(7) has.
type manual struct{ strings.Builder }

func (m *manual) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

func (m *manual) section(title string) { m.line(".SH %s", title) }

func (m *manual) form(form string) { m.line(".B %s", manText(form)) }

// text is running text, or lines as they are where nothing is filled.
func (m *manual) text(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		m.line("%s", manText(strings.TrimSpace(line)))
	}
}

func (m *manual) codes(codes []Code) {
	for _, c := range codes {
		m.line(".TP")
		m.line(".B %d", c.Code)
		m.text(c.Meaning)
	}
}

// manText keeps text from being taken for requests and escapes.
func manText(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "\"", `\(dq`, "…", "...").Replace(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text
}
