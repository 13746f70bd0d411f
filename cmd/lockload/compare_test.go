package main

import (
	"strings"
	"testing"
)

func TestAComparisonIsOfTheSameRun(t *testing.T) {
	p := newProgram()
	p.clients = 64
	c := p.newComparison()
	if len(c.Sides) != 4 || c.Sides[1].Name != "three nodes, memory" || c.Sides[2].Name != "pair, fsync" {
		t.Fatalf("the sides are %+v", c.Sides)
	}
	for i, s := range c.Sides {
		for run := range 3 {
			ops := float64((run + 1) * 1000)
			s.Runs = append(s.Runs, result{Operations: 1, OpsPerSecond: ops / float64(i+1), All: verbResult{P50: 10 * float64(i+1)}})
		}
	}
	c.finish()
	if got := c.Sides[1].Ratio; got != (middle{Median: 0.5, Min: 0.5, Max: 0.5}) {
		t.Errorf("half of each run's is %+v", got)
	}
	if err := c.failure(); err != nil || !c.OK {
		t.Errorf("%v, %v", err, c.OK)
	}
	var out strings.Builder
	c.write(&out)
	if !strings.Contains(out.String(), "three nodes, memory  1,000 (500..1,500)") {
		t.Errorf("got\n%s", out.String())
	}
	c.Sides[3].Runs[2].Stuck = 1
	c.finish()
	if c.failure() == nil || c.OK {
		t.Error("callers that are stuck are no failure")
	}
}

func TestWhatIsSpawned(t *testing.T) {
	two, three := []string{"a:1", "b:2"}, []string{"a:1", "b:2", "c:3"}
	for _, test := range []struct {
		u    setup
		of   []string
		i    int
		args string
	}{
		{setup{}, two, 0, "-p a:1 b:2"},
		{setup{durability: "fsync"}, two, 1, "-b a:1 b:2 -durability fsync"},
		{setup{quorum: true, durability: "memory"}, three, 2, "node -name n2 -listen c:3 -peers n0=a:1,n1=b:2,n2=c:3 -durability memory"},
	} {
		if got := strings.Join(test.u.args(test.i, test.of), " "); got != test.args || test.u.count() != len(test.of) {
			t.Errorf("%v: %s", test.u, got)
		}
	}
}
