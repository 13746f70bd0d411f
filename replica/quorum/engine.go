package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/replica"
)

// maxMessageBytes is about how much one message of the engine brings, and
// maxInFlightBytes how much may be under way to one node: a link carries no
// message of more than a few MiB, and throws away what waits when it is more.
const (
	maxMessageBytes  = 1 << 20
	maxInFlightBytes = 4 << 20
)

// host starts the engine on the log. It never writes a line of its own, and
// panics when what it is told makes no sense, which ends the process (R10).
func (q *Quorum) host() {
	node, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(q.member),
		ElectionTick:              q.cfg.ElectionTicks,
		HeartbeatTick:             1,
		Storage:                   q.log,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             maxMessageBytes,
		MaxInflightMsgs:           64,
		MaxInflightBytes:          maxInFlightBytes,
		CheckQuorum:               true,
		PreVote:                   true,
		ReadOnlyOption:            raft.ReadOnlySafe,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		Logger:                    mute{},
	})
	if err != nil {
		panic(fmt.Sprintf("quorum: the engine does not start: %v", err))
	}
	q.node = node
	status := node.BasicStatus()
	q.engine = engineState{
		term: status.GetTerm(), leader: status.Lead, role: status.RaftState,
		commit: status.GetCommit(), vote: status.GetVote(),
	}
}

// onEngine hands a message to the engine, if it comes from where the member is
// that it claims to come from (R9).
func (q *Quorum) onEngine(from replica.NodeID, e replica.Engine) {
	m := &raftpb.Message{}
	if err := proto.Unmarshal(e.Bytes, m); err != nil {
		q.say(true, fmt.Sprintf("a message of %s cannot be read: %v", from, err))
		return
	}
	sender, known := q.roster.find(replica.MemberID(m.GetFrom()))
	if m.GetTo() != uint64(q.member) || !travels(m) {
		return
	}
	if !known {
		q.askWhoIs(from)
		return
	}
	if sender.Address != from {
		return
	}
	if m.GetType() == raftpb.MsgSnap && !q.takeArrival(from, m) {
		return
	}
	q.stepEngine(m)
}

// askWhoIs asks a member that this node has not heard of for the list. A newcomer
// without a log knows by hearsay only who belongs to the cluster, and the primary
// that brings the log may have come later.
func (q *Quorum) askWhoIs(from replica.NodeID) {
	if q.asked != q.ticks {
		q.asked = q.ticks
		q.sendSeek(from)
	}
}

// travels reports whether the message is one that engines send to each other
// here. Proposals and reads never do (R6, R7).
func travels(m *raftpb.Message) bool {
	if m.GetTerm() > uint64(lock.MaxView) {
		return false
	}
	switch m.GetType() {
	case raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgVote, raftpb.MsgVoteResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp,
		raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgSnap, raftpb.MsgTimeoutNow:
		return true
	default:
		return false
	}
}

// stepEngine gives the engine a message. What it refuses is not for it: an
// answer of somebody who is no member any more, or a proposal at a bad moment.
func (q *Quorum) stepEngine(m *raftpb.Message) { _ = q.node.Step(m) }

// post sends what the engine wants to say. A snapshot goes in pieces first.
func (q *Quorum) post(m *raftpb.Message) {
	if m.GetType() == raftpb.MsgSnap {
		q.beginTransfer(m)
		return
	}
	q.mail(m)
}

func (q *Quorum) mail(m *raftpb.Message) {
	to, known := q.roster.find(replica.MemberID(m.GetTo()))
	if !known {
		return
	}
	bytes, err := proto.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("quorum: a message of the engine cannot be encoded: %v", err))
	}
	q.send(to.Address, replica.Engine{Bytes: bytes})
}

// mute is the engine's logger.
type mute struct{}

func (mute) Debug(...any)                   {}
func (mute) Debugf(string, ...any)          {}
func (mute) Info(...any)                    {}
func (mute) Infof(string, ...any)           {}
func (mute) Warning(...any)                 {}
func (mute) Warningf(string, ...any)        {}
func (mute) Error(...any)                   {}
func (mute) Errorf(string, ...any)          {}
func (mute) Fatal(v ...any)                 { panic("quorum: " + fmt.Sprint(v...)) }
func (mute) Fatalf(format string, v ...any) { panic("quorum: " + fmt.Sprintf(format, v...)) }
func (mute) Panic(v ...any)                 { panic("quorum: " + fmt.Sprint(v...)) }
func (mute) Panicf(format string, v ...any) { panic("quorum: " + fmt.Sprintf(format, v...)) }
