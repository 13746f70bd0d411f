package docs

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Usage is what our programs can be told, by what they say of themselves.
type Usage struct {
	dir      string
	pages    map[string]*helpPage // by program and command: "lockc cluster add"
	programs []string
}

// helpPage is what one --help says.
type helpPage struct {
	commands  []string // of the program, the longer ones first
	flags     []string
	variables []string
}

// ReadUsage asks the programs in a directory.
func ReadUsage(dir string) (*Usage, error) {
	u := &Usage{dir: dir, pages: map[string]*helpPage{}, programs: []string{"lockd", "lockc", "lockload"}}
	for _, program := range u.programs {
		whole, err := u.read(program)
		if err != nil {
			return nil, err
		}
		for _, command := range whole.commands {
			if _, err := u.read(program, strings.Fields(command)...); err != nil {
				return nil, err
			}
		}
	}
	return u, nil
}

var (
	flagLine    = regexp.MustCompile(`(?m)^  (-[\w-]+)(?:, (-[\w-]+))?(?: .*)?$`)
	verbLine    = regexp.MustCompile(`(?m)^  (?:lockd|lockc|lockload) -([a-z])\b`)
	commandLine = regexp.MustCompile(`(?m)^  (?:lockd|lockc|lockload) ([a-z]+(?: [a-z]+)?)`)
	variable    = regexp.MustCompile(`\bLOCK(?:D|C|LOAD)_[A-Z_]+`)
)

func (u *Usage) read(program string, command ...string) (*helpPage, error) {
	asks := append(command, "--help")
	if len(command) == 0 {
		asks = []string{"help"} // with --help alone, it may tell of what needs no command
	}
	out, err := exec.Command(filepath.Join(u.dir, program), asks...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s --help: %w", program, strings.Join(command, " "), err)
	}
	p := &helpPage{flags: []string{"help", "version"}, variables: variable.FindAllString(string(out), -1)}
	for _, flag := range flagLine.FindAllStringSubmatch(string(out), -1) {
		for _, name := range flag[1:] {
			if name != "" {
				p.flags = append(p.flags, strings.TrimLeft(name, "-"))
			}
		}
	}
	if len(command) == 0 {
		list, _, _ := strings.Cut(string(out), "\nExamples:")
		for _, line := range commandLine.FindAllStringSubmatch(list, -1) {
			p.commands = append(p.commands, line[1])
		}
		for _, line := range verbLine.FindAllStringSubmatch(list, -1) {
			p.flags = append(p.flags, line[1])
		}
		slices.SortFunc(p.commands, func(a, b string) int { return len(b) - len(a) })
		p.commands = slices.Compact(p.commands)
	}
	u.pages[strings.Join(append([]string{program}, command...), " ")] = p
	return p, nil
}

// Flags are all that a program has.
func (u *Usage) Flags(program string) []string { return u.pages[program].flags }

// Check returns what a page says of our programs that is not so.
func (u *Usage) Check(page *Page) (mistakes []error) {
	for _, line := range page.Code {
		for _, complaint := range u.checkLine(line.Text) {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %s", page.Path, line.Number, complaint))
		}
	}
	return mistakes
}

var (
	word     = regexp.MustCompile(`'[^']*'|"(?:\\.|[^"\\])*"|[|;&()<>]|[^\s|;&()<>'"]+`)
	someFlag = regexp.MustCompile(`^--?([A-Za-z][A-Za-z0-9-]*)(?:=.*)?$`)
)

func (u *Usage) checkLine(line string) (complaints []string) {
	for _, name := range variable.FindAllString(line, -1) {
		if !u.anywhere(func(p *helpPage) []string { return p.variables }, name) {
			complaints = append(complaints, fmt.Sprintf("no program has a variable %s", name))
		}
	}
	all := word.FindAllString(line, -1)
	// A flag alone may be one of any command.
	if len(all) > 0 {
		if flag := someFlag.FindStringSubmatch(all[0]); flag != nil && !u.anywhere(func(p *helpPage) []string { return p.flags }, flag[1]) {
			complaints = append(complaints, fmt.Sprintf("no program has a flag -%s", flag[1]))
		}
	}
	for i, w := range all {
		if program := filepath.Base(w); slices.Contains(u.programs, program) && !strings.HasPrefix(w, "/etc") {
			complaints = append(complaints, u.checkCommand(program, all[i+1:])...)
		}
	}
	return complaints
}

func (u *Usage) anywhere(of func(*helpPage) []string, name string) bool {
	for _, p := range u.pages {
		if slices.Contains(of(p), name) {
			return true
		}
	}
	return false
}

// checkCommand checks what stands behind the name of a program, up to where the
// shell or another program has its say.
func (u *Usage) checkCommand(program string, rest []string) (complaints []string) {
	if end := slices.IndexFunc(rest, func(w string) bool {
		return w == "--" || strings.HasPrefix(w, "#") || strings.Contains("|;&()<>", w)
	}); end >= 0 {
		rest = rest[:end]
	}
	typed := strings.Join(rest, " ") + " "
	name := program
	for _, command := range u.pages[program].commands {
		if strings.HasPrefix(typed, command+" ") {
			name = program + " " + command
			break
		}
	}
	if strings.HasPrefix(typed, "config ") {
		name = program // it takes the flags of what is to run
	}
	for _, w := range rest {
		flag := someFlag.FindStringSubmatch(w)
		if flag != nil && !slices.Contains(u.pages[name].flags, flag[1]) {
			complaints = append(complaints, fmt.Sprintf("%s has no flag %s", name, w))
		}
	}
	return complaints
}
