package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Page is what is on a page, as far as it can be held against something.
type Page struct {
	Path    string // within the repository
	Scenes  []Scene
	Anchors []string // what links to this page may have behind the #
	Links   []Link
	Code    []Line // what is set as code: commands, and words within the text
}

// Scene is what happens on one machine.
type Scene struct {
	Title  string // the heading above it
	Blocks []Block
}

// Block is what stands between two fences.
type Block struct {
	Line     int // of its first fence
	Language string
	File     string   // its name, if it is one
	Lines    []string // that are neither commands nor printed
	Steps    []Step
	Code     int  // with which the last step ends
	Await    bool // until it is so
	Stays    bool // the last one goes on, in a terminal of its own
	Needs    []string
	NotRun   string // why
}

// Step is one command, and what it prints.
type Step struct {
	Line    int
	Command string
	Prints  []string
}

// Link is one that stays within the repository.
type Link struct {
	Line   int
	Target string
}

// Line is one line of code.
type Line struct {
	Number int
	Text   string
}

// Parse reads a page. The mistakes are for people, each with its line.
func Parse(path, text string) (*Page, []error) {
	r := reader{page: &Page{Path: path, Scenes: []Scene{{}}}}
	for i, line := range strings.Split(text, "\n") {
		r.line = i + 1
		r.take(strings.TrimRight(line, " \t\r"))
	}
	if r.block != nil {
		r.mistake(r.block.Line, "this fence is never closed")
	}
	r.links()
	r.page.Scenes = slices.DeleteFunc(r.page.Scenes, func(s Scene) bool { return len(s.Blocks) == 0 })
	return r.page, r.mistakes
}

// reader goes through a page, line by line.
type reader struct {
	page     *Page
	line     int
	block    *Block // that is open
	fence    string // that closes it
	heading  string // the last one
	prose    []string
	mistakes []error
}

func (r *reader) mistake(line int, format string, args ...any) {
	r.mistakes = append(r.mistakes, fmt.Errorf("%s:%d: %s", r.page.Path, line, fmt.Sprintf(format, args...)))
}

var (
	fences   = regexp.MustCompile("^(```+)(.*)$")
	headings = regexp.MustCompile(`^#{1,6} +(.*?)( +#+)?$`)
	indented = regexp.MustCompile(`^(?:    |\t)\s*(\S.*)$`)
	spans    = regexp.MustCompile("``([^`]+(?:`[^`]+)*)``|`([^`]+)`")
)

const newMachine = "<!-- a new machine -->"

func (r *reader) take(line string) {
	if r.block != nil {
		r.within(line)
		return
	}
	if open := fences.FindStringSubmatch(line); open != nil {
		r.open(open[1], open[2])
		return
	}
	if line == newMachine {
		r.page.Scenes = append(r.page.Scenes, Scene{})
	} else if heading := headings.FindStringSubmatch(line); heading != nil {
		r.page.Anchors, r.heading = append(r.page.Anchors, r.anchor(heading[1])), heading[1]
	} else if code := indented.FindStringSubmatch(line); code != nil {
		if strings.HasPrefix(code[1], "$ ") {
			r.mistake(r.line, "nobody runs this command: put it between fences, ```console")
		}
		r.page.Code = append(r.page.Code, Line{r.line, code[1]})
	}
	// A link's text may go over two lines, and a word set as code is no link.
	for len(r.prose) < r.line-1 {
		r.prose = append(r.prose, "")
	}
	r.prose = append(r.prose, spans.ReplaceAllStringFunc(line, func(span string) string {
		r.page.Code = append(r.page.Code, Line{r.line, strings.Trim(span, "` ")})
		return "code"
	}))
}

func (r *reader) scene() *Scene { return &r.page.Scenes[len(r.page.Scenes)-1] }

// open begins a block with what is said behind its fence.
func (r *reader) open(fence, info string) {
	b := &Block{Line: r.line}
	r.block, r.fence = b, fence
	for info = strings.TrimSpace(info); info != ""; {
		if why, ok := strings.CutPrefix(info, "norun="); ok {
			b.NotRun = strings.Trim(why, `"`)
			break
		}
		var word string
		word, info, _ = strings.Cut(info, " ")
		info = strings.TrimSpace(info)
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "file" && value != "":
			b.File = value
		case key == "needs" && value != "":
			b.Needs = strings.Split(value, ",")
		case key == "exit":
			code, err := strconv.Atoi(value)
			if err != nil {
				r.mistake(r.line, "%s: want a number", word)
			}
			b.Code = code
		case word == "await":
			b.Await = true
		case word == "stays":
			b.Stays = true
		case b.Language == "" && !strings.Contains(word, "="):
			b.Language = word
		default:
			r.mistake(r.line, "%s: nothing is known of it; see tests/docs/doc.go", word)
		}
	}
	console := b.Language == "console"
	switch {
	case !console && (b.Await || b.Stays || b.Code != 0):
		r.mistake(r.line, "only a console has commands")
	case console && b.File != "":
		r.mistake(r.line, "a console is no file")
	case b.Language == "text" && (b.File != "" || b.NotRun != ""):
		r.mistake(r.line, "text is never run: leave the language away for a file")
	case !console && b.Language != "text" && b.File == "" && b.NotRun == "":
		r.mistake(r.line, "this is neither run nor written: say file=NAME, or norun=REASON")
	}
}

// within takes a line of the open block.
func (r *reader) within(line string) {
	b := r.block
	if close := fences.FindStringSubmatch(line); close != nil && close[2] == "" && len(close[1]) >= len(r.fence) {
		r.close()
		return
	}
	last := len(b.Steps) - 1
	command, typed := strings.CutPrefix(line, "$ ")
	switch {
	case b.Language != "console":
		b.Lines = append(b.Lines, line)
		if slices.Contains([]string{"sh", "bash", "text", "yaml"}, b.Language) {
			r.page.Code = append(r.page.Code, Line{r.line, line})
		}
	case last >= 0 && strings.HasSuffix(b.Steps[last].Command, `\`) && len(b.Steps[last].Prints) == 0:
		b.Steps[last].Command += "\n" + line
	case typed:
		b.Steps = append(b.Steps, Step{Line: r.line, Command: command})
	case last >= 0:
		b.Steps[last].Prints = append(b.Steps[last].Prints, line)
	case line != "" && !strings.HasPrefix(line, "# "):
		r.mistake(r.line, "a console begins with a command: $ …")
	}
}

func (r *reader) close() {
	b := r.block
	r.block = nil
	for i := range b.Steps {
		s := &b.Steps[i]
		s.Prints = trimEnd(s.Prints)
		r.page.Code = append(r.page.Code, Line{s.Line, strings.ReplaceAll(s.Command, "\\\n", " ")})
	}
	if b.Language == "console" && len(b.Steps) == 0 {
		r.mistake(b.Line, "there is no command in this console")
	}
	if b.Language == "text" {
		return
	}
	if len(r.scene().Blocks) == 0 {
		r.scene().Title = r.heading
	}
	r.scene().Blocks = append(r.scene().Blocks, *b)
}

// trimEnd leaves away the empty lines at the end.
func trimEnd(lines []string) []string {
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

var (
	linked     = regexp.MustCompile(`\]\(([^)\s]+)(?: "[^"]*")?\)`)
	references = regexp.MustCompile(`(?m)^\[[^\]]+\]: +(\S+)`)
	elsewhere  = regexp.MustCompile(`^[a-z]+:`)
	decoration = regexp.MustCompile("[`*]|\\]\\([^)]*\\)|\\[")
	unlinkable = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// links finds those that stay here.
func (r *reader) links() {
	prose := strings.Join(r.prose, "\n")
	for _, pattern := range []*regexp.Regexp{linked, references} {
		for _, at := range pattern.FindAllStringSubmatchIndex(prose, -1) {
			if target := prose[at[2]:at[3]]; !elsewhere.MatchString(target) {
				r.page.Links = append(r.page.Links, Link{1 + strings.Count(prose[:at[2]], "\n"), target})
			}
		}
	}
}

// anchor is what the site that shows our pages makes of a heading.
func (r *reader) anchor(heading string) string {
	name := strings.ToLower(decoration.ReplaceAllString(heading, ""))
	name = strings.ReplaceAll(unlinkable.ReplaceAllString(name, ""), " ", "-")
	for unique, n := name, 0; ; unique = fmt.Sprintf("%s-%d", name, n) {
		if !slices.Contains(r.page.Anchors, unique) {
			return unique
		}
		n++
	}
}
