package main

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
)

// leasePlans are the loads of leases.
var leasePlans = map[string]plan{
	"own names":           {workload: ownNames, leases: true, count: 2000},
	"one name":            {workload: oneName, leases: true, count: 2000},
	"mixed names":         {workload: mixed, leases: true, count: 2000},
	"hand-off":            {workload: oneName, leases: true, wait: true, lineUp: true, count: 2000},
	"readers and writers": {workload: oneName, leases: true, wait: true, readers: 70, count: 2000},
}

func runLeases(t *testing.T, service *lessor, p plan, callers int) (r result) {
	t.Helper()
	p.timeout = time.Minute
	synctest.Test(t, func(t *testing.T) {
		r = newLoad(p, service.members(callers)).run(nil, nil, func(string) {}, func() cpuTimes { return nil }).result()
	})
	return r
}

func TestARightServiceOfLeasesHasNoWrongAnswers(t *testing.T) {
	for name, p := range leasePlans {
		t.Run(name, func(t *testing.T) {
			r := runLeases(t, &lessor{}, p, 8)
			if len(r.Wrongs) > 0 || r.Stuck > 0 || r.Errors > 0 || len(r.ErrorKinds) > 0 {
				t.Errorf("got %d stuck, %d errors %v, and %v", r.Stuck, r.Errors, r.ErrorKinds, r.Wrongs)
			}
			if r.Operations < 1980 { // what a refusal spares comes too late for some
				t.Errorf("%d operations, want 2,000", r.Operations)
			}
		})
	}
}

func at(strikes lock.Token) func(lock.Token) bool {
	return func(token lock.Token) bool { return token == strikes }
}

func above(most lock.Token) func(lock.Token) bool {
	return func(token lock.Token) bool { return token > most }
}

// from strikes once, with the first grant for which it can.
func from(first lock.Token) func(lock.Token) bool {
	struck := false
	return func(token lock.Token) bool {
		strikes := token >= first && !struck
		struck = struck || strikes
		return strikes
	}
}

// Each planted fault must be reported. Whoever is told of a grant stays for no
// longer than others take to come, so that a single double grant is seen only if
// somebody waits for it.
func TestPlantedFaultsOfLeasesAreReported(t *testing.T) {
	same := func(token lock.Token) lock.Token {
		if token == 50 {
			return 48
		}
		return token
	}
	for _, test := range []struct {
		fault, load, says string
		service           *lessor
	}{
		{"double grants", "one name", "granted twice", &lessor{doubles: above(1)}},
		{"a double grant", "hand-off", "granted twice", &lessor{doubles: from(50)}},
		{"a writer among readers", "readers and writers", "granted twice", &lessor{doubles: above(50)}},
		{"a token that falls", "own names", "tokens must rise", &lessor{tokens: func(lock.Token) lock.Token { return 7 }}},
		{"a token that falls", "hand-off", "tokens must rise", &lessor{tokens: same}},
		{"a token that falls", "readers and writers", "tokens must rise", &lessor{tokens: func(n lock.Token) lock.Token { return 1000 - n }}},
		{"a lost lock", "own names", "the lock was lost", &lessor{forgets: at(50)}},
		{"a lost lock", "mixed names", "the lock was lost", &lessor{forgets: at(50)}},
		{"a refusal", "own names", "nobody else asks", &lessor{refuses: at(50)}},
		{"a refusal", "hand-off", "asked to wait", &lessor{refuses: at(1)}},
		{"last come, first served", "hand-off", "not first come, first served", &lessor{lifo: true}},
		{"a caller left out", "hand-off", "never granted", &lessor{skips: new(3)}},
	} {
		t.Run(test.fault+"/"+test.load, func(t *testing.T) {
			p := leasePlans[test.load]
			if test.service.skips != nil {
				p.lineUp = false
			}
			r := runLeases(t, test.service, p, 8)
			if !slices.ContainsFunc(r.Wrongs, func(w wrongAnswer) bool { return strings.Contains(w.What, test.says) }) {
				t.Errorf("reported %v, want %q", r.Wrongs, test.says)
			}
		})
	}
}

// A lease whose loss was told is no wrong answer, and neither is that another has
// the lock then.
func TestALossThatWasToldIsNoWrongAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &lessor{}
		l := newLoad(plan{workload: oneName, leases: true, timeout: time.Minute}, service.members(2))
		first, second := l.callers[0], l.callers[1]
		first.ask(lockVerb, first.turns[0])
		lost := first.turns[0].clerk.(*seat).held.(*toyLease)
		lost.lose()
		delete(service.held[lost.want.name], lost)
		second.ask(lockVerb, second.turns[0])
		if _, answered := first.ask(unlockVerb, first.turns[0]); answered {
			t.Error("the release of a lease that is lost counts as an answer")
		}
		second.ask(unlockVerb, second.turns[0])
		if len(l.wrongs) > 0 {
			t.Errorf("reported %v", l.wrongs)
		}
	})
}

func TestHandOffsAreCounted(t *testing.T) {
	r := runLeases(t, &lessor{}, plan{workload: oneName, leases: true, wait: true, duration: 2 * time.Second, lineUp: true}, 4)
	c := r.Common
	if c.InOrder != 4 || c.HandOffs != c.Grants || c.Most-c.Fewest > 1 || c.MostBetween != 3 || c.Reads != 0 {
		t.Errorf("got %+v", c)
	}
	if c.HandOffsPerSec < 990 || c.HandOffsPerSec > 1010 {
		t.Errorf("%v hand-offs a second, want a thousand", c.HandOffsPerSec)
	}
}

func TestReadersAreTogetherAndWritersAlone(t *testing.T) {
	r := runLeases(t, &lessor{}, leasePlans["readers and writers"], 10)
	c := r.Common
	if share := float64(c.Reads) / float64(c.Grants); share < 0.65 || share > 0.75 || c.MostReaders < 2 || c.Reads+c.Writes != c.Grants {
		t.Errorf("got %+v, want 70%% reads", c)
	}
}
