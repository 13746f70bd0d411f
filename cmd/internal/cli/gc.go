package cli

import (
	"os"
	"runtime/debug"
)

// collectPercent is how much a program allocates between two collections, in
// percent of what it keeps. Ours keep little and allocate a lot: with Go's 100 a
// busy node spends a quarter of its time on collecting.
const collectPercent = 400

// CollectLess trades memory for time, unless GOGC says otherwise.
func CollectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
}
