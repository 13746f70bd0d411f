package cli

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// help is the page of a command, or of the whole program.
func (p *Program) help(c *Command) string {
	var b strings.Builder
	if c == nil {
		p.overview(&b)
	} else {
		p.page(&b, c)
	}
	codes := p.Codes
	if c != nil && c.Codes != nil {
		codes = c.Codes
	}
	writeCodes(&b, codes)
	return b.String()
}

// familyHelp is the page of several commands that share their first word.
func (p *Program) familyHelp(verbs []string) string {
	var b strings.Builder
	var codes []Code
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for i := range p.Commands {
		if c := &p.Commands[i]; slices.Contains(verbs, c.Verb) {
			fmt.Fprintf(table, "%s\t%s\n", p.form(c), c.summary())
			codes = c.Codes
		}
	}
	table.Flush()
	fmt.Fprintf(&b, "\n%s %s --help tells more, with examples.\n", p.Name, verbs[0])
	if codes == nil {
		codes = p.Codes
	}
	writeCodes(&b, codes)
	return b.String()
}

func (p *Program) overview(b *strings.Builder) {
	fmt.Fprintf(b, "%s %s\n\n", p.Name, p.About)
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
	for _, c := range p.Commands {
		if !c.hidden() {
			fmt.Fprintf(table, "  %s\t%s\n", p.form(&c), c.summary())
		}
	}
	table.Flush()
	b.WriteString("\nExamples:\n")
	for _, c := range p.Commands {
		if len(c.Examples) > 0 {
			fmt.Fprintf(b, "  %s\n", c.Examples[0])
		}
	}
	b.WriteString("\nFlags:\n")
	p.Flags.VisitAll(func(f *flag.Flag) { p.flag(b, f, "") })
	fmt.Fprintf(b, `  -help
        show this page, or that of a command: %s %s --help
  -version
        show the version

Flags take one dash or two, and stand before or after names. A name that begins
with a dash goes after "--". A flag wins over its environment variable.
`, p.Name, p.Commands[0].Verb)
}

func (p *Program) page(b *strings.Builder, c *Command) {
	fmt.Fprintf(b, "%s\n\n%s\n", p.form(c), c.About)
	b.WriteString("\nExamples:\n")
	for _, e := range c.Examples {
		fmt.Fprintf(b, "  %s\n", e)
	}
	if own := p.flagsOf(c); len(own) > 0 {
		b.WriteString("\nFlags:\n")
		for _, f := range own {
			p.flag(b, f, c.Own[f.Name])
		}
	}
}

// flagsOf are the flags that a command takes and that are shown, by name.
func (p *Program) flagsOf(c *Command) (own []*flag.Flag) {
	takes := p.settingsOf(c)
	p.Flags.VisitAll(func(f *flag.Flag) {
		if slices.Contains(takes, f.Name) && f.Usage != "" {
			own = append(own, f)
		}
	})
	return own
}

// hidden reports whether a command is nobody's to type.
func (c *Command) hidden() bool { return c.About == "" }

// summary is the first line about a command.
func (c *Command) summary() string {
	first, _, _ := strings.Cut(c.About, "\n")
	return first
}

// flag is one flag, as the flag package would show it. One without a text is not
// shown.
func (p *Program) flag(b *strings.Builder, f *flag.Flag, own string) {
	if f.Usage == "" {
		return
	}
	fmt.Fprintf(b, "  %s\n", p.flagForm(&flag.Flag{Name: f.Name, Usage: cmp.Or(own, f.Usage), Value: f.Value}))
	fmt.Fprintf(b, "        %s\n", strings.ReplaceAll(p.flagText(f, own), "\n", "\n        "))
}

// flagForm is how a flag is typed: "-w, -wait time".
func (p *Program) flagForm(f *flag.Flag) string {
	kind, _ := flag.UnquoteUsage(f)
	if isSwitch(f) {
		kind = ""
	}
	return "-" + strings.TrimSpace(p.short(f.Name)+f.Name+" "+kind)
}

// flagText is what a flag means, with its default and its variable, or what it
// means to one command.
func (p *Program) flagText(f *flag.Flag, own string) string {
	var notes []string
	if f.DefValue != "" && f.DefValue != "false" {
		notes = append(notes, "default "+f.DefValue)
	}
	if own == "" {
		notes = append(notes, p.variable(f.Name))
	} else {
		f = &flag.Flag{Name: f.Name, Usage: own, Value: f.Value}
	}
	_, text := flag.UnquoteUsage(f)
	if len(notes) > 0 {
		text += fmt.Sprintf(" (%s)", strings.Join(notes, "; "))
	}
	return text
}

// short is the one letter that stands for a flag, if there is one: "w, -".
func (p *Program) short(long string) string {
	for letter, name := range p.Short {
		if name == long {
			return letter + ", -"
		}
	}
	return ""
}

func writeCodes(b *strings.Builder, codes []Code) {
	b.WriteString("\nExit codes:\n")
	for _, c := range codes {
		fmt.Fprintf(b, "  %-4d%s\n", c.Code, c.Meaning)
	}
}
