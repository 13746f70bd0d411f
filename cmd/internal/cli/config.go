package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// The settings about files, which are no settings of a file.
const (
	configSetting = "config"
	runSetting    = "run"
	jsonSetting   = "json"
)

// fileSettings are for a program whose settings may stand in a file.
type fileSettings struct {
	usual  string // where the file is looked for if nobody names one; "" if nowhere
	config string
	toRun  string
	asJSON bool

	chosen    bool     // the command that runs was typed, not found in a file
	inspected *Command // whose settings are looked at
}

// TakeFiles lets the settings of all commands that have a Form stand in a file: a
// map in YAML whose keys are the flags' names, besides run, which says what is to
// run if nothing is typed. Then the file at the usual place is read, too, if there
// is one. It adds the commands config check and config show.
func (p *Program) TakeFiles(usual string) {
	p.usual = usual
	String(p.Flags, &p.config, configSetting, "", "the `file` with settings, in YAML; its keys are the flags' names")
	Var(p.Flags, &p.toRun, runSetting, "", "`what` to run if no command is typed: "+strings.Join(p.forms(), ", "), func(s string) (string, error) {
		if s != "" && p.formed(s) == nil {
			return "", errors.New(p.wantForm())
		}
		return s, nil
	})
	Bool(p.Flags, &p.asJSON, jsonSetting, "print JSON")
	p.Commands = append(p.Commands, p.configCheck(), p.configShow())
}

const aboutFiles = `A file is a map in YAML. Its keys are the flags' names; run says what to run; the names that a
command wants are keys, too, such as primary. A list with commas may be a list or a map of
YAML. A flag wins over its variable, that over the file, and the file over the default. FILE
is what -config names if nothing is said, or else %s. Flags may be given as to the command
that is to run.`

var configCodes = []Code{
	{OK, "nothing is wrong"},
	{Usage, "the command line is wrong"},
	{Config, "there are mistakes, or there is no file"},
}

func (p *Program) configCheck() Command {
	return Command{
		Verb: "config check", Names: []string{"FILE"}, Optional: true, inspects: true, Codes: configCodes,
		About:    "look for mistakes in a file with settings, and start nothing\n\n" + fmt.Sprintf(aboutFiles, p.usual) + "\n\nEach mistake gets a line: FILE:LINE: SETTING: what is wrong; what to do.",
		Examples: []string{p.Name + " config check lockd.yaml"},
		Run: func([]string) error {
			return p.print(fmt.Sprintf("%s is right: it is for %s\n", p.file.path, p.title(p.inspected)))
		},
	}
}

func (p *Program) configShow() Command {
	return Command{
		Verb: "config show", Names: []string{"FILE"}, Optional: true, inspects: true, Flags: []string{jsonSetting}, Codes: configCodes,
		About:    "show all settings, and where each comes from\n\n" + fmt.Sprintf(aboutFiles, p.usual),
		Examples: []string{p.Name + " config show lockd.yaml", p.Name + " config show lockd.yaml -tick 100ms -json"},
		Run:      func(names []string) error { return p.showConfig(names) },
	}
}

func (p *Program) takesFiles() bool { return p.Flags.Lookup(configSetting) != nil }

// open reads the file at path or, without one, that which is named, or the one at
// the usual place, if that is meant.
func (p *Program) open(flags []typed, path string, usual bool) error {
	if path == "" {
		path = p.early(flags, configSetting)
	}
	if path == "" && usual && p.usual != "" {
		if _, err := os.Stat(p.usual); !errors.Is(err, fs.ErrNotExist) {
			path = p.usual
		}
	}
	if path == "" {
		return nil
	}
	f, found, err := readFile(path)
	p.file, p.mistakes = f, mistakes{list: found, path: path}
	if err == nil && len(found) > 0 && len(f.entries) == 0 {
		return &p.mistakes // nothing can be said about what it means
	}
	return err
}

// early is what flags or environment say about a setting that is needed before all
// others.
func (p *Program) early(flags []typed, name string) string {
	value := p.Getenv(p.variable(name))
	for _, f := range flags {
		if f.name == name {
			value = f.value
		}
	}
	return value
}

// parseBare is for a line without a command: flags, environment or the file say
// what is to run.
func (p *Program) parseBare(c call, flags []typed) (call, error) {
	c.command = p.meant(flags)
	var err error
	c.names, err = p.settle(c.command, append(p.settingsOf(c.command), runSetting), flags, nil)
	return c, err
}

// inspect settles the settings of another command.
func (p *Program) inspect(c *Command, flags []typed, names []string) ([]string, error) {
	path := ""
	if len(names) > 0 {
		path = names[0]
	}
	if err := p.open(flags, path, true); err != nil {
		return nil, err
	}
	if p.file == nil && p.early(flags, runSetting) == "" {
		return nil, Fail(Config, "there is no configuration to look at: name a file, or put it where it is looked for, at %s", p.usual)
	}
	p.inspected = p.meant(flags)
	takes := append(p.settingsOf(p.inspected), c.Flags...)
	return p.settle(p.inspected, append(takes, runSetting), flags, nil)
}

// meant is the command that flags, environment or the file want to run. If it is
// nil, that becomes a mistake, here or when the setting is made.
func (p *Program) meant(flags []typed) *Command {
	word := p.early(flags, runSetting)
	if e := p.file.find(runSetting); word == "" && e != nil && !e.many && !e.broken {
		word = e.values[0].text
	} else if word == "" && e == nil {
		p.mistakes.list = append(p.mistakes.list, mistake{path: p.file.path, line: 1, setting: runSetting, text: "it is missing: " + p.wantForm()})
	}
	return p.formed(word)
}

// formed finds the command that has this form, or returns nil.
func (p *Program) formed(form string) *Command {
	at := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Form != "" && c.Form == form })
	if at < 0 {
		return nil
	}
	return &p.Commands[at]
}

func (p *Program) forms() (words []string) {
	for _, c := range p.Commands {
		if c.Form != "" {
			words = append(words, c.Form)
		}
	}
	return words
}

func (p *Program) wantForm() string { return "want one of " + strings.Join(p.forms(), ", ") }

// settingsOf are the flags that a command takes or, if it is not known which, all
// that one of those may take that have a form.
func (p *Program) settingsOf(c *Command) []string {
	switch {
	case c == nil:
		all := []string{configSetting}
		for _, c := range p.Commands {
			if c.Form != "" {
				all = append(all, c.Flags...)
			}
		}
		slices.Sort(all)
		return slices.Compact(all)
	case c.inspects:
		return append(slices.Clone(c.Flags), configSetting, runSetting)
	case c.Form != "" && p.takesFiles():
		return append(slices.Clone(c.Flags), configSetting)
	default:
		return slices.Clone(c.Flags)
	}
}

// keysOf are the names that a command wants, as keys of a file.
func (p *Program) keysOf(c *Command) (keys []string) {
	if c != nil && c.Form != "" {
		for _, name := range c.Names {
			keys = append(keys, key(name))
		}
	}
	return keys
}

// allKeys are those that may stand in the file for a command.
func (p *Program) allKeys(c *Command) []string {
	all := append(p.keysOf(c), runSetting)
	for _, name := range p.settingsOf(c) {
		if name != configSetting && p.Flags.Lookup(name).Usage != "" {
			all = append(all, name)
		}
	}
	return all
}

// takersOf are the commands that know a key.
func (p *Program) takersOf(key string) (titles []string) {
	for _, c := range p.Commands {
		if slices.Contains(c.Flags, key) || slices.Contains(p.keysOf(&c), key) {
			titles = append(titles, p.title(&c))
		}
	}
	return titles
}

// shownSetting is one of config show.
type shownSetting struct {
	Setting string `json:"setting"`
	Value   string `json:"value"`
	From    string `json:"from"`            // flag, environment, file or default
	Where   string `json:"where,omitempty"` // the flag, the variable, or FILE:LINE
}

// showConfig prints what all settings come to.
func (p *Program) showConfig(names []string) error {
	c := p.inspected
	var all []shownSetting
	add := func(setting, value string) {
		from := p.Source(setting)
		if c.Unsaid != nil && from.Kind == FromDefault {
			value = cmp.Or(c.Unsaid(names, setting), value)
		}
		all = append(all, shownSetting{setting, OneLine(value), from.Kind.String(), OneLine(from.Where)})
	}
	add(runSetting, c.Form)
	for i, setting := range p.keysOf(c) {
		value := ""
		if len(names) > 0 {
			value = names[i]
		}
		add(setting, value)
	}
	for _, f := range p.flagsOf(c) {
		if f.Name != configSetting {
			add(f.Name, f.Value.String())
		}
	}
	if p.asJSON {
		text, err := json.MarshalIndent(map[string]any{"command": p.title(c), "settings": all}, "", "  ")
		if err != nil {
			return err
		}
		return p.print(string(text) + "\n")
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, s := range all {
		where := s.Where
		if where == "" {
			where = s.From
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Setting, s.Value, where)
	}
	table.Flush()
	return p.print(b.String())
}
