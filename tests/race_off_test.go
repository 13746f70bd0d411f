//go:build !race

package tests

// raceEnabled says that the race detector slows everything down tenfold.
const raceEnabled = false
