package cli

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// The shells ask the program itself what may come next, with the line as far as it
// is typed. So there is one place that knows, and what the shells have is short.

// completeVerb is the command that they type.
const completeVerb = "complete"

// What the shells are told in place of a candidate.
const (
	filesFollow   = ":files"
	foldersFollow = ":folders"
)

// candidate is a word that may come next.
type candidate struct{ word, about string }

func (c candidate) String() string {
	if c.about == "" {
		return OneLine(c.word)
	}
	return OneLine(c.word) + "\t" + OneLine(c.about)
}

func (p *Program) completeCommand() Command {
	return Command{
		Verb: completeVerb, Names: []string{"LINE"},
		Run: func(names []string) error {
			var b strings.Builder
			for _, c := range p.complete(names[0]) {
				fmt.Fprintln(&b, c)
			}
			return p.print(b.String())
		},
	}
}

// typedLine is what stands before the word that is to be completed.
type typedLine struct {
	names   []string // also those that make the verb
	flags   []typed
	waiting *flag.Flag // wants the word for its value
	ended   bool       // by "--"
}

// complete lists what may come at the end of a line, which is the program's name
// with what follows it.
func (p *Program) complete(line string) []candidate {
	words := shellWords(line)
	if len(words) < 2 {
		return nil
	}
	words, last := words[1:len(words)-1], words[len(words)-1]
	known := p.known()
	before := p.understand(known, words)
	flags, on, err := p.takeSwitches(before.flags)
	if err != nil {
		return nil
	}
	c, names, _ := p.choose(on, before.names)
	name, value, assigned := strings.Cut(last, "=")
	switch {
	case before.waiting != nil:
		return matching(last, "", p.valuesFor(before.waiting))
	case before.ended:
		return p.completeName(c, flags, names, last)
	case assigned && strings.HasPrefix(name, "-"):
		if f := known.Lookup(p.long(name)); f != nil {
			return matching(value, name+"=", p.valuesFor(f))
		}
		return nil
	case strings.HasPrefix(last, "-"):
		if c == nil && len(before.names) == 0 {
			c = p.implied()
		}
		return matching(last, "", p.flagWords(c, before.names, strings.HasPrefix(last, "--")))
	case c == nil:
		return matching(last, "", p.verbWords(before.names))
	default:
		return p.completeName(c, flags, names, last)
	}
}

// implied is the command that is meant where none is typed, or nil.
func (p *Program) implied() *Command {
	at := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Verb == p.Implied })
	if at < 0 {
		return nil
	}
	return &p.Commands[at]
}

// understand reads words as split does, and forgives what is wrong with them.
func (p *Program) understand(known *flag.FlagSet, words []string) (t typedLine) {
	for _, word := range words {
		name, value, hasValue := strings.Cut(word, "=")
		f := known.Lookup(p.long(name))
		switch {
		case t.waiting != nil:
			t.flags, t.waiting = append(t.flags, typed{t.waiting.Name, word}), nil
		case t.ended || len(word) < 2 || word[0] != '-':
			t.names = append(t.names, word)
		case word == "--":
			t.ended = true
		case f == nil:
		case hasValue:
			t.flags = append(t.flags, typed{f.Name, value})
		case isSwitch(f):
			t.flags = append(t.flags, typed{f.Name, "true"})
		default:
			t.waiting = f
		}
	}
	return t
}

// long is a flag's name as it is known, without dashes.
func (p *Program) long(word string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-")
	if long, ok := p.Short[name]; ok {
		return long
	}
	return name
}

// verbWords are the words that begin a command, or go on with one.
func (p *Program) verbWords(names []string) (words []candidate) {
	if len(names) > 1 {
		return nil
	}
	for _, c := range p.Commands {
		verb := strings.Fields(c.Verb)
		switch {
		case c.hidden() || c.Verb[0] == '-':
		case len(names) == 1 && len(verb) == 2 && verb[0] == names[0]:
			words = append(words, candidate{verb[1], c.summary()})
		case len(names) == 1:
		case len(verb) == 1:
			words = append(words, candidate{c.Verb, c.summary()})
		case !slices.ContainsFunc(words, func(w candidate) bool { return w.word == verb[0] }):
			words = append(words, candidate{verb[0], strings.Join(p.family(verb[0]), ", ")})
		}
	}
	return words
}

// flagWords are the flags of a command or, if none was typed, the commands that
// are flags. With one dash or with two, as they are typed.
func (p *Program) flagWords(c *Command, names []string, two bool) (words []candidate) {
	dash := "-"
	if two {
		dash = "--"
	}
	if c != nil {
		for _, f := range p.flagsOf(c) {
			usage := f.Usage
			if own := c.Own[f.Name]; own != "" {
				usage = own
			}
			words = append(words, candidate{dash + f.Name, firstLine(usage)})
		}
	} else if len(names) == 0 {
		for _, c := range p.Commands {
			if verb, ok := strings.CutPrefix(c.Verb, "-"); ok {
				words = append(words, candidate{dash + verb, c.summary()})
			}
		}
		words = append(words, candidate{dash + "version", "show the version"})
	}
	return append(words, candidate{dash + "help", "show the page of the command"})
}

// firstLine is the beginning of a flag's text, without its quotes.
func firstLine(usage string) string {
	usage = strings.NewReplacer("`", "", "\n", " ").Replace(usage)
	if end := strings.IndexAny(usage, ",;:("); end > 0 {
		usage = usage[:end]
	}
	return strings.TrimSpace(usage)
}

// valuesFor are the words that a flag takes, if they can be counted, or files.
func (p *Program) valuesFor(f *flag.Flag) (words []candidate) {
	if isSwitch(f) {
		return []candidate{{"true", ""}, {"false", ""}}
	}
	if few, ok := f.Value.(interface{ choices() []string }); ok {
		for _, word := range few.choices() {
			words = append(words, candidate{word, ""})
		}
	}
	if f.Name == runSetting && p.takesFiles() {
		for _, form := range p.forms() {
			words = append(words, candidate{form, ""})
		}
	}
	switch kind, _ := flag.UnquoteUsage(f); kind {
	case "file":
		words = append(words, candidate{word: filesFollow})
	case "directory", "directories":
		words = append(words, candidate{word: foldersFollow})
	}
	return words
}

// completeName is a name that a command wants, or what it is to run.
func (p *Program) completeName(c *Command, flags []typed, names []string, last string) []candidate {
	switch {
	case c == nil:
		return nil
	case c.Rest != "" && len(names) >= len(c.Names):
		return []candidate{{word: filesFollow}}
	case len(names) >= len(c.Names):
		return nil
	case c.Names[len(names)] == "FILE":
		return []candidate{{word: filesFollow}}
	case c.Words == nil:
		return nil
	}
	p.settleQuietly(c, flags)
	var words []candidate
	for _, word := range c.Words(last) {
		words = append(words, candidate{word: word})
	}
	return matching(last, "", words)
}

// settleQuietly makes the settings that the words may depend on, as far as that
// is possible yet.
func (p *Program) settleQuietly(c *Command, flags []typed) {
	for _, name := range c.Flags {
		if value := p.Getenv(p.variable(name)); value != "" {
			_ = p.Flags.Set(name, value)
		}
	}
	for _, f := range flags {
		_ = p.Flags.Set(f.name, f.value)
	}
}

// matching are the candidates that begin like what is typed. What stands for files
// always does.
func matching(begin, before string, all []candidate) (some []candidate) {
	for _, c := range all {
		if c.word == filesFollow || c.word == foldersFollow {
			some = append(some, c)
		} else if strings.HasPrefix(c.word, begin) {
			some = append(some, candidate{before + c.word, c.about})
		}
	}
	return some
}

// shellWords splits a line as a shell does, as far as quotes and backslashes go.
// The last word is what has been typed of it, which may be nothing.
func shellWords(line string) (words []string) {
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			begun, quote = true, r
		case r == ' ' || r == '\t' || r == '\n':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	return append(words, word.String())
}
