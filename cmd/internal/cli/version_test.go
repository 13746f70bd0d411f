package cli

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionTellsTheCommit(t *testing.T) {
	stamped := func(modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: modified},
		}}
	}
	for want, info := range map[string]*debug.BuildInfo{
		"toy v1.2.3\ncommit  abc of 2026-01-02T03:04:05Z\ngo ":                                           stamped("false"),
		"toy v1.2.3\ncommit  abc of 2026-01-02T03:04:05Z, with changes that are not committed\ngo ":      stamped("true"),
		"toy (unknown version)\ncommit  unknown: built outside a checkout, or with -buildvcs=false\ngo ": {},
	} {
		if got := describe("toy", info); !strings.HasPrefix(got, want) || !strings.Contains(got, "\nwire    version ") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
