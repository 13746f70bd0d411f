package main

import (
	"strings"
	"unicode/utf8"

	"lockstep/cmd/internal/cli"
)

// table aligns columns. Colours take no room on a terminal, which is why the
// standard library's tabwriter cannot be used.
type table struct {
	rows  [][]cell
	paint bool
}

// cell is a text with its style.
type cell struct {
	text  string
	style style
}

// style is how a terminal shows a text.
type style string

const (
	plain  style = ""
	strong style = "1"
	faint  style = "2"
	bad    style = "31"
	folded style = "34" // folders, as ls has them
)

// add appends a row; all of its cells have the same style.
func (t *table) add(s style, texts ...string) *row {
	cells := make([]cell, len(texts))
	for i, text := range texts {
		cells[i] = cell{cli.OneLine(text), s}
	}
	t.rows = append(t.rows, cells)
	return &row{cells}
}

// row lets single cells be styled.
type row struct{ cells []cell }

func (r *row) styled(column int, s style) { r.cells[column].style = s }

func (t *table) String() string {
	widths := t.widths()
	var b strings.Builder
	for _, row := range t.rows {
		row = trimmed(row)
		for i, c := range row {
			b.WriteString(painted(t.paint, c.style, c.text))
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+3))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// trimmed is a row without the empty cells at its end.
func trimmed(row []cell) []cell {
	for len(row) > 0 && row[len(row)-1].text == "" {
		row = row[:len(row)-1]
	}
	return row
}

func (t *table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if i < len(row)-1 { // the last column needs no room behind it
				widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
			}
		}
	}
	return widths
}

func painted(paint bool, s style, text string) string {
	if !paint || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
