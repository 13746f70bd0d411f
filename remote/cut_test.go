package remote

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lockstep/actors"
)

// A cut holds back one direction, tells nobody, and what it held back arrives in
// order when it ends, as far as links do not throw away what is old.
func TestCutOneWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, pb := startPair(t, n)
		n.Cut(nodeA, nodeB)
		for i := range 5 {
			a.Send(nodeB, heartbeat(lockIndex(i)))
			b.Send(nodeA, heartbeat(lockIndex(i)))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := len(pa.pair()); got != 5 {
			t.Errorf("%d came the way that is open", got)
		}
		if got := pb.pair(); len(got) != 0 {
			t.Errorf("the cut let pass %v", got)
		}
		if got := of[*actors.LinkDown](pa); len(got) != 0 {
			t.Errorf("links down: %v", got)
		}
		n.Heal()
		synctest.Wait()
		got := pb.pair()
		if len(got) != 5 {
			t.Fatalf("after the cut came %v", got)
		}
		for i, m := range got {
			if m != heartbeat(lockIndex(i)).Pair[0] {
				t.Errorf("message %d is %v", i, m)
			}
		}
		kill(a, b)
	})
	goleak.VerifyNone(t)
}

// Who is dialled behind a cut is neither reached nor refused.
func TestCutIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		n.Cut(nodeA, nodeB)
		a, b, pa, _ := startPair(t, n)
		if up, refused := of[*actors.LinkUp](pa), of[*actors.DialRefused](pa); len(up)+len(refused) > 0 {
			t.Errorf("up %v, refused %v", up, refused)
		}
		n.Heal()
		settle()
		if got := of[*actors.LinkUp](pa); len(got) != 1 {
			t.Errorf("links up: %v", got)
		}
		kill(a, b)
	})
	goleak.VerifyNone(t)
}

// Processes end although they are cut off.
func TestKillBehindACut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, _, _ := startPair(t, n)
		n.Cut(nodeA, nodeB)
		n.Cut(nodeB, nodeA)
		a.Send(nodeB, heartbeat(1))
		synctest.Wait()
		kill(a, b)
	})
	goleak.VerifyNone(t)
}
