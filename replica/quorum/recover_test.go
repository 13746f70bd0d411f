package quorum

import (
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/replica"
)

// engineVote is what a candidate of a far view says; it forces its way past
// those who hear a leader.
func engineVote(from, to replica.MemberID, term uint64) replica.Engine {
	b, err := proto.Marshal(&raftpb.Message{
		Type: raftpb.MsgVote.Enum(), From: new(uint64(from)), To: new(uint64(to)), Term: new(term),
		Context: []byte("CampaignTransfer"),
	})
	if err != nil {
		panic(err)
	}
	return replica.Engine{Bytes: b}
}

// TestPowerCut: all nodes lose their power at once, again and again; nothing
// that was answered is missing, and session ids rise (R1, S3).
func TestPowerCut(t *testing.T) {
	w := startWorld(t, 5, "abc", true)
	w.tweak = func(cfg *Config) { cfg.RetainBytes = 500 }
	highest := lock.SessionID(0)
	for nonce := range lock.Number(12) {
		w.awaitPrimary()
		id := w.open(nonce + 1).Session
		if id <= highest {
			t.Fatalf("session %d after %d", id, highest)
		}
		highest = id
		for _, a := range w.names {
			w.nodes[a].crash()
		}
		for _, a := range w.names {
			w.nodes[a].start()
		}
		w.awaitPrimary()
		if again := w.open(nonce + 1).Session; again != id {
			t.Fatalf("session %d is %d after the power cut", id, again)
		}
	}
	w.alike()
	if w.node("a").saved.Snapshot.Index == foundingIndex {
		t.Error("the log was never cut short")
	}
}

// TestBadLogs: a log that is not whole or not ours is refused with a clear
// sentence (R2, R3).
func TestBadLogs(t *testing.T) {
	w := startWorld(t, 5, "abc", true)
	w.awaitPrimary()
	for n := range lock.Number(5) {
		w.open(n + 1)
	}
	w.alike()
	a := w.node("a")
	a.crash()
	w.run(1)
	good := a.saved
	if len(good.Entries) < 4 {
		t.Fatalf("%d entries", len(good.Entries))
	}
	cfg := Config{Name: "a", Address: "a:1", Peers: peersOf("abc"), Cluster: a.id.cluster, HasIdentity: true, View: a.id.view, Durable: true, Codec: codec{}}
	for _, c := range []struct {
		name, want string
		spoil      func(*Config, *replica.Recovered)
	}{
		{"good", "", func(*Config, *replica.Recovered) {}},
		{"no state", "no state", func(_ *Config, r *replica.Recovered) { r.State = nil }},
		{"bad state", "damaged", func(_ *Config, r *replica.Recovered) { r.State = r.State[:3] }},
		{"newer state", "version 9", func(_ *Config, r *replica.Recovered) { r.State = append([]byte{9}, r.State[1:]...) }},
		{"a gap", "must follow", func(_ *Config, r *replica.Recovered) {
			r.Entries = append(append([]replica.LogEntry{}, r.Entries[:1]...), r.Entries[2:]...)
		}},
		{"no snapshot", "must follow", func(_ *Config, r *replica.Recovered) { r.Snapshot = nil }},
		{"terms that fall", "must follow", func(_ *Config, r *replica.Recovered) {
			r.Entries = append([]replica.LogEntry{}, r.Entries...)
			r.Entries[2].Term = 1
		}},
		{"a damaged snapshot", "snapshot is damaged", func(_ *Config, r *replica.Recovered) {
			s := *r.Snapshot
			s.Data = append(append([]byte{}, s.Data...), 0)
			r.Snapshot = &s
		}},
		{"an unknown kind", "newer version", func(_ *Config, r *replica.Recovered) {
			r.Entries = append([]replica.LogEntry{}, r.Entries...)
			r.Entries[1].Kind = 7
		}},
		{"another cluster", "belongs to cluster", func(c *Config, _ *replica.Recovered) { c.Cluster++ }},
		{"another node", "it is that of a at a:1", func(c *Config, _ *replica.Recovered) { c.Name = "b" }},
	} {
		cfg, log := cfg, good
		c.spoil(&cfg, &log)
		_, err := New(cfg, log)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestWipedDirectory: a node that has lost its log and its identity, or its log
// alone, comes back as another member (R2).
func TestWipedDirectory(t *testing.T) {
	for _, identity := range []bool{false, true} {
		w := startWorld(t, 5, "abc", true)
		w.awaitPrimary()
		w.open(1)
		b := w.node("b")
		before := b.core.member
		b.crash()
		b.saved = replica.Recovered{}
		if identity {
			b.id.written, b.id.view, b.id.cluster = false, 0, 0
		}
		b.start()
		w.open(2)
		w.whole()
		w.alike()
		if b.core.member == before || len(w.primary().core.roster.members) != 3 {
			t.Errorf("b is member %x, and was %x; %+v", b.core.member, before, w.primary().core.roster.members)
		}
	}
}

// TestAReplacementOutlivesAPowerCut: a node that has lost its log was taken in
// anew; then all lose their power, and another one its disk. Two of the three that
// belong to the cluster by then have it all.
func TestAReplacementOutlivesAPowerCut(t *testing.T) {
	for seed := range uint64(10) {
		w := startWorld(t, seed, "abc", true)
		w.awaitPrimary()
		id := w.open(1).Session
		c := w.node("c")
		c.crash()
		c.saved = replica.Recovered{}
		c.start()
		w.whole()
		w.run(2)
		for _, a := range w.names {
			w.nodes[a].crash()
		}
		w.node("b").saved = replica.Recovered{}
		w.node("a").start()
		c.start()
		w.awaitPrimary()
		if again := w.open(1).Session; again != id {
			t.Fatalf("session %d is %d after the power cut", id, again)
		}
	}
}

// TestFirstNodeIsWiped: the node with which a cluster began, alone, loses its
// disk with all that is on it, and is started as it always was. It does not begin
// anew: the others have its locks (R2).
func TestFirstNodeIsWiped(t *testing.T) {
	for seed := range uint64(10) {
		w := startWorld(t, seed, "a", true)
		w.awaitPrimary()
		for _, name := range []string{"b", "c"} {
			w.add(name, true, peersOf("a"+name)).start()
			w.run(3)
			w.order(replica.Order{Kind: replica.AddMember, Name: name, Address: replica.NodeID(name + ":1")})
		}
		w.open(1)
		a := w.node("a")
		a.crash()
		w.until("another", func() bool { return w.primary() != nil && w.primary().core.ready() })
		a.saved = replica.Recovered{}
		a.id.written, a.id.view, a.id.cluster = false, 0, 0
		a.start()
		w.open(2)
		w.whole()
		w.alike()
	}
}

// TestFirstNodeIsWipedWhileNobodySpeaks: the same, and the others are down, or have
// no primary at that moment. Silence does not let it begin anew.
func TestFirstNodeIsWipedWhileNobodySpeaks(t *testing.T) {
	for name, down := range map[string]bool{"the others are down": true, "the others elect": false} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, 1, "a", true)
			w.awaitPrimary()
			for _, name := range []string{"b", "c"} {
				w.add(name, true, peersOf("a"+name)).start()
				w.run(3)
				w.order(replica.Order{Kind: replica.AddMember, Name: name, Address: replica.NodeID(name + ":1")})
			}
			token := w.open(1).Session
			w.alike()
			w.order(replica.Order{Kind: replica.SwitchOver, Name: "a"})
			a := w.node("a")
			a.crash()
			if down {
				w.node("b").crash()
				w.node("c").crash()
			}
			a.saved, a.found, w.said = replica.Recovered{}, false, nil
			a.id.written, a.id.view, a.id.cluster = false, 0, 0
			a.start()
			w.run(8)
			if down {
				w.run(50)
				w.node("b").start()
				w.node("c").start()
			}
			w.awaitPrimary()
			if again := w.open(1).Session; again != token || w.heard("founded cluster") {
				t.Errorf("session %d is %d; %s", token, again, w.said)
			}
			w.whole()
			w.alike()
		})
	}
}

// TestOneNodeIsToldToFound: a node that is alone in its list says what it waits
// for, and founds when it is told to.
func TestOneNodeIsToldToFound(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("a", true, peersOf("a")).start()
	w.run(60)
	if w.primary() != nil || !w.heard("start it with -found") {
		t.Fatalf("%s", w.said)
	}
	a.crash()
	a.found = true
	a.start()
	w.awaitPrimary()
}

// TestALogKnowsTheChangesBeforeItsEntries: a primary whose disk is never done takes
// in a fourth member, and goes on. Whenever it loses its power: if its log has what it
// proposed under the four, it will not count by the three again. It could be chosen by
// a majority of three that is none of those who have committed since (R1, R9).
func TestALogKnowsTheChangesBeforeItsEntries(t *testing.T) {
	told := 0
	for seed := range uint64(20) {
		w := startWorld(t, seed, "abc", true)
		p := w.awaitPrimary()
		w.add("d", true, peersOf("abcd")).start()
		p.behind = true
		nonce := lock.Number(100)
		busy := func() {
			nonce++
			p.step(replica.Submit{Commands: []lock.Command{{Verb: lock.OpenSession, Number: nonce}}})
			w.run(1)
		}
		change, proposed := p.core.roster.asOf, uint64(0) // the last one, and what was proposed before it was applied
		for range 60 + w.upTo(10) {
			if len(p.core.roster.members) == 3 && !p.core.changing() {
				p.order(replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"})
			}
			busy()
			if asOf := p.core.roster.asOf; asOf != change {
				change, proposed = asOf, p.core.log.last()
				for _, write := range p.core.disk.writes {
					if n := len(write.entries); n > 0 {
						proposed = write.entries[n-1].GetIndex()
					}
				}
			}
		}
		p.crash()
		state, err := decodeState(p.saved.State)
		if err != nil {
			t.Fatal(err)
		}
		last := p.saved.Entries[len(p.saved.Entries)-1].Index
		if proposed > 0 && last > proposed {
			told++
			if state.hard.GetCommit() < change {
				t.Fatalf("seed %d: the log goes to entry %d, and knows nothing of the change at %d, which was over at %d", seed, last, change, proposed)
			}
		}
	}
	if told < 10 {
		t.Errorf("%d of 20 runs lost their power late enough to tell", told)
	}
}
