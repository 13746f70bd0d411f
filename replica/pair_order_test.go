package replica

import (
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
)

// heavy is an Acquire with about as much as one may say.
func heavy(n int) lock.Command {
	terms := &lock.Terms{Info: lock.Info(strings.Repeat("x", lock.MaxInfoBytes))}
	for range lock.MaxNames - 1 {
		terms.And = append(terms.And, lock.Want{Name: strings.Repeat("n", lock.MaxNameBytes)})
	}
	return lock.Command{Session: 1, Number: lock.Number(n), Verb: lock.Acquire, Name: "x", Terms: terms}
}

func heavies(n int) (all []lock.Command) {
	for i := range n {
		all = append(all, heavy(i+1))
	}
	return all
}

// A link drops what is larger than a few MiB, and would drop each repeat too: a
// batch of long commands is cut.
func TestABatchOfLongCommandsIsCut(t *testing.T) {
	const many = 300
	p := newTestPrimary(false)
	p.Step(fromBackup(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	p.Step(Synced{View: 1})
	p.Step(fromBackup(Ack{View: 1}))
	effects := p.Step(Submit{Commands: heavies(many)})
	forwarded, batches := 0, 0
	for forwarded < many {
		i := slices.IndexFunc(effects, func(e Effect) bool { _, ok := e.(Send); return ok })
		if i < 0 {
			t.Fatalf("after %d commands nothing is forwarded", forwarded)
		}
		entries := effects[i].(Send).Message.(Forward).Entries
		checkBatch(t, len(entries), func(i int) *lock.Command { return &entries[i].Command })
		forwarded += len(entries)
		batches++
		effects = p.Step(fromBackup(Ack{View: 1, Index: lock.Index(forwarded)}))
	}
	if batches < 4 {
		t.Errorf("%d batches", batches)
	}
}

func TestARelayOfLongCommandsIsCut(t *testing.T) {
	p := NewPair(PairConfig{Pair: [2]NodeID{"a", "b"}, Incarnation: 1})
	p.role, p.view, p.synced = Backup, 1, 1
	relayed := 0
	for _, e := range p.Step(Submit{Commands: heavies(300)}) {
		commands := e.(Send).Message.(Relay).Commands
		checkBatch(t, len(commands), func(i int) *lock.Command { return &commands[i] })
		relayed += len(commands)
	}
	if relayed != 300 {
		t.Errorf("%d of 300 were relayed", relayed)
	}
}

func checkBatch(t *testing.T, n int, command func(int) *lock.Command) {
	t.Helper()
	bytes := 0
	for i := range n {
		bytes += command(i).Weight()
	}
	if n == 0 || bytes > batchBytes {
		t.Errorf("a batch of %d commands weighs %d bytes", n, bytes)
	}
}

// One command that is heavier than a batch travels alone.
func TestABatchHasAtLeastOneCommand(t *testing.T) {
	p := newTestPrimary(false)
	long := lock.Command{Name: strings.Repeat("n", 2*batchBytes)}
	if n := p.batch(3, func(int) *lock.Command { return &long }); n != 1 {
		t.Errorf("a batch of %d", n)
	}
}
