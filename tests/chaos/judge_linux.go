package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lockstep/tests/history"
)

// judge gives verdicts, one after the other, while the run goes on.
type judge struct {
	run     *run
	cases   chan trial
	pending sync.WaitGroup

	mu       sync.Mutex
	verdicts [verdicts]int
}

// trial is one history.
type trial struct {
	name string
	ops  []history.Op
}

// verdict is how a history is judged.
type verdict int

const (
	sound verdict = iota
	wrong
	undecided
	verdicts // how many there are
)

// longestTrial is what the search for an order may take.
const longestTrial = 2 * time.Minute

// maxPending is how many histories may wait: beyond it a round waits for a verdict.
const maxPending = 8

func newJudge(r *run) *judge {
	j := &judge{run: r, cases: make(chan trial, maxPending)}
	go func() {
		for t := range j.cases {
			j.try(t)
			j.pending.Done()
		}
	}()
	return j
}

// take hands a history over.
func (j *judge) take(name string, ops []history.Op) {
	j.pending.Add(1)
	j.cases <- trial{name, ops}
}

// wait returns when all have their verdict.
func (j *judge) wait() { j.pending.Wait() }

func (j *judge) try(t trial) {
	err := errors.Join(history.CheckBelief(t.ops), history.CheckTokens(t.ops))
	if err == nil {
		err = history.Check(t.ops, longestTrial)
	}
	v := sound
	switch {
	case errors.Is(err, history.ErrTooHard):
		v = undecided
		j.run.violated("%s: no verdict within %v on %d operations; %s", t.name, longestTrial, len(t.ops), j.save(t))
	case err != nil:
		v = wrong
		j.run.violated("%s: %v\n%s", t.name, err, j.save(t))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.verdicts[v]++
}

func (j *judge) count() [verdicts]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.verdicts
}

// save keeps a history for whoever wants to know.
func (j *judge) save(t trial) string {
	path := filepath.Join(j.run.keep, t.name+".json")
	text, err := json.Marshal(t.ops)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Sprint("it could not be kept: ", err)
	}
	return "it is kept in " + path
}
