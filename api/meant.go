package api

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"lockstep/words"
)

const (
	tooFar       = 3  // so many letters of a name are no slip
	longestMeant = 40 // a longer one is none, either
)

// meant helps who has mistyped a name: with those that come nearest, or with all.
func meant(name string, known []string) string {
	var near []string
	nearest := tooFar
	if len(name) > longestMeant {
		name = "" // and comes near nothing
	}
	name = plainly(name)
	for _, k := range known {
		switch far := apart(name, plainly(k)); {
		case far < nearest:
			near, nearest = []string{k}, far
		case far == nearest && len(near) > 0:
			near = append(near, k)
		}
	}
	switch {
	case len(near) > 0:
		return fmt.Sprintf(`is "%s" meant?`, strings.Join(near, `" or "`))
	case len(known) > 0:
		return "it has " + strings.Join(known, ", ")
	default:
		return "it has none"
	}
}

var joiners = strings.NewReplacer("_", "", "-", "")

// plainly is a name without what different languages write differently.
func plainly(name string) string { return strings.ToLower(joiners.Replace(name)) }

// apart is by how many letters two names differ. Of a short one few have to be right,
// and one that has the other in it is nearly the same: "wait_seconds" means "wait".
func apart(name, known string) int {
	switch {
	case name == known:
		return 0
	case len(name) > 2 && len(known) > 2 && (strings.Contains(name, known) || strings.Contains(known, name)):
		return 1
	}
	if d := words.Edits(name, known); d <= len(name)/2 {
		return d
	}
	return tooFar
}

// namesOf are the names of what a schema has.
func namesOf[D protoreflect.Descriptor](all interface {
	Len() int
	Get(int) D
}) []string {
	names := make([]string, all.Len())
	for i := range names {
		names[i] = string(all.Get(i).Name())
	}
	return names
}
