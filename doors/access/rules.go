package access

import (
	"fmt"
	"slices"
	"strings"
)

// Right is what somebody may do with locks.
type Right uint8

// The rights, each including those before it.
const (
	Read  Right = iota + 1 // look at locks: list, show, watch
	Lock                   // take and free them
	Admin                  // free those of others
)

var rights = [...]string{Read: "read", Lock: "lock", Admin: "admin"}

func (r Right) String() string { return rights[r] }

func parseRight(s string) (Right, bool) {
	for r := Read; r <= Admin; r++ {
		if rights[r] == s {
			return r, true
		}
	}
	return 0, false
}

// Everybody stands for each principal in a line.
const Everybody = "*"

// pattern is a name, or all that begin alike.
type pattern struct {
	text string
	all  bool // names that begin with text
}

func parsePattern(s string) (pattern, error) {
	text, all := strings.CutSuffix(s, "*")
	switch {
	case strings.Contains(text, "*"):
		return pattern{}, fmt.Errorf("%.80q has a * that is not its end: want a name, or how names begin and a *", s)
	case len(text) > maxNameBytes:
		return pattern{}, fmt.Errorf("%.80q… is longer than a lock's name can be, %d bytes", s, maxNameBytes)
	default:
		return pattern{text, all}, nil
	}
}

// has reports whether a pattern has a name in it.
func (p pattern) has(name string) bool {
	return name == p.text || p.all && strings.HasPrefix(name, p.text)
}

// covers reports whether it has all names that begin with prefix.
func (p pattern) covers(prefix string) bool { return p.all && strings.HasPrefix(prefix, p.text) }

// rule allows something.
type rule struct {
	principal string
	right     Right
	pattern   pattern
}

func (r *rule) gives(principal string, right Right) bool {
	return r.right >= right && (r.principal == principal || r.principal == Everybody)
}

// Policy is what a file says. It is never changed.
type Policy struct {
	tokens []token
	rules  []rule
	limits map[string]Limits
}

// Ruled reports whether anything has to be allowed.
func (p *Policy) Ruled() bool { return len(p.rules) > 0 }

// HasTokens reports whether somebody may be known by a token.
func (p *Policy) HasTokens() bool { return len(p.tokens) > 0 }

// May reports whether a principal may do something with a lock.
func (p *Policy) May(principal string, right Right, name string) bool {
	if !p.Ruled() {
		return true
	}
	for i := range p.rules {
		if r := &p.rules[i]; r.gives(principal, right) && r.pattern.has(name) {
			return true
		}
	}
	return false
}

// MayAll reports whether it may do so with all locks whose names begin with
// prefix, those that there will be, too.
func (p *Policy) MayAll(principal string, right Right, prefix string) bool {
	if !p.Ruled() {
		return true
	}
	for i := range p.rules {
		if r := &p.rules[i]; r.gives(principal, right) && r.pattern.covers(prefix) {
			return true
		}
	}
	return false
}

// Permission is a right to the locks that a pattern has in it, which is as in the
// file: a name, or with a * at its end all that begin so.
type Permission struct {
	Right   Right
	Pattern string
}

// Rights are all that a principal has, in the order of the file.
func (p *Policy) Rights(principal string) []Permission {
	if !p.Ruled() {
		return []Permission{{Admin, "*"}}
	}
	var all []Permission
	for i := range p.rules {
		r := &p.rules[i]
		one := Permission{r.right, r.pattern.text}
		if r.pattern.all {
			one.Pattern += "*"
		}
		if r.gives(principal, r.right) && !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// Limits bound what one principal takes of one node. Zero is no bound.
type Limits struct {
	Rate     float64 // requests a second
	Burst    int     // requests at once, after a pause; with Rate only
	Open     int     // requests under way
	Sessions int     // opened at this node, and not over
}

// DefaultLimits are those of whom no line is about: more than a program needs, and
// less than would hold the others up.
var DefaultLimits = Limits{Rate: 1000, Burst: 2000, Open: 512, Sessions: 1000}

// LimitsOf are those of a principal: its own line counts, or that of everybody, or
// else DefaultLimits.
func (p *Policy) LimitsOf(principal string) Limits {
	for _, who := range []string{principal, Everybody} {
		if l, ok := p.limits[who]; ok {
			return l
		}
	}
	return DefaultLimits
}
