package metrics

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"lockstep/lock"
)

func TestContentionTellsWhichLocksHurt(t *testing.T) {
	var c Contention
	c.Add("a", 5)
	c.Add("b", 30)
	c.Add("a", 10)
	want := []Contended{{"b", 1, 30}, {"a", 2, 15}}
	if got := c.Names(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%+v, not %+v", got, want)
	}
}

// However many names there are, it keeps no more than it may, none is counted
// with more than it had, the sum is exact, and whoever has more than its share of
// the delay is there.
func TestContentionIsBoundedAndFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Contention
		had, sum := map[string]Contended{}, Contended{}
		heavy := rapid.IntRange(1, 20).Draw(t, "heavy")
		seed := rapid.Uint64().Draw(t, "seed")
		for i := range 5 * MostNames {
			seed = seed*6364136223846793005 + 1442695040888963407
			name, delay := fmt.Sprint("rare/", seed>>40), lock.Millis(seed>>33%8)
			if i%7 == 0 {
				name, delay = fmt.Sprint("heavy/", int(seed>>33)%heavy), lock.Millis(seed>>33%64)
			}
			c.Add(name, delay)
			was := had[name]
			had[name] = Contended{name, was.Waits + 1, was.Delay + delay}
			sum.Waits++
			sum.Delay += delay
		}
		names, told, there := c.Names(), Contended{}, map[string]bool{}
		if len(names) != MostNames+1 || names[MostNames].Name != "" {
			t.Fatalf("%d names are told apart", len(names))
		}
		for i, n := range names {
			told.Waits += n.Waits
			told.Delay += n.Delay
			there[n.Name] = true
			if n.Name != "" && (n.Waits > had[n.Name].Waits || n.Delay > had[n.Name].Delay) {
				t.Fatalf("%+v had only %+v", n, had[n.Name])
			}
			if 0 < i && i < MostNames && n.Delay > names[i-1].Delay {
				t.Fatalf("%+v stands behind %+v", n, names[i-1])
			}
		}
		if told != sum {
			t.Fatalf("the sum is %+v, not %+v", told, sum)
		}
		for name, n := range had {
			if n.Delay > sum.Delay/MostNames && !there[name] {
				t.Fatalf("%s has %d of %d and is not told", name, n.Delay, sum.Delay)
			}
		}
	})
}

// A name that is waited for again and again gets in, however little it is each
// time, and however much the list is full of others.
func TestContentionLetsANewNameIn(t *testing.T) {
	var c Contention
	for i := range MostNames {
		c.Add(fmt.Sprint("old/", i), 100)
	}
	for i := range 1000 {
		c.Add("new", 1)
		c.Add(fmt.Sprint("once/", i), 2)
	}
	for _, n := range c.Names() {
		if n.Name == "new" {
			return
		}
	}
	t.Error("1000 waits for a lock are not told")
}

// A name may be a piece of a whole frame, which must not be kept for it.
func TestContentionKeepsACopyOfAName(t *testing.T) {
	frame := strings.Repeat("deploy", 1000)
	var c Contention
	c.Add(frame[:6], 1)
	if kept := c.Names()[0].Name; kept != "deploy" || unsafe.StringData(kept) == unsafe.StringData(frame) {
		t.Fatalf("%q is kept within the frame", kept)
	}
}

func BenchmarkContention(b *testing.B) {
	var c Contention
	var names [2 * MostNames]string
	for i := range names {
		names[i] = fmt.Sprintf("locks/%04d", i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Add(names[i%MostNames], lock.Millis(i%100))
	}
}
