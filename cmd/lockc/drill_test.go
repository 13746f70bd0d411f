package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
)

func judged(change func(*judgement)) *judgement {
	v := newJudgement()
	v.prefix, v.nodes, v.took = "drill-x/", 3, 21*sec
	v.step(stepResult{What: "switch-over to b", Done: true, Took: milli(31 * ms), Whole: milli(52 * ms), Pause: milli(45 * ms)})
	v.request()
	v.pause(45 * ms)
	v.pause(9 * ms)
	change(v)
	return v
}

func TestVerdictForPeople(t *testing.T) {
	wantText(t, judged(func(*judgement) {}).text(), `6 sessions against 3 nodes for 21s: 1 request

DONE               TOOK   WHOLE AFTER   LONGEST PAUSE
switch-over to b   31ms   52ms          45ms

longest pause   45ms
wrong answers   0
lost locks      0
unanswered      0
verdict         nothing was lost
`)
	wantText(t, judged(func(v *judgement) {
		v.wrong("x was granted with token %d after %d", 7, 8)
		v.unable("release", "y", fmt.Errorf("lockstep: release: %w", lockstep.ErrLost))
		v.unable("acquire", "z", errors.New("lockstep: no answer\x1b"))
		v.step(stepResult{What: "restart b", Error: "no"})
	}).text(), `6 sessions against 3 nodes for 21s: 1 request

DONE               TOOK       WHOLE AFTER   LONGEST PAUSE
switch-over to b   31ms       52ms          45ms
restart b          not done   -             0ms

longest pause   45ms
wrong answers   1
    x was granted with token 7 after 8
lost locks      1
    release y: release: lease lost
unanswered      1
    acquire z: no answer 
verdict         WRONG ANSWERS
`)
}

func TestVerdictForScripts(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*judgement)
		code   int
		ok     bool
	}{
		"fine":       {func(*judgement) {}, cli.OK, true},
		"wrong":      {func(v *judgement) { v.wrong("x") }, cli.No, false},
		"lost":       {func(v *judgement) { v.lost("x") }, cli.No, false},
		"unanswered": {func(v *judgement) { v.unable("acquire", "x", errors.New("late")) }, cli.No, false},
		"not done":   {func(v *judgement) { v.step(stepResult{What: "x"}) }, cli.TempFail, false},
		"abandoned":  {func(v *judgement) { v.abandon("x") }, cli.TempFail, false},
	} {
		v := judged(test.change)
		err := v.failure(t.Context())
		var failure *cli.Failure
		code := cli.OK
		if errors.As(err, &failure) {
			code = failure.Code
		}
		if code != test.code || v.report().OK != test.ok {
			t.Errorf("%s: exit code %d, ok %v", name, code, v.report().OK)
		}
	}
	var out bytes.Buffer
	p := newProgram()
	p.Stdout, p.json = &out, true
	if err := p.show(judged(func(*judgement) {}).report(), ""); err != nil {
		t.Fatal(err)
	}
	wantText(t, out.String(), `{"prefix":"drill-x/","nodes":3,"sessions":6,"took_ms":21000,"requests":1,"steps":[{"what":"switch-over to b","done":true,"took_ms":31,"whole_ms":52,"pause_ms":45}],`+
		`"longest_pause_ms":45,"wrong_answers":[],"lost_locks":[],"unanswered":[],"ok":true}`+"\n")
}

// TestNobodyTakesAwayTheLastNodeToSpare: a drill begins only when every fault
// that the nodes are made for may happen.
func TestNobodyTakesAwayTheLastNodeToSpare(t *testing.T) {
	for name, test := range map[string]struct {
		change func([]lockstep.NodeStatus)
		want   string
	}{
		"whole":      {func([]lockstep.NodeStatus) {}, ""},
		"no primary": {func(n []lockstep.NodeStatus) { n[1].Role = "electing" }, "no node is the primary"},
		"silent":     {func(n []lockstep.NodeStatus) { n[2] = lockstep.NodeStatus{Name: n[2].Name, Err: lockstep.ErrNoAnswer} }, "c does not answer"},
		"behind":     {func(n []lockstep.NodeStatus) { n[0].Last, n[1].Last = 1, 20_000 }, "a is far behind"},
		"elsewhere":  {func(n []lockstep.NodeStatus) { n[0].View = 3 }, "a is in another view than the primary"},
		"electing":   {func(n []lockstep.NodeStatus) { n[0].Role = "electing" }, "a is electing"},
		"learning":   {func(n []lockstep.NodeStatus) { n[1].Members[2].Voter = false }, "c is catching up"},
	} {
		nodes := threeNodes()
		test.change(nodes)
		if got := newStanding(nodes).unwhole(); got != test.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
	if got := newStanding(somePair).unwhole(); got != "127.0.0.1:7102 is not paired" {
		t.Errorf("a pair: got %q", got)
	}
}

func TestADrillMakesEachNodeThePrimaryOnceAndTheFirstOneLast(t *testing.T) {
	names := func(s *standing) (all string) {
		for _, n := range s.heirs() {
			all += s.name(n)
		}
		return all
	}
	nodes := threeNodes()
	if got := names(newStanding(nodes)); got != "acb" {
		t.Errorf("got %s", got)
	}
	nodes[1].Members[0].Quiet = true
	if got := names(newStanding(nodes)); got != "cb" {
		t.Errorf("with a quiet node: got %s", got)
	}
	if prefix := drillPrefix(); !strings.HasPrefix(prefix, "drill-") || !strings.HasSuffix(prefix, "/") || prefix == drillPrefix() {
		t.Errorf("the prefix %s", prefix)
	}
	if _, err := parsePID("b=x"); err == nil {
		t.Error("a process id that is none")
	}
}

// TestADrillSeesWhatIsWrong: its checks can fail.
func TestADrillSeesWhatIsWrong(t *testing.T) {
	v := newJudgement()
	l := &drillLoad{verdict: v, rounds: make([]int, drillSessions), rivals: map[string]rival{"x": {token: 9}}}
	l.judge("x", rival{token: 9}, false)
	l.judge("x", rival{token: 8}, false)
	l.judge("x", rival{token: 10}, true)
	l.judge("x", rival{token: 11}, false)
	want := "x was granted with token 9 after 9; x was granted with token 8 after 9; x was granted with token 10 while another believes that it holds it with 8"
	if got := strings.Join(v.wrongs, "; "); got != want {
		t.Errorf("got %s", got)
	}
	l.mark()
	l.finished(0, time.Now())
	if l.served() {
		t.Error("one session is not all of them")
	}
	for i := range drillSessions {
		l.finished(i, time.Now())
	}
	if !l.served() {
		t.Error("all sessions were served")
	}
}
