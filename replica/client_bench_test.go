package replica

import (
	"testing"
	"time"

	"lockstep/lock"
)

// BenchmarkClientStep keeps calls outstanding: each round brings one frame that
// answers 1,024 of them, and as many new calls. It reports the cost of one call
// with all its steps, the frame's making included, and of the answer alone.
func BenchmarkClientStep(b *testing.B) {
	b.Run("in slots", func(b *testing.B) { benchmarkRounds(b, 1024) })
	b.Run("queueing", func(b *testing.B) { benchmarkRounds(b, lock.MaxSlots+1024) })
}

func benchmarkRounds(b *testing.B, outstanding int) {
	const node = NodeID("10.0.0.1:7000")
	c := NewClient(ClientConfig{Nodes: []NodeID{node, "10.0.0.2:7000"}})
	var id CallID
	call := func() []ClientEffect {
		id++
		return c.Step(Call{ID: id, Clerk: ClerkID(id), Verb: lock.Lock, Name: "locks/0123456789"})
	}
	call()
	asked := answersTo(c.Step(Answered{From: node, Answers: []Answer{{
		Request: c.openCommand().ID(),
		Kind:    Executed, Result: lock.Result{Outcome: lock.Opened, Session: 1 << 40},
	}}}))
	for range outstanding - 1 {
		asked = append(asked, answersTo(call())...)
	}
	var answering time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += 1024 {
		frame := asked[:1024]
		start := time.Now()
		effects := c.Step(Answered{From: node, Answers: frame})
		answering += time.Since(start)
		asked = append(asked[1024:], answersTo(effects)...)
		for range 1024 {
			asked = append(asked, answersTo(call())...)
		}
	}
	rounds := (b.N + 1023) / 1024
	b.ReportMetric(float64(answering.Nanoseconds())/float64(rounds*1024), "ns/answer")
}

// answersTo lets a perfect node execute what the effects ask.
func answersTo(effects []ClientEffect) (answers []Answer) {
	for _, effect := range effects {
		ask, ok := effect.(Ask)
		if !ok {
			continue
		}
		for i := range ask.Commands {
			answers = append(answers, Answer{
				Request: ask.Commands[i].ID(), Kind: Executed, Result: lock.Result{Outcome: lock.Granted, Token: 5},
			})
		}
	}
	return answers
}

// BenchmarkClientLease lets 1,024 callers acquire and release: each round brings
// one frame with all their grants and one with all their releases. It reports the
// cost of one acquire with its release.
func BenchmarkClientLease(b *testing.B) {
	const node = NodeID("10.0.0.1:7000")
	const callers = 1024
	c := NewClient(ClientConfig{Nodes: []NodeID{node, "10.0.0.2:7000"}})
	c.Step(Call{Verb: lock.Acquire, Name: "locks/0123456789"})
	c.Step(Answered{From: node, Answers: answersTo(c.Step(Answered{From: node, Answers: []Answer{{
		Request: c.openCommand().ID(),
		Kind:    Executed, Result: lock.Result{Outcome: lock.Opened, Session: 1 << 40},
	}}}))})
	calls := make([]Call, callers)
	var token lock.Token = 5
	round := func(verb lock.Verb) {
		for i := range calls {
			calls[i] = Call{ID: CallID(i), Verb: verb, Name: "locks/0123456789", Token: token + 1 + lock.Token(i)}
		}
		answers := answersTo(c.Step(Calls{Calls: calls}))
		for i := range answers {
			answers[i].Result.Token = token + 1 + lock.Token(i)
			if verb == lock.Release {
				answers[i].Result = lock.Result{Outcome: lock.Released}
			}
		}
		c.Step(Answered{From: node, Answers: answers})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += callers {
		round(lock.Acquire)
		round(lock.Release)
		token += callers
	}
	if len(c.leases.counts) != 1 {
		b.Fatal("leases are left")
	}
}
