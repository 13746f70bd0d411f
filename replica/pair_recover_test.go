package replica

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/lock"
)

// logOf is the log of a node whose last role was in a view, with so many
// entries of view 1.
func logOf(role Role, view lock.View, entries int) Recovered {
	log := Recovered{State: standing{role, view}.encode()}
	for i := range entries {
		log.Entries = append(log.Entries, pieceOf(uint64(i+1), 1, openCommand(lock.Number(i+1))))
	}
	return log
}

func pieceOf(number uint64, view lock.View, commands ...lock.Command) LogEntry {
	return LogEntry{Index: number, Term: uint64(view), Data: gobCodec{}.EncodeCommands(commands)}
}

func durable(log Recovered) PairConfig {
	return PairConfig{
		Pair: [2]NodeID{"a", "b"}, AsPrimary: true, Incarnation: 3, SuspectTicks: MinSuspectTicks,
		HasIdentity: true, View: 1, Cluster: 7, NewCluster: 8, Durable: true, Codec: gobCodec{}, Log: log,
	}
}

// restarted is a node with that log; view is the highest in its identity.
func restarted(t *testing.T, log Recovered, view lock.View, change ...func(*PairConfig)) *Pair {
	t.Helper()
	cfg := durable(log)
	cfg.View = view
	for _, f := range change {
		f(&cfg)
	}
	p, err := OpenPair(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// written lets the disk do everything that it was asked for.
func written(p *Pair) (effects []Effect) {
	for _, ev := range []Event{Stored{Seq: p.disk.seq}, Synced{View: p.view}} {
		effects = append(effects, p.Step(ev)...)
	}
	return effects
}

func hello(of Hello) Received {
	of.Pair, of.Role = [2]NodeID{"a", "b"}, Joining
	if of.Knows == 0 {
		of.Knows = 3
	}
	return Received{From: "b", Incarnation: 2, Cluster: 7, Message: of}
}

// P8: who was alone has everything. It goes on soloStep views above, since the
// views between belong to others who may have gone on from the same base.
func TestWhoWasAloneGoesOnAlone(t *testing.T) {
	p := restarted(t, logOf(Solo, 5, 2), 5)
	p.silentTicks(MinSuspectTicks - 1)
	if p.role != Joining {
		t.Fatalf("it is %s before it has listened", p.role)
	}
	expect(t, told(p, Tick{}))
	if p.role != Solo || p.view != 5+soloStep {
		t.Fatalf("it is %s in view %d", p.role, p.view)
	}
	expect(t, told(p, Synced{View: 9})) // not in the log yet
	expect(t, told(p, Stored{Seq: p.disk.seq}),
		applied(entry(1, 1, openCommand(1)), entry(1, 2, openCommand(2))), Began{View: 9})
}

func TestOthersWaitForTheirPeer(t *testing.T) {
	for name, test := range map[string]struct {
		log   Recovered
		view  lock.View
		heard []Event
	}{
		"a primary":                             {log: logOf(Primary, 5, 2), view: 5},
		"a backup":                              {log: logOf(Backup, 5, 2), view: 5},
		"who has given its copy up":             {log: logOf(Demoted, 5, 2), view: 5},
		"who was joining":                       {log: logOf(Joining, 5, 2), view: 5},
		"who has lost its log":                  {view: 5},
		"who was alone, but has seen more":      {log: logOf(Solo, 5, 2), view: 6},
		"who hears that its peer has seen more": {log: logOf(Solo, 5, 2), view: 5, heard: []Event{hello(Hello{View: 6, Knows: 1})}},
		"who hears that its peer has a copy":    {log: logOf(Solo, 5, 2), view: 5, heard: []Event{hello(Hello{View: 6, LogView: 6})}},
		"who was alone, and hears its peer speak": {log: logOf(Solo, 5, 2), view: 5, heard: []Event{
			Received{From: "b", Incarnation: 2, Cluster: 7, Message: Heartbeat{View: 4}},
		}},
		"who was alone, and hears its peer reign": {log: logOf(Solo, 5, 2), view: 5, heard: []Event{
			Received{From: "b", Incarnation: 2, Cluster: 7, Message: Alone{View: 4}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := restarted(t, test.log, test.view)
			for _, ev := range test.heard {
				p.Step(ev)
				written(p)
			}
			p.silentTicks(5 * MinSuspectTicks)
			if p.hasRole() {
				t.Fatalf("it is %s in view %d", p.role, p.view)
			}
		})
	}
}

// An operator who knows that the other copy is lost has the node go on with what
// it has, far above what the peer may have used.
func TestFoundGoesOnWithTheCopy(t *testing.T) {
	p := restarted(t, logOf(Backup, 5, 2), 5, func(cfg *PairConfig) { cfg.Found = true })
	p.silentTicks(MinSuspectTicks)
	expect(t, told(p, Synced{View: 5 + foundLeap}, Stored{Seq: p.disk.seq}),
		applied(entry(1, 1, openCommand(1)), entry(1, 2, openCommand(2))), Began{View: 5 + foundLeap})
}

// P8: of two that have just started, the one with the better copy goes on, above
// all views that either has seen.
func TestTheBetterCopyGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		role      Role
		asBackup  bool
		peer      Hello
		wantsView lock.View // zero: it waits
	}{
		"of the higher view":       {role: Primary, peer: Hello{View: 5, LogView: 4, LogIndex: 9}, wantsView: 6},
		"of the lower view":        {role: Solo, peer: Hello{View: 6, LogView: 6, LogIndex: 1}},
		"the longer one":           {role: Backup, peer: Hello{View: 5, LogView: 5, LogIndex: 1}, wantsView: 6},
		"the shorter one":          {role: Primary, peer: Hello{View: 5, LogView: 5, LogIndex: 3}},
		"equal ones, as primary":   {role: Primary, peer: Hello{View: 5, LogView: 5, LogIndex: 2}, wantsView: 6},
		"equal ones, as backup":    {role: Backup, asBackup: true, peer: Hello{View: 5, LogView: 5, LogIndex: 2}},
		"the only one":             {role: Backup, asBackup: true, peer: Hello{View: 5}, wantsView: 6},
		"the peer has gone higher": {role: Backup, peer: Hello{View: 7}, wantsView: 8},
		"the peer has lost all":    {role: Backup, peer: Hello{}, wantsView: 5 + foundLeap},
		"not heard by the peer":    {role: Primary, peer: Hello{View: 5, Knows: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := restarted(t, logOf(test.role, 5, 2), 5, func(cfg *PairConfig) { cfg.AsPrimary = !test.asBackup })
			m := hello(test.peer)
			if test.asBackup {
				m.From = "a"
			}
			says := m.Message.(Hello)
			says.AsPrimary = test.asBackup
			m.Message = says
			p.Step(Tick{})
			effects := append(p.Step(m), written(p)...)
			if test.wantsView == 0 {
				if p.role != Joining {
					t.Fatalf("it is %s in view %d", p.role, p.view)
				}
				return
			}
			if p.role != Solo || p.view != test.wantsView || p.order.applied != 2 {
				t.Fatalf("it is %s in view %d with %d entries: %+v", p.role, p.view, p.order.applied, effects)
			}
		})
	}
}

// The nodes tell each other what they have, and nothing of what they have given
// up.
func TestHelloTellsOfTheCopy(t *testing.T) {
	for _, test := range []struct {
		log   Recovered
		view  lock.View
		index lock.Index
	}{
		{logOf(Primary, 5, 2), 5, 2},
		{logOf(Joining, 5, 2), 0, 0},
		{Recovered{}, 0, 0},
		{Recovered{State: standing{Solo, 5}.encode(), Snapshot: &LogSnapshot{Index: 3, Term: 40, Data: []byte{1}},
			Entries: []LogEntry{pieceOf(4, 5, openCommand(1), openCommand(2))}}, 5, 42},
	} {
		p := restarted(t, test.log, 5)
		var got Hello
		for _, e := range p.Step(Tick{}) {
			if s, ok := e.(Send); ok {
				got = s.Message.(Hello)
			}
		}
		if got.LogView != test.view || got.LogIndex != test.index {
			t.Errorf("%+v", got)
		}
	}
}

// A copy whose peer reigns is out of date. Until that is on disk the peer is told
// nothing that could make it count on this node.
func TestACopyIsGivenUpWhenThePeerReigns(t *testing.T) {
	p := restarted(t, logOf(Solo, 5, 2), 5)
	p.Step(Tick{})
	effects := p.Step(Received{From: "b", Incarnation: 2, Cluster: 7, Message: Alone{View: 7}})
	var says standing
	for _, e := range effects {
		if s, ok := e.(Store); ok {
			says, _ = decodeStanding(s.State)
		}
	}
	if says.role != Demoted {
		t.Fatalf("the log says %+v", says)
	}
	p.Step(Synced{View: 7})
	for _, e := range p.Step(Tick{}) {
		if s, ok := e.(Send); ok {
			t.Fatalf("it says %+v", s.Message)
		}
	}
	found := false
	for _, e := range p.Step(Stored{Seq: p.disk.seq}) {
		if s, ok := e.(Send); ok {
			m := s.Message.(Hello)
			found = true
			if m.LogView != 0 {
				t.Fatalf("it says %+v", m)
			}
		}
	}
	if !found {
		t.Fatal("it says nothing")
	}
}

func TestALogThatMakesNoSense(t *testing.T) {
	good := logOf(Solo, 5, 3)
	for name, change := range map[string]func(*Recovered){
		"a gap":                   func(r *Recovered) { r.Entries = append(r.Entries[:1:1], r.Entries[2]) },
		"no beginning":            func(r *Recovered) { r.Entries = r.Entries[1:] },
		"entries and no role":     func(r *Recovered) { r.State = nil },
		"a role that is none":     func(r *Recovered) { r.State = standing{Quiet, 5}.encode() },
		"a role without a view":   func(r *Recovered) { r.State = standing{Solo, 0}.encode() },
		"a view past the last":    func(r *Recovered) { r.State = standing{Solo, lock.MaxView + 1}.encode() },
		"bytes behind the state":  func(r *Recovered) { r.State = append(r.State, 0) },
		"a state of the future":   func(r *Recovered) { r.State = append([]byte{9}, r.State[1:]...) },
		"an entry of no commands": func(r *Recovered) { r.Entries[2] = pieceOf(3, 1) },
		"an entry of rubbish":     func(r *Recovered) { r.Entries[2].Data = []byte{1, 2, 3} },
		"an entry of view 0":      func(r *Recovered) { r.Entries[2].Term = 0 },
		"an entry of the future":  func(r *Recovered) { r.Entries[2].Term = 6 },
		"views that fall":         func(r *Recovered) { r.Entries[1].Term = 2 },
		"a node in memory":        nil,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := durable(good)
			cfg.Log.Entries = append([]LogEntry{}, good.Entries...)
			if change == nil {
				cfg.Durable = false
			} else {
				change(&cfg.Log)
			}
			if _, err := OpenPair(cfg); err == nil {
				t.Fatal("it is taken")
			}
		})
	}
	if _, err := OpenPair(durable(good)); err != nil {
		t.Fatal(err)
	}
}

// Who cannot read its own snapshot says so before anybody counts on it.
func TestASnapshotThatCannotBeReadEndsTheNode(t *testing.T) {
	log := Recovered{State: standing{Solo, 5}.encode(), Snapshot: &LogSnapshot{Index: 3, Term: 40, Data: []byte{1}}}
	for name, installed := range map[string]Installed{
		"rubbish":          {},
		"of another entry": {OK: true, Index: 39},
	} {
		t.Run(name, func(t *testing.T) {
			p := restarted(t, log, 5)
			effects := p.Step(Tick{})
			if _, ok := effects[0].(Install); !ok {
				t.Fatalf("it begins with %+v", effects)
			}
			p.silentTicks(2 * MinSuspectTicks)
			if p.hasRole() {
				t.Fatalf("it is %s", p.role)
			}
			effects = p.Step(installed)
			if exit, ok := effects[len(effects)-1].(Exit); !ok || !strings.Contains(exit.Reason, "40") {
				t.Fatalf("%+v", effects)
			}
		})
	}
}

// Two that have gone on alone from the same base, and have each restarted any
// number of times, are never in the same view.
func TestThoseWhoResumeAloneNeverMeet(t *testing.T) {
	m := newMachines(t, nil)
	m.wild = true
	m.formed()
	for round := range 5 {
		for _, n := range m.pair {
			for range MinSuspectTicks + 1 {
				m.wire = [2][]Received{} // they don't hear each other
				n.step(Tick{})
				n.write(100)
				n.writeIdentity()
				n.writeIdentity()
			}
			if n.core.role != Solo || n.reign != n.core.view {
				t.Fatalf("round %d: %s is %s in view %d, and view %d has begun", round, n.name(), n.core.role, n.core.view, n.reign)
			}
			n.cut(0, 0)
			n.start()
		}
	}
	if len(m.reigns) < 10 {
		t.Fatal(fmt.Sprint("reigns: ", m.reigns))
	}
}
