package cli

import (
	"os"
	"runtime/debug"
)

// Left to itself, Go lets a program allocate as much between two collections as
// it keeps. Ours keep little and allocate a lot, so that a busy node would spend
// a quarter of its time on collecting; with a higher percentage instead, every
// lock that is held would cost several times its memory. So there is an allowance
// of its own, besides a share of what is kept:
//
//	allowance = (ballastBytes + kept) * collectPercent / 100
//
// which is 13 MiB and 40% of what is kept.
const (
	ballastBytes   = 32 << 20
	collectPercent = 40
)

// ballast is never written to, so that it takes addresses and no memory. To the
// collector it is something that is kept.
var ballast []byte

// CollectLess trades memory for time, unless GOGC says otherwise.
func CollectLess() {
	if os.Getenv("GOGC") != "" {
		return
	}
	if ballast == nil {
		ballast = make([]byte, ballastBytes)
	}
	debug.SetGCPercent(collectPercent)
}
