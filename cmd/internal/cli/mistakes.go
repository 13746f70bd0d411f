package cli

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
)

// Mistake is one thing that is wrong with the settings of a command. It is shown at
// the place where the setting was made.
type Mistake struct {
	Setting string
	Text    string // what it is, and what to do, with flags as they are typed: "-tick"
}

// mistake is one with its place: the line of a file, or none.
type mistake struct {
	path, setting, text string
	line                int
}

func (m mistake) String() string {
	text := m.text
	if m.path != "" && m.setting != "" {
		text = m.setting + ": " + text
	}
	if m.path != "" {
		text = place(m.path, m.line) + ": " + text
	}
	return text
}

// mistakes is the error of settings that cannot be meant.
type mistakes struct {
	list []mistake
	path string // of the file that was read, or ""
}

func (m *mistakes) Error() string { return m.list[0].String() }

// write shows all that is wrong with a file and what stands over it, a line for
// each. Without a file the first is enough: the next attempt is short.
func (m *mistakes) write(w io.Writer, program string) (code int) {
	if m.path == "" {
		fmt.Fprintf(w, "%s: %s\n", program, OneLine(m.list[0].text))
		return Usage
	}
	slices.SortStableFunc(m.list, func(a, b mistake) int { return cmp.Compare(a.line, b.line) })
	for _, one := range m.list {
		fmt.Fprintln(w, OneLine(one.String()))
	}
	count := "one mistake"
	if len(m.list) > 1 {
		count = fmt.Sprintf("%d mistakes", len(m.list))
	}
	fmt.Fprintf(w, "%s: %s in the configuration: %s\n", program, count, OneLine(m.path))
	return Config
}

// Refused are the texts that a file has for a setting and that it does not take.
// What depends on such a setting is not worth a mistake of its own.
func (p *Program) Refused(setting string) []string { return p.refused[setting] }

// judge adds the mistakes that settings make together. What nobody has set is
// missing where the file says what is to run.
func (p *Program) judge(found []Mistake) {
	for _, f := range found {
		if len(p.refused[f.Setting]) > 0 {
			continue
		}
		m := mistake{setting: f.Setting, text: f.Text}
		if kind := p.Source(f.Setting).Kind; p.file != nil && kind <= FromFile {
			m.path, m.line, m.text = p.file.path, p.file.line(f.Setting), p.withoutDashes(f.Text)
		}
		p.mistakes.list = append(p.mistakes.list, m)
	}
}

var flagsInText = regexp.MustCompile(`\B-([a-z][a-z-]*)\b`)

// withoutDashes is a text in which flags are called as in a file.
func (p *Program) withoutDashes(text string) string {
	return flagsInText.ReplaceAllStringFunc(text, func(word string) string {
		if p.Flags.Lookup(word[1:]) == nil {
			return word
		}
		return word[1:]
	})
}
