package cli

import (
	"fmt"
	"strings"
)

// Source is where the value of a setting comes from. The zero value is the
// default.
type Source struct {
	Kind  SourceKind
	Where string // "-tick", "LOCKD_TICK", "lockd.yaml:7"
}

// SourceKind is one of the places that a setting can be made in. A higher one wins.
type SourceKind uint8

// The kinds.
const (
	FromDefault SourceKind = iota
	FromFile
	FromEnvironment
	FromFlag
)

var sourceKinds = [...]string{FromDefault: "default", FromFile: "file", FromEnvironment: "environment", FromFlag: "flag"}

func (k SourceKind) String() string { return sourceKinds[k] }

func (s Source) String() string {
	if s.Kind == FromDefault {
		return s.Kind.String()
	}
	return s.Where
}

// Given reports whether the user made a setting, wherever.
func (p *Program) Given(setting string) bool { return p.Source(setting).Kind != FromDefault }

// Source says where the value of a setting comes from.
func (p *Program) Source(setting string) Source { return p.sources[setting] }

// variable is the environment variable behind a flag.
func (p *Program) variable(setting string) string {
	return strings.ToUpper(p.Name + "_" + strings.ReplaceAll(setting, "-", "_"))
}

// place is a line in a file.
func place(path string, line int) string { return fmt.Sprintf("%s:%d", path, line) }
