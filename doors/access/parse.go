package access

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of a file.
const (
	MaxFileBytes      = 1 << 20
	maxLines          = 10_000
	maxTokens         = 1_000 // each is compared with whatever is shown
	maxRules          = 2_000
	maxNameBytes      = 256
	maxPrincipalBytes = 64
)

// CheckPrincipal says what is wrong with the name of a principal.
func CheckPrincipal(name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) || strings.ContainsRune(`"#=*`, r) }
	switch {
	case name == "":
		return fmt.Errorf("the name of a principal is empty")
	case len(name) > maxPrincipalBytes:
		return fmt.Errorf("%.80q… is longer than the %d bytes that the name of a principal can have", name, maxPrincipalBytes)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, odd):
		return fmt.Errorf(`%.80q is no name of a principal: it has no spaces and none of " # = *`, name)
	default:
		return nil
	}
}

// Parse reads a file. An error begins with where it is, as "rules:3: ".
func Parse(file string, text []byte) (*Policy, error) {
	if len(text) > MaxFileBytes {
		return nil, fmt.Errorf("%s: longer than %d bytes", file, MaxFileBytes)
	}
	p := &Policy{limits: map[string]Limits{}}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if number > maxLines {
			return nil, fmt.Errorf("%s:%d: more than %d lines", file, number, maxLines)
		}
		words, err := split(strings.TrimRight(line, "\r\n"))
		if tellsToken(line) {
			// Whatever else is wrong would be shown with the line's own words.
			err = errRawToken
		}
		if err == nil && len(words) > 0 {
			err = p.add(words)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, number, err)
		}
	}
	return p, nil
}

// split cuts a line into words. One with spaces stands in quotes, as in Go.
func split(line string) (words []string, err error) {
	if !utf8.ValidString(line) {
		return nil, fmt.Errorf("this is no UTF-8")
	}
	for {
		line = strings.TrimLeft(line, " \t")
		switch {
		case line == "" || line[0] == '#':
			return words, nil
		case line[0] == '"':
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				return nil, fmt.Errorf("a quotation does not end")
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return nil, fmt.Errorf("%.80s is no quotation: %w", quoted, err)
			}
			words, line = append(words, word), line[len(quoted):]
			if line != "" && !strings.ContainsRune(" \t#", rune(line[0])) {
				return nil, fmt.Errorf("a space is missing behind %.80s", quoted)
			}
		default:
			end := strings.IndexAny(line, " \t")
			if end < 0 {
				end = len(line)
			}
			words, line = append(words, line[:end]), line[end:]
		}
	}
}

// add takes what one line says.
func (p *Policy) add(words []string) error {
	switch kind, rest := words[0], words[1:]; kind {
	case "token":
		return p.addToken(rest)
	case "allow":
		return p.addRule(rest)
	case "limit":
		return p.addLimit(rest)
	default:
		return fmt.Errorf("%.40q is nothing that a line begins with: want token, allow or limit", kind)
	}
}

func (p *Policy) addToken(words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("want token PRINCIPAL %sHASH, as lockd token new prints it", hashPrefix)
	}
	if err := CheckPrincipal(words[0]); err != nil {
		return err
	}
	hash, err := parseHash(words[1])
	if err != nil {
		return err
	}
	if slices.ContainsFunc(p.tokens, func(t token) bool { return t.hash == hash }) {
		return fmt.Errorf("this token stands here twice: each line has one of its own")
	}
	if p.tokens = append(p.tokens, token{hash, words[0]}); len(p.tokens) > maxTokens {
		return fmt.Errorf("more than %d tokens", maxTokens)
	}
	return nil
}

func (p *Policy) addRule(words []string) error {
	if len(words) != 3 {
		return fmt.Errorf("want allow PRINCIPAL RIGHT NAMES, such as: allow ci lock deploy/*")
	}
	if words[0] != Everybody {
		if err := CheckPrincipal(words[0]); err != nil {
			return err
		}
	}
	right, ok := parseRight(words[1])
	if !ok {
		return fmt.Errorf("%.40q is no right: want read, lock or admin", words[1])
	}
	names, err := parsePattern(words[2])
	if err != nil {
		return err
	}
	if p.rules = append(p.rules, rule{words[0], right, names}); len(p.rules) > maxRules {
		return fmt.Errorf("more than %d lines with allow", maxRules)
	}
	return nil
}

func (p *Policy) addLimit(words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("want limit PRINCIPAL and some of rate=N burst=N open=N sessions=N")
	}
	who := words[0]
	if who != Everybody {
		if err := CheckPrincipal(who); err != nil {
			return err
		}
	}
	if _, twice := p.limits[who]; twice {
		return fmt.Errorf("%s has a limit already: put all into one line", who)
	}
	var l Limits
	seen := map[string]bool{}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || n == 0 || n > mostOfAnything {
			return fmt.Errorf("%.80q is no limit: want rate=N, burst=N, open=N or sessions=N with N from 1 to %d", word, mostOfAnything)
		}
		if seen[key] {
			return fmt.Errorf("%s stands here twice", key)
		}
		seen[key] = true
		switch key {
		case "rate":
			l.Rate = float64(n)
		case "burst":
			l.Burst = int(n)
		case "open":
			l.Open = int(n)
		case "sessions":
			l.Sessions = int(n)
		default:
			return fmt.Errorf("%.40q is no limit: want rate, burst, open or sessions", key)
		}
	}
	if l.Burst > 0 && l.Rate == 0 {
		return fmt.Errorf("burst goes with rate only: say how many requests a second follow")
	}
	if l.Burst == 0 {
		l.Burst = max(1, int(l.Rate))
	}
	p.limits[who] = l
	return nil
}

// mostOfAnything bounds what a limit can be.
const mostOfAnything = 1_000_000
