package quorum

import (
	"testing"
	"testing/cryptotest"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// turning is the core of a pair's node that turns at its first step.
type turning struct{ turn replica.Turn }

func (c turning) Step(ev replica.Event) []replica.Effect {
	turn := c.turn
	if _, timed := ev.(replica.Tick); !timed {
		turn.Event = ev
	}
	return []replica.Effect{replica.Ended{}, turn}
}

func (turning) Status() replica.Status { return replica.Status{Role: replica.Primary, View: 4} }

// turned is a node that turns by an event, and what it does then.
func turned(t *testing.T, durable bool, ev replica.Event) (*Pair, []replica.Effect) {
	t.Helper()
	cryptotest.SetGlobalRandom(t, 1)
	table := lock.NewTable()
	table.Apply(lock.Entry{View: 4, Index: 1, Command: lock.Command{Verb: lock.OpenSession, Number: 1}})
	p := NewPair(nil, Config{Address: "a:1", Incarnation: 3, NewCluster: 70, Durable: durable, Codec: new(messages.Codec)})
	p.core = turning{replica.Turn{
		Became: replica.Became{Self: 1, Cluster: 9, View: 1004, Index: 1, Members: []replica.Member{
			{ID: 1, Name: "a", Address: "a:1", Voter: true}, {ID: 2, Name: "b", Address: "b:1", Voter: true}, {ID: 3, Name: "c", Address: "c:1", Voter: true},
		}},
		Digest: table.Digest(), Table: messages.EncodeSnapshot(table.Snapshot()), Stores: 5,
	}}
	return p, append([]replica.Effect{}, p.Step(ev)...)
}

func mailTo(effects []replica.Effect) (list []raftpb.MessageType) {
	for _, e := range effects {
		if s, ok := e.(replica.Send); ok {
			m := &raftpb.Message{}
			if engine, ok := s.Message.(replica.Engine); ok && proto.Unmarshal(engine.Bytes, m) == nil {
				list = append(list, m.GetType())
			} else {
				list = append(list, 0)
			}
		}
	}
	return list
}

// The identity comes first, then the log, and then the first word: it asks to be
// chosen, without waiting for a tick.
func TestANodeOfAPairTurns(t *testing.T) {
	p, effects := turned(t, true, replica.Tick{})
	if _, ok := effects[0].(replica.Ended); !ok || !p.Turned() {
		t.Fatalf("it begins with %T", effects[0])
	}
	persist, ok := effects[1].(replica.Persist)
	if !ok || persist.View != 1004 || persist.Cluster != 9 || persist.Became == nil || persist.Became.Name() != "a" || len(persist.Became.Peers()) != 3 {
		t.Fatalf("then comes %+v", effects[1])
	}
	store, ok := effects[2].(replica.Store)
	if !ok || store.Seq != 6 || !store.Whole || store.Snapshot.Term != 1004 {
		t.Fatalf("then comes %+v", effects[2])
	}
	if said := mailTo(effects); len(said) != 0 {
		t.Fatalf("before that is on disk it says %v", said)
	}
	if said := mailTo(p.Step(replica.Stored{Seq: 5})); len(said) != 0 { // of the pair's log
		t.Fatalf("it says %v", said)
	}
	if said := mailTo(p.Step(replica.Synced{View: 1004})); len(said) != 0 {
		t.Fatalf("before its log is on disk it says %v", said)
	}
	if said := mailTo(p.Step(replica.Stored{Seq: 6})); len(said) != 2 || said[0] != raftpb.MsgPreVote {
		t.Fatalf("then it says %v", said)
	}
	s := p.Status()
	if !s.Quorum || s.Name != "a" || s.View != 1004 || s.Index != 1 || len(s.Members) != 3 {
		t.Fatalf("it is %+v", s)
	}
}

// Who has learned of it by a word of the quorum hears that word too, and asks for
// nothing itself.
func TestTheOtherNodeOfAPairTurns(t *testing.T) {
	vote := &raftpb.Message{
		Type: raftpb.MsgPreVote.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(uint64(1005)),
		Index: new(uint64(foundingIndex + 1)), LogTerm: new(uint64(1004)),
	}
	raw, err := proto.Marshal(vote)
	if err != nil {
		t.Fatal(err)
	}
	p, effects := turned(t, false, replica.Received{From: "b:1", Incarnation: 2, Cluster: 9, Message: replica.Engine{Bytes: raw}})
	if said := mailTo(effects); len(said) != 0 {
		t.Fatalf("before its identity is on disk it says %v", said)
	}
	if said := mailTo(p.Step(replica.Synced{View: 1004})); len(said) != 1 || said[0] != raftpb.MsgPreVoteResp {
		t.Fatalf("then it says %v", said)
	}
}

// An operator gives up what the other node of the pair may have.
func TestANodeOfAPairTurnsAndBeginsAnew(t *testing.T) {
	p, effects := turned(t, false, replica.Instruct{ID: 4, Order: replica.Order{Kind: replica.Bootstrap, Force: true}})
	answers := 0
	for _, e := range effects {
		if i, ok := e.(replica.Instructed); ok && i.Ordered.Outcome == replica.OrderWorking {
			answers++
		}
	}
	if answers != 1 {
		t.Fatalf("%d answers in %v", answers, effects)
	}
	s := p.Status()
	if s.Role == replica.Primary || s.Cluster == 0 {
		t.Fatalf("it is %+v", s)
	}
}

// A node that ended before its log was begun begins it at its next start, with the
// very same.
func TestALogThatIsBegunLater(t *testing.T) {
	_, effects := turned(t, true, replica.Tick{})
	at := effects[2].(replica.Store)
	b := effects[1].(replica.Persist).Became
	h, table, err := decodeSnapshot(at.Snapshot.Data)
	if err != nil {
		t.Fatal(err)
	}
	later := BeginGrown(b, h.digest, table)
	if string(later.Snapshot.Data) != string(at.Snapshot.Data) || later.Snapshot.Index != at.Snapshot.Index || later.Snapshot.Term != at.Snapshot.Term || string(later.State) != string(at.State) {
		t.Fatalf("%+v and %+v", later, at)
	}
}
