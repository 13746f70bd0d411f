package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v4"
)

// file is a configuration as it stands in a file.
type file struct {
	path    string
	entries []entry
}

// entry is a key with its values: one, or those of a list or a map.
type entry struct {
	key    string
	line   int
	many   bool // a list or a map
	broken bool // what it has is no value, which was told
	values []valueAt
}

// valueAt is a text with its line. In a map it is KEY=VALUE.
type valueAt struct {
	text   string
	line   int
	nested bool // it is no text, but a list or a map, or nothing
}

// maxFile bounds a configuration.
const maxFile = 1 << 20

// readFile reads a configuration, as far as its form goes: what the keys mean is
// another matter. What has no form at all has one mistake.
func readFile(path string) (*file, []mistake, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, nil, Fail(Config, "cannot read the configuration: %v", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	switch {
	case err != nil:
		return nil, nil, Fail(Config, "cannot read the configuration: %v", err)
	case len(text) > maxFile:
		return nil, nil, Fail(Config, "the configuration %s is longer than the %d bytes that are read", path, maxFile)
	}
	f := &file{path: path}
	return f, f.understand(string(text)), nil
}

func (f *file) understand(text string) []mistake {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var document, second yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return nil // nothing but comments
	case err != nil:
		return []mistake{f.unreadable(err)}
	}
	var found []mistake
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return []mistake{f.unreadable(err)}
	default:
		found = append(found, mistake{path: f.path, line: second.Content[0].Line, text: `a second document begins: put all settings into one, without "---" between them`})
	}
	return append(found, f.take(document.Content[0])...)
}

// unreadable is what the parser says about text that is no YAML.
func (f *file) unreadable(err error) mistake {
	m := mistake{path: f.path, line: 1, text: err.Error()}
	var load *yaml.LoadError
	if errors.As(err, &load) {
		m.line, m.text = max(1, load.Mark.Line), load.Message
		if strings.Contains(load.Message, "end of stream") && load.ContextMark.Line > 0 {
			m.line, m.text = load.ContextMark.Line, "what begins here does not end" // a quote, a bracket
		}
	}
	m.text = "this is no YAML: " + m.text + "; each line is KEY: VALUE, and what belongs to a key is indented with spaces"
	return m
}

// take sorts the keys of a document.
func (f *file) take(top *yaml.Node) (found []mistake) {
	if isNull(top) {
		return nil
	}
	if top.Kind != yaml.MappingNode {
		return []mistake{{path: f.path, line: top.Line, text: "want settings, each as KEY: VALUE"}}
	}
	first := map[string]int{}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		e := entry{key: key.Value, line: key.Line}
		if before, twice := first[e.key]; twice {
			found = append(found, f.at(e, fmt.Sprintf("it stands in line %d already; keep one of them", before)))
			continue
		}
		first[e.key] = e.line
		if e.values, e.many = valuesOf(value); e.values == nil {
			found, e.broken = append(found, f.at(e, "it has no value; give it one, or leave it out")), true
		}
		for _, v := range e.values {
			if v.nested {
				found, e.broken = append(found, mistake{path: f.path, line: v.line, setting: e.key, text: "want a single value here"}), true
			}
		}
		f.entries = append(f.entries, e)
	}
	return found
}

// valuesOf are the texts of a value, nil if it has none, and whether it could have
// several.
func valuesOf(value *yaml.Node) (texts []valueAt, many bool) {
	line := value.Line
	switch value = meant(value); {
	case isNull(value):
		return nil, false
	case value.Kind == yaml.ScalarNode:
		return []valueAt{{text: value.Value, line: line}}, false
	}
	texts = []valueAt{}
	if value.Kind == yaml.SequenceNode {
		for _, one := range value.Content {
			texts = append(texts, textOf(meant(one), one.Line))
		}
		return texts, true
	}
	for i := 0; i < len(value.Content); i += 2 {
		key := value.Content[i]
		v := textOf(meant(value.Content[i+1]), key.Line)
		v.text = key.Value + "=" + v.text
		texts = append(texts, v)
	}
	return texts, true
}

func textOf(n *yaml.Node, line int) valueAt {
	return valueAt{text: n.Value, line: line, nested: n.Kind != yaml.ScalarNode || isNull(n)}
}

// meant is what an alias stands for.
func meant(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// at is a mistake in an entry.
func (f *file) at(e entry, text string) mistake {
	return mistake{path: f.path, line: e.line, setting: e.key, text: text}
}

func (f *file) source(e entry) Source { return Source{FromFile, place(f.path, e.line)} }

// find returns the entry of a key, or nil.
func (f *file) find(key string) *entry {
	if f != nil {
		for i := range f.entries {
			if f.entries[i].key == key {
				return &f.entries[i]
			}
		}
	}
	return nil
}

// line is where a setting stands, or else where it is missing.
func (f *file) line(setting string) int {
	for _, key := range []string{setting, runSetting} {
		if e := f.find(key); e != nil {
			return e.line
		}
	}
	return 1
}
