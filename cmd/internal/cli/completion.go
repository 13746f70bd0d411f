package cli

import (
	"errors"
	"slices"
	"strings"
)

// The scripts for the shells. PROGRAM is the program's name in them.

// In bash a colon ends a word, and so does an equals sign: what stands before the
// last one must not be given again.
const bashCompletion = `_PROGRAM() {
    local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} candidate about head=
    local typed=${line##*[[:space:]]}
    if [[ $word != "$typed" && $typed == *[:=]* ]]; then
        head=${typed%"${typed##*[:=]}"}
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r candidate about; do
        case $candidate in
        :files) compopt -o default ;;
        :folders) compopt -o dirnames ;;
        *) COMPREPLY+=("$(printf %q "${candidate#"$head"}")") ;;
        esac
    done < <(PROGRAM complete -- "$line" 2>/dev/null)
}
complete -F _PROGRAM PROGRAM
`

const zshCompletion = `#compdef PROGRAM
_PROGRAM() {
    local candidate about
    local -a candidates shown
    while IFS=$'\t' read -r candidate about; do
        case $candidate in
        :files) _files ;;
        :folders) _files -/ ;;
        *)
            candidates+=("$candidate")
            shown+=("$candidate${about:+  -- $about}")
            ;;
        esac
    done < <(PROGRAM complete -- "${(j: :)words[1,CURRENT]}" 2>/dev/null)
    if (( $#candidates )); then
        compadd -l -d shown -a candidates
    fi
}
if [ "$funcstack[1]" = _PROGRAM ]; then
    _PROGRAM "$@"
else
    compdef _PROGRAM PROGRAM
fi
`

const fishCompletion = `function __PROGRAM_complete
    set -l line (commandline -cp)
    for candidate in (PROGRAM complete -- "$line" 2>/dev/null)
        switch $candidate
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%s\n' $candidate
        end
    end
end
complete -c PROGRAM -f -a '(__PROGRAM_complete)'
`

var shells = map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}

var shellNames = []string{"bash", "zsh", "fish"}

const aboutCompletion = `SHELL is bash, zsh or fish. Commands, flags, and the values of flags that have few are
completed, and where PROGRAM can know them, names. The shell asks PROGRAM each time, so that
what it knows is never older than PROGRAM. To make it known:

In ~/.bashrc, or in ~/.zshrc behind compinit: source <(PROGRAM completion SHELL)
For fish: PROGRAM completion fish >~/.config/fish/completions/PROGRAM.fish`

func (p *Program) completionCommand() Command {
	return Command{
		Verb: "completion", Names: []string{"SHELL"},
		Codes:    []Code{{OK, "printed"}, {Usage, "there is none for that shell"}, {IOError, "it could not be printed"}},
		About:    "print what makes a shell complete the command line\n\n" + strings.ReplaceAll(aboutCompletion, "PROGRAM", p.Name),
		Examples: []string{p.Name + " completion bash", p.Name + " completion zsh", p.Name + " completion fish"},
		Words:    func(string) []string { return shellNames },
		Run: func(names []string) error {
			text, err := p.completion(names[0])
			if err != nil {
				return Misuse("%v", err)
			}
			return p.print(text)
		},
	}
}

func (p *Program) completion(shell string) (string, error) {
	if !slices.Contains(shellNames, shell) {
		return "", errors.New("there is no completion for the shell " + OneLine(shell) + ", only for " + strings.Join(shellNames, ", "))
	}
	return strings.ReplaceAll(shells[shell], "PROGRAM", p.Name), nil
}
