package replica

import (
	"reflect"
	"slices"
	"testing"

	"lockstep/lock"
)

// told runs events and returns, of all that the core wants done, what T1 to T3
// are about; the rest of the tests look at the rest.
func told(p *Pair, events ...Event) []Effect {
	var list []Effect
	for _, ev := range events {
		for _, e := range p.Step(ev) {
			if isAboutReigns(e) {
				list = append(list, e)
			}
		}
	}
	return list
}

func isAboutReigns(e Effect) bool {
	switch e := e.(type) {
	case Confirmed, Barred, Began, Ended, Apply, Refuse:
		return true
	case Send:
		switch e.Message.(type) {
		case Confirm, Confirmation, Relay:
			return true
		}
	}
	return false
}

func expect(t *testing.T, got []Effect, want ...Effect) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func toBackup(m Message) Send { return Send{To: "b", Message: m} }

// paired is a primary in view 1 whose backup has started.
func paired(t *testing.T, change ...func(*PairConfig)) *Pair {
	t.Helper()
	p := starting(t, change...)
	p.Step(fromBackup(Ack{View: 1}))
	if !p.paired() {
		t.Fatalf("%s in view %d", p.role, p.view)
	}
	return p
}

// starting is a primary in view 1 whose backup has not taken START yet.
func starting(t *testing.T, change ...func(*PairConfig)) *Pair {
	t.Helper()
	cfg := newTestPrimary(true).cfg
	for _, f := range change {
		f(&cfg)
	}
	p := NewPair(cfg)
	greeting := fromBackup(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1})
	expect(t, told(p, greeting, Synced{View: 1}), Began{View: 1})
	return p
}

// backup is the other node of that pair.
func backup(t *testing.T) *Pair {
	t.Helper()
	p := NewPair(PairConfig{Pair: [2]NodeID{"a", "b"}, Incarnation: 1, SuspectTicks: MinSuspectTicks})
	p.Step(fromPrimary(Start{View: 1, Cluster: 7, Founding: true}))
	expect(t, told(p, Synced{View: 1}))
	if p.role != Backup {
		t.Fatalf("the role is %s", p.role)
	}
	return p
}

func fromPrimary(m Message) Received {
	return Received{From: "a", Incarnation: 1, Cluster: 7, Message: m}
}

func ticks(n int) []Event { return slices.Repeat([]Event{Tick{}}, n) }

func openCommand(n lock.Number) lock.Command { return lock.Command{Verb: lock.OpenSession, Number: n} }

func expiry(session lock.SessionID, view lock.View) lock.Command {
	return lock.Command{Verb: lock.Expire, Session: session, Number: lock.Number(view)}
}

func ofView(view lock.View, commands ...lock.Command) Submit {
	return Submit{Commands: commands, View: view}
}

func ofClients(commands ...lock.Command) Submit { return Submit{Commands: commands} }

func entry(view lock.View, index lock.Index, c lock.Command) lock.Entry {
	return lock.Entry{View: view, Index: index, Command: c}
}

func applied(entries ...lock.Entry) Apply { return Apply{Entries: entries} }

// T1: a primary answers a barrier when its backup has answered it.
func TestAPrimaryAsksItsBackup(t *testing.T) {
	p := paired(t)
	expect(t, told(p, Barrier{ID: 1}), toBackup(Confirm{View: 1, Round: 1}))
	expect(t, told(p, fromBackup(Heartbeat{View: 1})))
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1})), Confirmed{ID: 1})
	expect(t, told(p, Tick{}))
}

// T1: the answer to a question asked before the barrier came may be as old as
// that question. Those that come meanwhile share the next round.
func TestAnOlderRoundConfirmsNothingYounger(t *testing.T) {
	p := paired(t)
	expect(t, told(p, Barrier{ID: 1}), toBackup(Confirm{View: 1, Round: 1}))
	expect(t, told(p, Barrier{ID: 2}, Barrier{ID: 3}))
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1})),
		Confirmed{ID: 1}, toBackup(Confirm{View: 1, Round: 2}))
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1})))
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 2})), Confirmed{ID: 3})
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 2})))
}

func TestALostRoundIsRepeated(t *testing.T) {
	p := paired(t)
	again := toBackup(Confirm{View: 1, Round: 1})
	expect(t, told(p, Barrier{ID: 1}, Tick{}, Barrier{ID: 2}, Tick{}, LinkUp{}), again, again, again, again)
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1})),
		Confirmed{ID: 1}, toBackup(Confirm{View: 1, Round: 2}))
}

func TestABackupConfirmsInItsOwnViewOnly(t *testing.T) {
	b := backup(t)
	b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}}))
	expect(t, told(b, fromPrimary(Confirm{View: 1, Round: 5})),
		Send{To: "a", Message: Confirmation{View: 1, Round: 5, Index: 1}})
	b.Step(Received{From: "a", Incarnation: 2, Message: Hello{}}) // it has started again
	b.Step(Synced{View: 3})
	if b.role != Solo {
		t.Fatalf("the role is %s", b.role)
	}
	expect(t, told(b, Received{From: "a", Incarnation: 2, Message: Confirm{View: 1, Round: 6}}))
}

// The backup's clients are answered before the primary knows that it has the
// entry. Who then looks at the primary must find what was answered.
func TestAConfirmationAcknowledges(t *testing.T) {
	p := paired(t)
	expect(t, told(p, ofClients(openCommand(1)), Barrier{ID: 1}), toBackup(Confirm{View: 1, Round: 1}))
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1, Index: 1})),
		applied(entry(1, 1, openCommand(1))), Confirmed{ID: 1})
}

// Confirm in the new view would demote a backup that has not taken START.
func TestAStartingPrimaryAsksNobodyYet(t *testing.T) {
	p := starting(t)
	expect(t, told(p, Barrier{ID: 1}, Tick{}))
	expect(t, told(p, fromBackup(Ack{View: 1})), toBackup(Confirm{View: 1, Round: 1}))
}

func TestOthersRefuseABarrier(t *testing.T) {
	expect(t, told(newTestPrimary(false), Barrier{ID: 1}), Barred{ID: 1})
	b := backup(t)
	expect(t, told(b, Barrier{ID: 1}, Barrier{ID: 2}), Barred{ID: 1, Hint: "a"}, Barred{ID: 2, Hint: "a"})
	b.Step(fromPrimary(Alone{View: 2}))
	expect(t, told(b, Barrier{ID: 3}), Barred{ID: 3, Hint: "a"})
}

// Whoever loses the role in the middle of a round cannot answer: the session's
// time may have been counted to its end by another.
func TestADemotedPrimaryRefusesWhatWaits(t *testing.T) {
	p := paired(t)
	p.Step(Barrier{ID: 1})
	p.Step(Barrier{ID: 2})
	expect(t, told(p, fromBackup(Alone{View: 3})), Ended{}, Barred{ID: 2, Hint: "b"})
	expect(t, told(p, Synced{View: 3}, fromBackup(Confirmation{View: 1, Round: 1})))
}

func TestALeavingPrimaryRefusesWhatWaits(t *testing.T) {
	p := paired(t)
	p.Step(Barrier{ID: 1})
	expect(t, told(p, Leave{}), Ended{}, Barred{ID: 1, Hint: "b"})
}

// A barrier that waits when the primary goes on alone is confirmed by its being
// alone, once that is on disk.
func TestGoingOnAloneConfirmsWhatWaits(t *testing.T) {
	p := paired(t)
	p.Step(ofClients(openCommand(1)))
	p.Step(Barrier{ID: 1})
	p.Step(Received{From: "b", Incarnation: 2, Message: Hello{}})
	expect(t, told(p, Synced{View: 2}),
		applied(entry(1, 1, openCommand(1))), Began{View: 2}, Confirmed{ID: 1})
	expect(t, told(p, Barrier{ID: 2}), Confirmed{ID: 2})
}

// A view that never came to the disk confirms nothing and begins nothing.
func TestAViewThatWasOverBeforeItWasOnDisk(t *testing.T) {
	p := paired(t)
	p.Step(Barrier{ID: 1})
	expect(t, told(p, Received{From: "b", Incarnation: 2, Message: Bye{View: 1}}))
	expect(t, told(p, Barrier{ID: 2}))
	expect(t, told(p, Received{From: "b", Incarnation: 2, Message: Alone{View: 9}}),
		Ended{}, Barred{ID: 2, Hint: "b"})
	expect(t, told(p, Synced{View: 2}, Synced{View: 9}))
}

// A new view of the same primary is a new reign, and the round of the last one
// counts no more.
func TestARenewedViewAsksAgain(t *testing.T) {
	p := paired(t, func(cfg *PairConfig) { cfg.EntriesPerView = 1 })
	p.Step(ofClients(openCommand(1)))
	p.Step(fromBackup(Ack{View: 1, Index: 1}))
	p.Step(Barrier{ID: 1})
	p.Step(ofClients(openCommand(2)))
	expect(t, told(p, Synced{View: 2}), Began{View: 2})
	expect(t, told(p, fromBackup(Confirmation{View: 1, Round: 1})))
	expect(t, told(p, fromBackup(Ack{View: 2, Index: 1})), toBackup(Confirm{View: 2, Round: 2}))
	expect(t, told(p, fromBackup(Confirmation{View: 2, Round: 1, Index: 1})))
	expect(t, told(p, fromBackup(Confirmation{View: 2, Round: 2, Index: 1})), Confirmed{ID: 1})
}

// T3: what was pending is applied, and then the reign begins.
func TestEveryReignIsAnnounced(t *testing.T) {
	t.Run("the silent backup's primary", func(t *testing.T) {
		p := paired(t)
		p.Step(ofClients(openCommand(1)))
		expect(t, told(p, ticks(MinSuspectTicks+1)...))
		expect(t, told(p, Synced{View: 2}), applied(entry(1, 1, openCommand(1))), Began{View: 2})
	})
	t.Run("the silent primary's backup", func(t *testing.T) {
		b := backup(t)
		b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}}))
		expect(t, told(b, ticks(MinSuspectTicks+1)...))
		expect(t, told(b, Synced{View: 3}), Began{View: 3})
	})
	t.Run("who founds alone", func(t *testing.T) {
		p := newTestPrimary(false)
		p.silentTicks(MinSuspectTicks)
		expect(t, told(p, Synced{View: 1}), Began{View: 1})
	})
	t.Run("the survivor, when the joiner is its backup", func(t *testing.T) {
		p := rejoined(t)
		expect(t, told(p, Synced{View: 3}), Began{View: 3})
	})
	t.Run("a SOLO whose joiner has a wrong copy", func(t *testing.T) {
		p := feeding(t)
		p.Step(fromNewLife(Report{View: 2, Base: 0, Installed: true, Digest: 6}))
		expect(t, told(p, Synced{View: 2 + soloStep}), Began{View: 2 + soloStep})
	})
	t.Run("a SOLO that has drawn all its tokens", func(t *testing.T) {
		p := newTestPrimary(false)
		p.cfg.EntriesPerView = 1
		p.silentTicks(MinSuspectTicks)
		p.Step(Synced{View: 1})
		p.Step(ofClients(openCommand(1)))
		p.Step(ofClients(openCommand(2)))
		expect(t, told(p, Synced{View: 1 + soloStep}),
			applied(entry(1+soloStep, 2, openCommand(2))), Began{View: 1 + soloStep})
	})
}

func fromNewLife(m Message) Received {
	return Received{From: "b", Incarnation: 2, Message: m}
}

// feeding is a survivor in view 2 whose peer joins again.
func feeding(t *testing.T) *Pair {
	t.Helper()
	p := paired(t)
	p.Step(fromNewLife(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	p.Step(Synced{View: 2})
	p.Step(SnapshotTaken{Digest: 5, Bytes: []byte{1}})
	return p
}

func rejoined(t *testing.T) *Pair {
	t.Helper()
	p := feeding(t)
	p.Step(fromNewLife(Report{View: 2, Base: 0, Installed: true, Digest: 5}))
	if p.role != Primary {
		t.Fatalf("the role is %s", p.role)
	}
	return p
}

// T2: what a clock asks for is for its own reign. The next one counts anew.
func TestTheClockOfAnotherReignIsNotObeyed(t *testing.T) {
	p := paired(t)
	for _, view := range []lock.View{2, 9} {
		expect(t, told(p, ofView(view, expiry(1, view))))
	}
	p.Step(ofView(1, expiry(1, 1)))
	expect(t, told(p, fromBackup(Ack{View: 1, Index: 1})), applied(entry(1, 1, expiry(1, 1))))

	b := backup(t)
	expect(t, told(b, ofView(1, expiry(1, 1)))) // not relayed
	b.silentTicks(MinSuspectTicks + 1)
	expect(t, told(b, Synced{View: 3}), Began{View: 3}) // not parked

	expect(t, told(newTestPrimary(false), ofView(1, expiry(1, 1)))) // not refused
}

// T2: an expiry that waits for its number when the view changes is dropped: the
// session may have been told since that it lives.
func TestTheClocksCommandsGoWithTheirView(t *testing.T) {
	inFlight := func(t *testing.T, own Submit) *Pair {
		p := paired(t)
		p.Step(ofClients(openCommand(1)))
		p.Step(own)
		p.Step(ofClients(openCommand(2)))
		return p
	}
	t.Run("when the primary goes on alone", func(t *testing.T) {
		p := inFlight(t, ofView(1, expiry(8, 1), expiry(9, 1)))
		p.silentTicks(MinSuspectTicks + 1)
		expect(t, told(p, Synced{View: 2}),
			applied(entry(1, 1, openCommand(1))), applied(entry(2, 2, openCommand(2))), Began{View: 2})
	})
	t.Run("when it is demoted", func(t *testing.T) {
		p := inFlight(t, ofView(1, expiry(8, 1)))
		expect(t, told(p, fromBackup(Alone{View: 3})), Ended{})
		expect(t, told(p, Synced{View: 3}), Refuse{Requests: []lock.RequestID{openCommand(2).ID()}, Kind: NotPrimary, Hint: "b"})
	})
	t.Run("when it renews its view", func(t *testing.T) {
		p := paired(t, func(cfg *PairConfig) { cfg.EntriesPerView = 1 })
		p.Step(ofClients(openCommand(1)))
		p.Step(ofView(1, expiry(8, 1)))
		p.Step(fromBackup(Ack{View: 1, Index: 1}))
		p.Step(Synced{View: 2})
		expect(t, told(p, fromBackup(Ack{View: 2, Index: 1})))
		if p.order.last != 1 {
			t.Fatalf("numbered up to %d", p.order.last)
		}
	})
}

// The sender's list is the sender's: nothing is taken out of it.
func TestWhatWasSubmittedStaysAsItWas(t *testing.T) {
	p := paired(t)
	p.Step(ofClients(openCommand(1)))
	own := ofView(1, expiry(8, 1), expiry(9, 1))
	p.Step(own)
	p.silentTicks(MinSuspectTicks + 1)
	if want := ofView(1, expiry(8, 1), expiry(9, 1)); !reflect.DeepEqual(own, want) {
		t.Fatalf("the sender's list became %+v", own)
	}
}

// An expiry is proposed once, so that a full queue must not swallow it.
func TestTheClockIsNotOverloaded(t *testing.T) {
	p := paired(t, func(cfg *PairConfig) { cfg.MaxQueue = 1 })
	p.Step(ofClients(openCommand(1)))
	p.Step(ofClients(openCommand(2)))
	expect(t, told(p, ofView(1, expiry(8, 1))))
	p.Step(fromBackup(Ack{View: 1, Index: 1}))
	expect(t, told(p, fromBackup(Ack{View: 1, Index: 3})),
		applied(entry(1, 2, openCommand(2)), entry(1, 3, expiry(8, 1))))
}

// A view's tokens must suffice for the waits that an earlier one has left: one
// entry may grant them all.
func TestAViewLeavesTokensForWaiters(t *testing.T) {
	p := paired(t)
	if spare := uint64(1)<<40 - 1 - p.cfg.EntriesPerView; spare < lock.MaxWaits {
		t.Fatalf("%d tokens are spare", spare)
	}
}

func TestBarriersRise(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a repeated barrier was taken")
		}
	}()
	p := paired(t)
	p.Step(Barrier{ID: 2})
	p.Step(Barrier{ID: 2})
}
