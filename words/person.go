package words

import (
	"maps"
	"strings"

	"lockstep/lock"
)

// principal is the line of a session's info by which the rules know its opener. The
// nodes write it, and nobody else can.
const principal = "principal"

// Person tells who somebody is, by what a session says of itself and what its grant
// or wait adds: "alice@web1, pid 7: make deploy". Who does not say which user that is
// goes by the name that the rules have. It is empty if nothing is said.
func Person(session, grant map[string]string) string {
	if who := session[principal]; who != "" && session["user"] == "" && grant["user"] == "" {
		session = maps.Clone(session)
		session["user"] = who
	}
	return strings.TrimPrefix(lock.Person(session, grant), ": ")
}
