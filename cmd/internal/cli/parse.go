package cli

import (
	"flag"
	"slices"
	"strconv"
	"strings"
)

// call is a command line that was understood.
type call struct {
	command *Command // nil if help is wanted for the whole program
	names   []string
	family  []string // the verbs that help is wanted for, of which none was chosen
	help    bool
	version bool
}

// typed is one flag as it stands on the command line.
type typed struct{ name, value string }

// common are the flags that are no settings and have no environment variable.
var common = []string{"help", "h", "version"}

// parse understands the command line, and puts settings into p.Flags.
func (p *Program) parse(args []string) (call, error) {
	known := p.known()
	flags, names, behind, err := split(p, known, args)
	if err != nil {
		return call{}, err
	}
	flags, on, err := p.takeSwitches(flags)
	if err != nil {
		return call{}, err
	}
	c := call{help: on["help"] || on["h"], version: on["version"]}
	if c.version {
		return c, nil
	}
	if len(names) > 0 && names[0] == "help" {
		c.help, names = true, names[1:]
	}
	if len(names) == 0 && !p.switched(on) && !c.help && p.takesFiles() {
		if err := p.open(flags, "", true); err != nil {
			return c, err
		}
		if p.file != nil || p.early(flags, runSetting) != "" {
			return p.parseBare(c, flags)
		}
	}
	c.command, c.names, err = p.choose(on, names)
	if c.help && c.command == nil && len(names) > 0 {
		c.family = p.family(names[0])
	}
	switch {
	case c.help:
		// Whoever asks for help gets it, of the command if that is clear.
		return c, nil
	case err != nil:
		return c, err
	case c.command.inspects:
		c.names, err = p.arrange(c.command, c.names, len(c.names)-behind)
		if err == nil {
			c.names, err = p.inspect(c.command, flags, c.names)
		}
		return c, err
	case c.command.Form != "" && p.takesFiles():
		if err := p.open(flags, "", false); err != nil {
			return c, err
		}
		p.chosen = true
	}
	if p.file == nil || len(c.names) > 0 {
		if c.names, err = p.arrange(c.command, c.names, len(c.names)-behind); err != nil {
			return c, err
		}
	}
	c.names, err = p.settle(c.command, p.settingsOf(c.command), flags, c.names)
	return c, err
}

// switched reports whether a switch that is a command stands on the line.
func (p *Program) switched(on map[string]bool) bool {
	return slices.ContainsFunc(p.Commands, func(c Command) bool { return on[strings.TrimPrefix(c.Verb, "-")] })
}

// known is a set with every flag that may stand on the command line.
func (p *Program) known() *flag.FlagSet {
	known := NewFlags(p.Name)
	p.Flags.VisitAll(func(f *flag.Flag) { known.Var(f.Value, f.Name, f.Usage) })
	for _, name := range common {
		known.Bool(name, false, "")
	}
	for _, c := range p.Commands {
		if name, ok := strings.CutPrefix(c.Verb, "-"); ok {
			known.Bool(name, false, "")
		}
	}
	return known
}

// split sorts the arguments into flags and names, and says how many of the names
// stood behind a "--". The flag package would stop at the first name.
func split(p *Program, known *flag.FlagSet, args []string) (flags []typed, names []string, behind int, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return flags, append(names, args...), len(args), nil
		}
		if len(arg) < 2 || arg[0] != '-' {
			names = append(names, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		if long, ok := p.Short[name]; ok {
			name = long
		}
		f := known.Lookup(name)
		switch {
		case f == nil:
			return nil, nil, 0, Misuse("there is no flag %.60q: %s --help shows those that are; a name that begins with a dash goes after --", arg, p.Name)
		case !hasValue && isSwitch(f):
			value = "true"
		case !hasValue && len(args) == 0:
			kind, _ := flag.UnquoteUsage(f)
			return nil, nil, 0, Misuse("flag -%s needs a value: -%s %s", name, name, kind)
		case !hasValue:
			value, args = args[0], args[1:]
		}
		flags = append(flags, typed{name, value})
	}
	return flags, names, 0, nil
}

// isSwitch reports whether a flag stands without a value.
func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// takeSwitches picks those flags out that are no settings, and says which are on.
func (p *Program) takeSwitches(flags []typed) (settings []typed, on map[string]bool, err error) {
	on = map[string]bool{}
	for _, f := range flags {
		if p.Flags.Lookup(f.name) != nil {
			settings = append(settings, f)
			continue
		}
		if on[f.name], err = strconv.ParseBool(f.value); err != nil {
			return nil, nil, Misuse("flag -%s takes no value, got %.60q", f.name, f.value)
		}
	}
	return settings, on, nil
}

// choose finds the command: that of a switch, else that of the first name.
func (p *Program) choose(on map[string]bool, names []string) (*Command, []string, error) {
	var chosen *Command
	for i := range p.Commands {
		c := &p.Commands[i]
		if !on[strings.TrimPrefix(c.Verb, "-")] {
			continue
		}
		if chosen != nil {
			return nil, nil, Misuse("%s and %s exclude each other: give one of them", chosen.Verb, c.Verb)
		}
		chosen = c
	}
	if chosen != nil {
		return chosen, names, nil
	}
	if len(names) == 0 {
		return nil, nil, Misuse("say what to do: %s; %s --help shows examples", p.verbs(), p.Name)
	}
	if c, rest := p.called(names); c != nil {
		return c, rest, nil
	}
	if family := p.family(names[0]); len(family) > 0 {
		return nil, nil, Misuse("say which: %s; %s %s --help shows them", strings.Join(family, ", "), p.Name, names[0])
	}
	return nil, nil, Misuse("there is no command %.60q: it is one of %s; %s --help shows examples", names[0], p.verbs(), p.Name)
}

// called finds the command whose verb the names begin with.
func (p *Program) called(names []string) (*Command, []string) {
	for i := range p.Commands {
		c := &p.Commands[i]
		words := strings.Fields(c.Verb)
		if c.Verb[0] != '-' && len(names) >= len(words) && slices.Equal(names[:len(words)], words) {
			return c, names[len(words):]
		}
	}
	return nil, nil
}

// family is the verbs of two words that begin with this one.
func (p *Program) family(word string) (verbs []string) {
	for _, c := range p.Commands {
		if strings.HasPrefix(c.Verb, word+" ") {
			verbs = append(verbs, c.Verb)
		}
	}
	return verbs
}

func (p *Program) verbs() string {
	var verbs []string
	for _, c := range p.Commands {
		if !c.hidden() {
			verbs = append(verbs, c.Verb)
		}
	}
	return strings.Join(verbs, ", ")
}

// arrange checks the names of a command, of which the last ones stood behind a
// "--" at cut. What a command runs must stand behind one: nobody else can tell
// its flags from ours. A name that begins with a dash has a "--" before it, too.
func (p *Program) arrange(c *Command, names []string, cut int) ([]string, error) {
	want := len(c.Names)
	if c.Rest == "" {
		return names, p.checkCount(c, names)
	}
	if cut < want && len(names) > want && names[want] == "--" {
		names, cut = slices.Delete(slices.Clone(names), want, want+1), want
	}
	if err := p.checkCount(c, names[:max(0, cut)]); err != nil {
		return nil, err
	}
	if len(names) == want {
		return nil, Misuse("say what to run: the form is %s", p.form(c))
	}
	return names, nil
}

func (p *Program) checkCount(c *Command, names []string) error {
	want := len(c.Names)
	switch {
	case len(names) == want, len(names) == 0 && c.Optional:
		return nil
	case len(names) < want:
		return Misuse("%s is missing: the form is %s", c.Names[len(names)], p.form(c))
	default:
		return Misuse("%.60q is one too many: the form is %s; what has spaces in it goes in quotes", names[want], p.form(c))
	}
}
