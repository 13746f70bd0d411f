package main

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// tree is a mapping of YAML whose fields have an order, and list a sequence.
type (
	tree  []field
	list  []any
	field struct {
		key   string
		value any
	}
)

func (t *tree) add(key string, value any) { *t = append(*t, field{key, value}) }

// printer is a file that lines are written to.
type printer interface{ P(...any) }

func (t tree) print(out printer, depth int) {
	margin := strings.Repeat("  ", depth)
	for _, f := range t {
		switch value := f.value.(type) {
		case tree:
			out.P(margin, key(f.key), ":")
			value.print(out, depth+1)
		case list:
			out.P(margin, key(f.key), ":")
			value.print(out, depth+1)
		case string:
			if strings.Contains(value, "\n") {
				block(out, margin, f.key, value)
				continue
			}
			out.P(margin, key(f.key), ": ", strconv.Quote(value))
		default:
			out.P(margin, key(f.key), ": ", fmt.Sprint(value))
		}
	}
}

func (l list) print(out printer, depth int) {
	margin := strings.Repeat("  ", depth)
	for _, one := range l {
		if t, ok := one.(tree); ok {
			out.P(margin, "-")
			t.print(out, depth+1)
			continue
		}
		out.P(margin, "- ", strconv.Quote(fmt.Sprint(one)))
	}
}

// key is quoted if it may be taken for something else than text.
func key(k string) string {
	if strings.Trim(k, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return k
	}
	return strconv.Quote(k)
}

func block(out printer, margin, k, value string) {
	out.P(margin, key(k), ": |-")
	for line := range strings.SplitSeq(value, "\n") {
		if line == "" {
			out.P()
			continue
		}
		out.P(margin, "  ", line)
	}
}

// text is a comment without its marks. Indented lines stay so: Markdown takes them
// for what they are.
func text(c protogen.Comments) string {
	lines := strings.Split(strings.TrimSpace(string(c)), "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], " ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
