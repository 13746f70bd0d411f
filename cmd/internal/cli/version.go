package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"lockstep/messages"
)

// versionText says what this program was built from, and what it speaks.
func versionText(name string) string { return describe(name, stamped()) }

// stamped is what the go command stamped this program with.
func stamped() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return &debug.BuildInfo{}
}

// Version is that of this program, as far as it was stamped with one.
func Version() string { return stamped().Main.Version }

func describe(name string, info *debug.BuildInfo) string {
	stamps := map[string]string{}
	for _, s := range info.Settings {
		stamps[s.Key] = s.Value
	}
	version, commit := info.Main.Version, stamps["vcs.revision"]
	if version == "" {
		version = "(unknown version)"
	}
	switch {
	case commit == "":
		commit = "unknown: built outside a checkout, or with -buildvcs=false"
	case stamps["vcs.modified"] == "true":
		commit += " of " + stamps["vcs.time"] + ", with changes that are not committed"
	default:
		commit += " of " + stamps["vcs.time"]
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", name, version)
	fmt.Fprintf(&b, "commit  %s\n", commit)
	fmt.Fprintf(&b, "go      %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&b, "wire    version %d, and reads from %d on\n", messages.Version, messages.OldestVersion)
	return b.String()
}

func (p *Program) versionCommand() Command {
	return Command{
		Verb: "version", Codes: []Code{{OK, "printed"}, {IOError, "it could not be printed"}},
		About:    "show the version, the commit, and the wire version that nodes and clients must share",
		Examples: []string{p.Name + " version"},
		Run:      func([]string) error { return p.print(versionText(p.Name)) },
	}
}
