package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func runToy(t *testing.T, toy *toy, p plan, callers int) result {
	t.Helper()
	if p.timeout == 0 {
		p.timeout = time.Minute
	}
	var r result
	synctest.Test(t, func(t *testing.T) {
		noCPU := func() cpuTimes { return nil }
		r = newLoad(p, toy.members(callers)).run(nil, nil, func(string) {}, noCPU).result()
	})
	return r
}

func TestARightServiceHasNoWrongAnswers(t *testing.T) {
	for _, w := range []workload{ownNames, oneName, mixed} {
		t.Run(w.String(), func(t *testing.T) {
			r := runToy(t, &toy{}, plan{workload: w, count: 10_000}, 8)
			if len(r.Wrongs) > 0 || r.Stuck > 0 || r.Errors > 0 {
				t.Errorf("got %d stuck, %d errors, and %v", r.Stuck, r.Errors, r.Wrongs)
			}
			if r.Operations != 10_000 {
				t.Errorf("%d operations, want 10,000", r.Operations)
			}
			if w == ownNames && r.Refusals > 0 {
				t.Errorf("%d refusals of own names", r.Refusals)
			}
		})
	}
}

// planted is a fault of a toy that happens once.
type planted func(v verb, name string, held map[string]bool) (answer, strikes bool)

func (p planted) after(asked int) func(int, verb, string, map[string]bool) (fault, bool) {
	struck := false
	return func(n int, v verb, name string, held map[string]bool) (fault, bool) {
		if struck || n < asked {
			return fault{}, false
		}
		var answer bool
		answer, struck = p(v, name, held)
		return fault{answer: answer}, struck
	}
}

// Each planted fault must be reported, whoever is alone with it.
func TestPlantedFaultsAreReported(t *testing.T) {
	for name, plant := range map[string]planted{
		"a lock is granted and forgotten": func(v verb, _ string, _ map[string]bool) (bool, bool) {
			return true, v == lockVerb
		},
		"an unlock is confirmed and not done": func(v verb, _ string, _ map[string]bool) (bool, bool) {
			return true, v == unlockVerb
		},
		"all locks are lost": func(v verb, _ string, held map[string]bool) (bool, bool) {
			if v == unlockVerb {
				clear(held)
			}
			return false, v == unlockVerb
		},
	} {
		for _, w := range []workload{ownNames, oneName, mixed} {
			t.Run(name+"/"+w.String(), func(t *testing.T) {
				r := runToy(t, &toy{fault: plant.after(500)}, plan{workload: w, count: 1000}, 1)
				if len(r.Wrongs) == 0 {
					t.Error("nothing was reported")
				}
			})
		}
	}
}

// A lock that somebody holds is granted once more, among many callers.
func TestADoubleGrantIsReported(t *testing.T) {
	double := planted(func(v verb, name string, held map[string]bool) (bool, bool) {
		return true, v == lockVerb && held[name]
	})
	toy := &toy{fault: double.after(1)}
	l := newLoad(plan{workload: oneName, timeout: time.Minute}, toy.members(2))
	for _, c := range l.callers {
		c.ask(lockVerb, c.turns[0])
	}
	l.audit()
	if len(l.wrongs) != 1 || !strings.Contains(l.wrongs[0].What, "granted twice") {
		t.Errorf("reported %v", l.wrongs)
	}
}

// A request without an answer was executed or not: neither is wrong.
func TestUnknownOutcomesAreNoWrongAnswers(t *testing.T) {
	for _, w := range []workload{ownNames, oneName, mixed} {
		t.Run(w.String(), func(t *testing.T) {
			toy := &toy{fault: func(asked int, v verb, name string, held map[string]bool) (fault, bool) {
				if asked%7 != 0 {
					return fault{}, false
				}
				if asked%2 == 0 {
					held[name] = v == lockVerb
				}
				return fault{err: errSilence}, true
			}}
			r := runToy(t, toy, plan{workload: w, count: 5000}, 5)
			if len(r.Wrongs) > 0 {
				t.Errorf("reported %v", r.Wrongs)
			}
			if r.Errors == 0 || r.ErrorKinds["no answer"] != r.Errors {
				t.Errorf("%d errors of the kinds %v", r.Errors, r.ErrorKinds)
			}
		})
	}
}

// Whoever has no answer in the end is told of, and so is the silence before.
func TestSilenceIsReported(t *testing.T) {
	toy := &toy{fault: func(asked int, _ verb, name string, _ map[string]bool) (fault, bool) {
		return fault{err: errSilence}, asked > 1000
	}}
	r := runToy(t, toy, plan{duration: 3 * time.Second}, 10)
	if r.Stuck != 10 {
		t.Errorf("%d callers are stuck, want all 10", r.Stuck)
	}
	if r.LongestGap < 2.9e6 {
		t.Errorf("the longest gap is %v, want about three seconds", span(r.LongestGap))
	}
	if len(r.PerSecond) != 3 || r.PerSecond[2] != 0 {
		t.Errorf("operations per second are %v, want three numbers, the last one zero", r.PerSecond)
	}
}

// A wait lasts from the first request to the answer, through all errors.
func TestAWaitGoesThroughErrors(t *testing.T) {
	toy := &toy{fault: func(asked int, _ verb, _ string, _ map[string]bool) (fault, bool) {
		return fault{err: errSilence}, asked > 10 && asked <= 30
	}}
	r := runToy(t, toy, plan{count: 100}, 1)
	if want := micros(int64(20 * afterError)); r.LongestWait != want {
		t.Errorf("the longest wait is %v, want %v", span(r.LongestWait), span(want))
	}
	if r.Stuck != 0 {
		t.Error("the caller is stuck although it was answered in the end")
	}
}

func TestAnInterruptEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(stop) })
		slow := &toy{fault: func(int, verb, string, map[string]bool) (fault, bool) {
			time.Sleep(time.Millisecond)
			return fault{}, false
		}}
		l := newLoad(plan{duration: time.Hour, timeout: time.Minute}, slow.members(1))
		r := l.run(stop, nil, func(string) {}, func() cpuTimes { return nil }).result()
		if r.Seconds != 1 || r.Operations < 999 {
			t.Errorf("%d operations in %v s, want about a thousand in one", r.Operations, r.Seconds)
		}
	})
}
