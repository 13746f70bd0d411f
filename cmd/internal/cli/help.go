package cli

import (
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
			first, _, _ := strings.Cut(c.About, "\n")
			fmt.Fprintf(table, "%s\t%s\n", p.form(c), first)
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
		first, _, _ := strings.Cut(c.About, "\n")
		fmt.Fprintf(table, "  %s\t%s\n", p.form(&c), first)
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
	if len(c.Flags) == 0 {
		return
	}
	b.WriteString("\nFlags:\n")
	p.Flags.VisitAll(func(f *flag.Flag) {
		if slices.Contains(c.Flags, f.Name) {
			p.flag(b, f, c.Own[f.Name])
		}
	})
}

// flag is one flag, as the flag package would show it, with its variable, or with
// what it means to one command. One without a text is not shown.
func (p *Program) flag(b *strings.Builder, f *flag.Flag, own string) {
	if f.Usage == "" {
		return
	}
	var notes []string
	if f.DefValue != "" && f.DefValue != "false" {
		notes = append(notes, "default "+f.DefValue)
	}
	if own == "" {
		notes = append(notes, p.variable(f.Name))
	} else {
		f = &flag.Flag{Name: f.Name, Usage: own, Value: f.Value}
	}
	kind, usage := flag.UnquoteUsage(f)
	if isSwitch(f) {
		kind = ""
	}
	fmt.Fprintf(b, "  -%s\n", strings.TrimSpace(p.short(f.Name)+f.Name+" "+kind))
	fmt.Fprintf(b, "        %s", strings.ReplaceAll(usage, "\n", "\n        "))
	if len(notes) > 0 {
		fmt.Fprintf(b, " (%s)", strings.Join(notes, "; "))
	}
	b.WriteByte('\n')
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
