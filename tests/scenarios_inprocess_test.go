package tests

import (
	"testing"
	"testing/synctest"

	"lockstep/locktest"
)

// inProcess is a world in this process.
type inProcess struct{ *locktest.Pair }

func (w inProcess) nodes() []string                         { return w.Nodes() }
func (w inProcess) killPrimary()                            { w.KillPrimary() }
func (w inProcess) killBackup()                             { w.KillBackup() }
func (w inProcess) primaryDiesBeforeReply() <-chan struct{} { return w.PrimaryDiesBeforeReply() }

// TestScenariosInProcess plays the lab's scenarios with the real actors over the
// in-process link. In a bubble, waiting costs nothing.
func TestScenariosInProcess(t *testing.T) {
	playAll(t, func(t *testing.T, scene func(*testing.T, world)) {
		synctest.Test(t, func(t *testing.T) {
			scene(t, inProcess{locktest.StartPair(t)})
		})
	})
}
