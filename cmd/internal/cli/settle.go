package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"lockstep/words"
)

// settle makes the settings of a command, or, if it is not known which, those that
// any might have: those of the file first, then those of the environment over
// them, and those of the command line over both. Variables that belong to other
// commands are nobody's business here; flags that do are a mistake, and so are
// keys. It returns the names, which may stand in the file as well.
func (p *Program) settle(c *Command, takes []string, flags []typed, names []string) ([]string, error) {
	onLine := map[string]bool{}
	for _, f := range flags {
		if !slices.Contains(takes, f.name) {
			title := p.title(c)
			return nil, Misuse("%s has no flag -%s: %s --help shows those that it has", title, f.name, title)
		}
		onLine[f.name] = true
	}
	p.takeFile(c)
	for _, name := range takes {
		value := p.Getenv(p.variable(name))
		if value == "" || onLine[name] || c != nil && c.Own[name] != "" {
			continue
		}
		p.over(name)
		p.set(name, value, Source{FromEnvironment, p.variable(name)}, p.variable(name)+"=%.60s: %v")
	}
	for name := range onLine {
		p.over(name)
	}
	for _, f := range flags {
		p.set(f.name, f.value, Source{FromFlag, "-" + f.name}, "-"+f.name+" %.60s: %v")
	}
	if c != nil && len(names) == 0 {
		names = p.namesOf(c)
	}
	if c != nil && c.Check != nil && (p.file != nil || len(p.mistakes.list) == 0) {
		p.judge(c.Check(names))
	}
	if len(p.mistakes.list) > 0 {
		return nil, &p.mistakes
	}
	return names, nil
}

// namesOf are the names that the file has for a command.
func (p *Program) namesOf(c *Command) (names []string) {
	var missing []string
	for _, name := range c.Names {
		if text, ok := p.named[key(name)]; ok {
			names = append(names, text)
		} else if len(p.refused[key(name)]) == 0 {
			missing = append(missing, key(name))
		}
	}
	if len(missing) > 0 && (len(names) > 0 || !c.Optional) {
		p.judge([]Mistake{{missing[0], fmt.Sprintf("it is missing: %s wants %s", p.title(c), strings.ToLower(strings.Join(c.Names, ", ")))}})
	}
	if len(names) < len(c.Names) {
		return nil
	}
	return names
}

// key is what a name that a command wants is called in a file.
func key(name string) string { return strings.ToLower(name) }

// title is how people call a command: "lockd node".
func (p *Program) title(c *Command) string {
	if c == nil {
		return p.Name
	}
	return p.Name + " " + c.Verb
}

// set makes a setting, or remembers why it cannot be made.
func (p *Program) set(name, value string, from Source, complaint string) {
	p.sources[name] = from
	if err := p.Flags.Set(name, value); err != nil {
		p.mistakes.list = append(p.mistakes.list, mistake{setting: name, text: fmt.Sprintf(complaint, value, err)})
		p.refused[name] = append(p.refused[name], value)
	}
}

// over forgets what a list has from a source that does not count any more.
func (p *Program) over(name string) {
	if many, ok := p.Flags.Lookup(name).Value.(interface{ clear() }); ok {
		many.clear()
	}
}

// takeFile makes the settings of the file. All of it is judged, also what stands
// under a flag or a variable.
func (p *Program) takeFile(c *Command) {
	if p.file == nil {
		return
	}
	for _, e := range p.file.entries {
		if e.broken {
			p.refused[e.key] = append(p.refused[e.key], "")
		} else if wrong := p.takeEntry(c, e); wrong != "" {
			p.wrong(e, e.line, wrong, "")
		}
	}
}

// wrong remembers a mistake in an entry, and that the setting cannot be relied on.
func (p *Program) wrong(e entry, line int, text, refused string) {
	p.mistakes.list = append(p.mistakes.list, mistake{path: p.file.path, line: line, setting: e.key, text: text})
	p.refused[e.key] = append(p.refused[e.key], refused)
}

// takeEntry makes one setting of the file, or says why the key cannot stand there.
func (p *Program) takeEntry(c *Command, e entry) string {
	takers := p.takersOf(e.key)
	switch {
	case e.key == runSetting:
		return p.takeRun(c, e)
	case e.key == configSetting:
		return "a file cannot name another: put all settings into one"
	case slices.Contains(p.keysOf(c), e.key):
		if e.many {
			return oneValue
		}
		p.named[e.key], p.sources[e.key] = e.values[0].text, p.file.source(e)
	case slices.Contains(p.settingsOf(c), e.key):
		p.sources[e.key] = p.file.source(e)
		p.setMany(p.Flags.Lookup(e.key), e)
	case len(takers) == 0:
		return "there is no such setting; " + p.nearest(c, e.key)
	case c != nil:
		return fmt.Sprintf("%s has no such setting, only %s; leave it out", p.title(c), strings.Join(takers, ", "))
	}
	return ""
}

const oneValue = "want one value, not several"

// takeRun judges what the file says that is to run.
func (p *Program) takeRun(c *Command, e entry) string {
	p.sources[runSetting] = p.file.source(e)
	if e.many {
		return oneValue
	}
	form := p.formed(e.values[0].text)
	switch {
	case form == nil:
		return p.wantForm()
	case c != nil && form.Verb != c.Verb && p.chosen:
		return fmt.Sprintf("the file is for %s, and %s was typed: give that a file of its own", p.title(form), p.title(c))
	default:
		p.toRun = e.values[0].text
		return ""
	}
}

// setMany gives a flag the values of an entry. What a list has that cannot be
// meant is told at its line, and the rest counts.
func (p *Program) setMany(f *flag.Flag, e entry) {
	many, ok := f.Value.(interface{ takesMany() bool })
	listed := ok && many.takesMany()
	if e.many && !listed {
		p.wrong(e, e.line, oneValue, "")
		return
	}
	var good []string
	for _, v := range e.values {
		text := v.text
		if _, adds := f.Value.(interface{ clear() }); listed && !adds {
			text = strings.Join(append(slices.Clone(good), v.text), ",")
		}
		if err := f.Value.Set(text); err != nil {
			p.wrong(e, v.line, fmt.Sprintf("%.60s: %v", v.text, err), v.text)
			continue
		}
		good = append(good, v.text)
	}
}

// nearest helps who has mistyped a key.
func (p *Program) nearest(c *Command, key string) string {
	best, distance := "", 3
	if len(key) > 2*longestName {
		return "it is too long to be one"
	}
	for _, known := range p.allKeys(c) {
		if d := words.Edits(key, known); d < distance {
			best, distance = known, d
		}
	}
	if best != "" {
		return fmt.Sprintf("is %s meant?", best)
	}
	return fmt.Sprintf("%s --help shows those that are", p.title(c))
}
