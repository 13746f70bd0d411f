package docs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// House is what scenes share.
type House struct {
	Checkout string // the repository
	Programs string // a directory with lockd, lockc and lockload
	// Patience is how long a command may take, and how long something is awaited.
	Patience time.Duration
}

// Tally is what became of a scene's blocks.
type Tally struct {
	Commands, Files int
	NotRun, Skipped []string
}

// again is the time between two looks at what is awaited.
const again = 50 * time.Millisecond

// Play plays a scene of a page. It goes on after a mistake, unless the shell is
// gone. Mine is an empty directory.
func (h *House) Play(page *Page, scene *Scene, mine string) (tally Tally, mistakes []error) {
	p := player{page: page, patience: h.Patience, folder: filepath.Join(mine, "page"), private: filepath.Join(mine, "private")}
	environment, err := h.furnish(&p, scene)
	if err != nil {
		return tally, []error{err}
	}
	if p.shell, err = OpenShell(p.folder, p.private, environment); err != nil {
		return tally, []error{err}
	}
	defer p.shell.Close()
	for i := range scene.Blocks {
		if p.block(&scene.Blocks[i]); p.shellGone {
			break
		}
	}
	return p.tally, p.mistakes
}

// furnish makes the folders of a scene, and says what its shell finds in its
// environment: nothing of ours but where the tools are.
func (h *House) furnish(p *player, scene *Scene) (environment []string, err error) {
	home, temporary := filepath.Join(p.private, "home"), filepath.Join(p.private, "tmp")
	for _, dir := range []string{p.folder, home, temporary} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	environment = []string{
		"PATH=" + filepath.Join(home, "go", "bin") + ":" + h.Programs + ":" + os.Getenv("PATH"),
		"HOME=" + home, "TMPDIR=" + temporary, "CHECKOUT=" + h.Checkout,
		"USER=root", "LOGNAME=root", "SHELL=/bin/bash", "TERM=dumb", "LANG=C.UTF-8", "TZ=UTC",
		"PYTHONUNBUFFERED=1", // as at a terminal
		"GOPATH=" + filepath.Join(home, "go"), "GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly",
	}
	// Modules and what was built are where they are always.
	for _, variable := range []string{"GOCACHE", "GOMODCACHE", "GOROOT"} {
		value, err := exec.Command("go", "env", variable).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", variable, err)
		}
		environment = append(environment, variable+"="+strings.TrimSpace(string(value)))
	}
	if slices.ContainsFunc(scene.Blocks, func(b Block) bool { return strings.HasSuffix(b.File, ".go") }) {
		work, err := p.module(h.Checkout)
		return append(environment, "GOWORK="+work), err
	}
	return environment, nil
}

// goVersion is the line of a go.mod that says which one it takes.
var goVersion = regexp.MustCompile(`(?m)^go .*$`)

// module makes the page's folder one that uses the checkout as it is, and returns the
// file that says so.
func (p *player) module(checkout string) (work string, err error) {
	ours, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	if err != nil {
		return "", err
	}
	version := goVersion.Find(ours)
	work = filepath.Join(p.private, "go.work")
	return work, errors.Join(
		os.WriteFile(filepath.Join(p.folder, "go.mod"), fmt.Appendf(nil, "module example\n\n%s\n", version), 0o600),
		os.WriteFile(work, fmt.Appendf(nil, "%s\n\nuse (\n\t%s\n\t%s\n)\n", version, p.folder, checkout), 0o600))
}

// player plays one scene.
type player struct {
	page            *Page
	folder, private string
	patience        time.Duration
	shell           *Shell
	shellGone       bool
	tally           Tally
	mistakes        []error
}

func (p *player) mistake(line int, format string, args ...any) {
	p.mistakes = append(p.mistakes, fmt.Errorf("%s:%d: %s", p.page.Path, line, fmt.Sprintf(format, args...)))
}

func (p *player) block(b *Block) {
	if b.NotRun != "" {
		p.tally.NotRun = append(p.tally.NotRun, fmt.Sprintf("%s:%d: %s", p.page.Path, b.Line, b.NotRun))
		return
	}
	if tool := missing(b); tool != "" {
		p.tally.Skipped = append(p.tally.Skipped, fmt.Sprintf("%s:%d: there is no %s here", p.page.Path, b.Line, tool))
		return
	}
	if b.File != "" {
		p.write(b)
		return
	}
	for i := range b.Steps {
		if p.step(b, i); p.shellGone {
			return
		}
	}
}

// optional are the tools that not every machine has.
var optional = []string{"chromium", "grpcurl", "jq", "node", "openssl", "promtool", "python3", "sqlite3"}

var words = regexp.MustCompile(`[\w.-]+`)

// missing is a tool that a block needs and that is not here.
func missing(b *Block) string {
	needs := b.Needs
	for _, step := range b.Steps {
		for _, word := range words.FindAllString(step.Command, -1) {
			if slices.Contains(optional, word) {
				needs = append(needs, word)
			}
		}
	}
	for _, tool := range needs {
		if _, err := exec.LookPath(tool); err != nil {
			return tool
		}
	}
	return ""
}

// write writes a file into the page's folder.
func (p *player) write(b *Block) {
	if !filepath.IsLocal(b.File) {
		p.mistake(b.Line, "%s is not in the page's folder", b.File)
		return
	}
	path, mode := filepath.Join(p.folder, b.File), os.FileMode(0o644)
	if len(b.Lines) > 0 && strings.HasPrefix(b.Lines[0], "#!") {
		mode = 0o755
	}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.Join(b.Lines, "\n")+"\n"), mode)
	}
	if err != nil {
		p.mistake(b.Line, "%v", err)
		return
	}
	p.tally.Files++
}

func (p *player) step(b *Block, i int) {
	s := &b.Steps[i]
	p.tally.Commands++
	deadline := time.Now().Add(p.patience)
	for {
		number, code, err := p.typeIn(b, i)
		if err != nil {
			p.shellGone = true
			p.mistake(s.Line, "%s\n%v; it has printed\n%s", s.Command, err, quoted(p.shell.Said(number)))
			return
		}
		complaint := p.judge(b, i, number, code)
		switch {
		case complaint == "":
			return
		case !b.Await || time.Now().After(deadline):
			p.mistake(s.Line, "%s\n%s", s.Command, complaint)
			return
		}
		time.Sleep(again) // as a reader who types it a second time
	}
}

func (p *player) typeIn(b *Block, i int) (number, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.patience)
	defer cancel()
	command := b.Steps[i].Command
	if b.stays(i) {
		command = "{ " + command + "\n} &"
	}
	return p.shell.Type(ctx, command)
}

// stays reports whether a step goes on in a terminal of its own.
func (b *Block) stays(i int) bool { return b.Stays && i == len(b.Steps)-1 }

// judge returns what is wrong with what a command has done, or nothing.
func (p *player) judge(b *Block, i, number, code int) string {
	s, want := &b.Steps[i], 0
	if i == len(b.Steps)-1 {
		want = b.Code
	} else if strings.Contains(b.Steps[i+1].Command, "$?") {
		want = code // it is asked for, and printed
	}
	if code != want {
		return fmt.Sprintf("it ends with code %d, not %d, and prints\n%s", code, want, quoted(p.shell.Said(number)))
	}
	if b.stays(i) || leavesSomething(s.Command) {
		return p.awaitBeginning(s, number)
	}
	printed := lines(p.shell.Said(number))
	if missing, ok := Match(s.Prints, printed); !ok {
		return differs(s, missing, printed)
	}
	return ""
}

// awaitBeginning waits until what goes on has printed what it should.
func (p *player) awaitBeginning(s *Step, number int) string {
	for deadline := time.Now().Add(p.patience); ; time.Sleep(again) { // a poll of a file
		printed := lines(p.shell.Said(number))
		missing, ok := Begins(s.Prints, printed)
		switch {
		case ok:
			return ""
		case time.Now().After(deadline):
			return differs(s, missing, printed)
		}
	}
}

var (
	quotedText = regexp.MustCompile(`'[^']*'|"(?:\\.|[^"\\])*"|#.*`)
	background = regexp.MustCompile(`(?:^|[^&>|])&(?:[^&>]|$)`)
)

// leavesSomething reports whether a command has a part that goes on.
func leavesSomething(command string) bool {
	return background.MatchString(quotedText.ReplaceAllString(command, "x"))
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func differs(s *Step, missing int, printed []string) string {
	what := "more is printed than the page says"
	if missing < len(s.Prints) {
		what = fmt.Sprintf("line %d is not printed, or not there: %s", s.Line+1+missing, s.Prints[missing])
	}
	return fmt.Sprintf("%s\nthe page says\n%sprinted was\n%s", what, quoted(strings.Join(s.Prints, "\n")), quoted(strings.Join(printed, "\n")))
}

// mostShown bounds what is shown of what a command has printed.
const mostShown = 100

func quoted(text string) string {
	all := trimEnd(lines(text))
	if len(all) > mostShown {
		all = append(all[:mostShown:mostShown], fmt.Sprintf("(and %d lines more)", len(all)-mostShown))
	}
	var b strings.Builder
	for _, line := range all {
		fmt.Fprintf(&b, "    | %s\n", line)
	}
	return b.String()
}
