package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NewInfo writes a map as an Info. Its lines are sorted, so that equal maps are
// equal texts.
func NewInfo(all map[string]string) (Info, error) {
	if len(all) == 0 {
		return "", nil
	}
	var text strings.Builder
	for i, key := range slices.Sorted(maps.Keys(all)) {
		if strings.ContainsAny(key, "=\n") || strings.Contains(all[key], "\n") {
			return "", fmt.Errorf("the info %q has a line break, or \"=\" in its key", key)
		}
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(key + "=" + all[key])
	}
	return Info(text.String()), nil
}

// Map reads what NewInfo has written; of nothing it is nil.
func (i Info) Map() map[string]string {
	if i == "" {
		return nil
	}
	all := map[string]string{}
	for line := range strings.Lines(string(i)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		all[key] = value
	}
	return all
}

// Person tells who somebody is, by what a session says of itself and what its grant
// or wait adds: "alice@web1, pid 7: make deploy". It is empty if they say nothing.
func Person(session, grant map[string]string) string {
	info := func(key string) string {
		if value, said := grant[key]; said {
			return value
		}
		return session[key]
	}
	who := info("user")
	if info("host") != "" {
		who += "@" + info("host")
	}
	if info("pid") != "" {
		who += ", pid " + info("pid")
	}
	if info("command") != "" {
		who += ": " + info("command")
	}
	return strings.TrimPrefix(who, ", ")
}
