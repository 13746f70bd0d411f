//go:build race

package docs

// raceEnabled says that the race detector slows everything down tenfold.
const raceEnabled = true
