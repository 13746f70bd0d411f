package messages

import (
	"lockstep/lock"
	"lockstep/messages/wire"
	"lockstep/muster"
	"lockstep/replica"
)

// The functions below say once more, in terms of the generated code, which
// field of the schema holds which plain value. The tests hold the codec against
// them. Values are compared in this form too: here an empty list and none are
// the same, as they are on the wire.

func each[T, W any](list []T, f func(T) W) []W {
	var mapped []W
	for _, item := range list {
		mapped = append(mapped, f(item))
	}
	return mapped
}

func wireHeader(h Header) *wire.Frame {
	return &wire.Frame{
		Cluster: uint64(h.Cluster), Table: h.Table, From: string(h.From), To: string(h.To),
		FromIncarnation: uint64(h.FromIncarnation), ToIncarnation: uint64(h.ToIncarnation),
		Version: h.Version, Newest: h.Newest, Proof: h.Proof, Challenge: h.Challenge, Seq: h.Seq, Seen: h.Seen,
	}
}

func wireParcel(p Parcel) *wire.Parcel {
	return &wire.Parcel{
		Requests:      each(p.Requests, wireRequest),
		Answers:       each(p.Answers, wireAnswer),
		Pair:          each(p.Pair, wirePair),
		StatusQueries: each(p.StatusQueries, wireStatusQuery),
		StatusReports: each(p.StatusReports, wireStatusReport),
		Refused:       p.Refused,
		Queries:       each(p.Queries, wireQuery),
		Reports:       each(p.Reports, wireQueryReport),
		Notices:       each(p.Notices, wireNotice),
		Orders:        each(p.Orders, wireOrder),
		Ordered:       each(p.Ordered, wireOrdered),
		MemberQueries: each(p.MemberQueries, wireMemberQuery),
		Told:          each(p.Told, wireTold),
		Traces:        each(p.Traces, wireTrace),
	}
}

func wireRequest(q Request) *wire.Request {
	return &wire.Request{Client: uint32(q.Client), Command: wireCommand(q.Command)}
}

func wireCommand(c lock.Command) *wire.Command {
	return &wire.Command{
		Session: uint64(c.Session), Slot: uint32(c.Slot), Number: uint64(c.Number),
		Verb: uint32(c.Verb), Name: c.Name, Token: uint64(c.Token), At: uint64(c.At),
		Mode: uint32(c.Mode), Wait: c.Wait, Terms: wireTerms(c.Terms),
	}
}

func wireTerms(t *lock.Terms) *wire.Terms {
	if t == nil {
		return nil
	}
	return &wire.Terms{
		Ttl: uint64(t.TTL), Info: string(t.Info), And: each(t.And, wireWant), Permits: t.Permits, Of: t.Of,
		Under:     &wire.Holding{Name: t.Under.Name, Token: uint64(t.Under.Token)},
		Reentrant: t.Reentrant, AllowDeadlock: t.AllowDeadlock, Sequential: t.Sequential,
		MaxHold: uint64(t.MaxHold), LockDelay: uint64(t.LockDelay),
	}
}

func wireWant(w lock.Want) *wire.Want {
	return &wire.Want{Name: w.Name, Mode: uint32(w.Mode), Permits: w.Permits, Of: w.Of}
}

func wireEntry(e lock.Entry) *wire.Entry {
	return &wire.Entry{View: uint64(e.View), Index: uint64(e.Index), Command: wireCommand(e.Command)}
}

func wireAnswer(a Answer) *wire.Answer {
	return &wire.Answer{
		Client:  uint32(a.Client),
		Request: wireRequestID(a.Answer.Request),
		Kind:    uint32(a.Answer.Kind),
		Result:  wireResult(a.Answer.Result),
		Hint:    string(a.Answer.Hint),
	}
}

func wireRequestID(id lock.RequestID) *wire.RequestID {
	return &wire.RequestID{
		Session: uint64(id.Session), Slot: uint32(id.Slot), Number: uint64(id.Number), Verb: uint32(id.Verb),
	}
}

func wireTrace(t Trace) *wire.Trace {
	return &wire.Trace{Request: wireRequestID(t.Request), Parent: t.Parent}
}

func wireResult(r lock.Result) *wire.Result {
	return &wire.Result{
		Outcome: uint32(r.Outcome), Limit: uint32(r.Limit),
		Token: uint64(r.Token), Session: uint64(r.Session),
		Cycle: r.Cycle, Revoked: r.Revoked,
	}
}

func wireStatusQuery(client ClientID) *wire.StatusQuery {
	return &wire.StatusQuery{Client: uint32(client)}
}

func wireStatusReport(r StatusReport) *wire.StatusReport {
	s := r.Status
	return &wire.StatusReport{
		Client: uint32(r.Client), Node: string(s.Node), Role: uint32(s.Role), View: uint64(s.View),
		Index: uint64(s.Index), Peer: string(s.Peer), Paired: s.Paired, Heard: s.Heard,
		HeardAgo: s.HeardAgo, TickMs: s.TickMS, Cluster: uint64(s.Cluster),
		Name: s.Name, Quorum: s.Quorum, Durable: s.Durable, Members: each(s.Members, wireMemberStatus),
		First: s.First, Last: s.Last, Committed: s.Committed, DiskBytes: s.DiskBytes,
		Reigns: each(r.Reigns, wireReign),
	}
}

func wireReign(r muster.Reign) *wire.Reign {
	return &wire.Reign{
		View: uint64(r.View), Primary: string(r.Primary), Name: r.Name, Began: uint64(r.Began), Idle: uint64(r.Idle), Why: uint32(r.Why),
	}
}

func wirePair(m replica.Message) *wire.PairMessage {
	switch m := m.(type) {
	case replica.Heartbeat:
		return &wire.PairMessage{Kind: &wire.PairMessage_Heartbeat{Heartbeat: &wire.Heartbeat{
			View: uint64(m.View), Index: uint64(m.Index)}}}
	case replica.Forward:
		return &wire.PairMessage{Kind: &wire.PairMessage_Forward{Forward: &wire.Forward{
			View: uint64(m.View), Entries: each(m.Entries, wireEntry)}}}
	case replica.Ack:
		return &wire.PairMessage{Kind: &wire.PairMessage_Ack{Ack: &wire.Ack{
			View: uint64(m.View), Index: uint64(m.Index)}}}
	case replica.Relay:
		return &wire.PairMessage{Kind: &wire.PairMessage_Relay{Relay: &wire.Relay{
			View: uint64(m.View), Commands: each(m.Commands, wireCommand)}}}
	case replica.Confirm:
		return &wire.PairMessage{Kind: &wire.PairMessage_Confirm{Confirm: &wire.Confirm{
			View: uint64(m.View), Round: m.Round}}}
	case replica.Confirmation:
		return &wire.PairMessage{Kind: &wire.PairMessage_Confirmation{Confirmation: &wire.Confirmation{
			View: uint64(m.View), Round: m.Round, Index: uint64(m.Index)}}}
	case replica.Alone:
		return &wire.PairMessage{Kind: &wire.PairMessage_Alone{Alone: &wire.Alone{View: uint64(m.View)}}}
	case replica.Outdated:
		return &wire.PairMessage{Kind: &wire.PairMessage_Outdated{Outdated: &wire.Outdated{View: uint64(m.View)}}}
	case replica.Bye:
		return &wire.PairMessage{Kind: &wire.PairMessage_Bye{Bye: &wire.Bye{View: uint64(m.View)}}}
	default:
		return wireJoining(m)
	}
}

func wireJoining(m replica.Message) *wire.PairMessage {
	switch m := m.(type) {
	case replica.Hello:
		return &wire.PairMessage{Kind: &wire.PairMessage_Hello{Hello: &wire.Hello{
			Role: uint32(m.Role), View: uint64(m.View), AsPrimary: m.AsPrimary,
			Primary: string(m.Pair[0]), Backup: string(m.Pair[1]), Knows: uint64(m.Knows),
			LogView: uint64(m.LogView), LogIndex: uint64(m.LogIndex)}}}
	case replica.Refusal:
		return &wire.PairMessage{Kind: &wire.PairMessage_Refusal{Refusal: &wire.Refusal{Reason: m.Reason, Member: uint64(m.Member)}}}
	case replica.Chunk:
		return &wire.PairMessage{Kind: &wire.PairMessage_Chunk{Chunk: &wire.Chunk{
			View: uint64(m.View), Base: uint64(m.Base), Offset: m.Offset, Total: m.Total, Bytes: m.Bytes}}}
	case replica.Tail:
		return &wire.PairMessage{Kind: &wire.PairMessage_Tail{Tail: &wire.Tail{
			View: uint64(m.View), Base: uint64(m.Base), Entries: each(m.Entries, wireEntry)}}}
	case replica.Report:
		return &wire.PairMessage{Kind: &wire.PairMessage_Report{Report: &wire.Report{
			View: uint64(m.View), Highest: uint64(m.Highest), Base: uint64(m.Base), Offset: m.Offset,
			Installed: m.Installed, Digest: uint64(m.Digest), Index: uint64(m.Index)}}}
	case replica.Start:
		return &wire.PairMessage{Kind: &wire.PairMessage_Start{Start: &wire.Start{
			View: uint64(m.View), Index: uint64(m.Index), Cluster: uint64(m.Cluster), Founding: m.Founding}}}
	default:
		return wireQuorum(m)
	}
}

func wireSnapshot(snap lock.Snapshot) *wire.Snapshot {
	return &wire.Snapshot{
		Index: uint64(snap.Index),
		Last:  snap.Last,
		Locks: each(snap.Locks, func(l lock.HeldLock) *wire.HeldLock {
			return &wire.HeldLock{Name: l.Name, Token: uint64(l.Token), Since: uint64(l.Since)}
		}),
		Sessions: each(snap.Sessions, func(s lock.SessionState) *wire.Session {
			return &wire.Session{
				Id: uint64(s.ID), Nonce: uint64(s.Nonce), Slots: each(s.Slots, wireSlotState), Ttl: uint64(s.TTL),
				Since: uint64(s.Since), Info: string(s.Info), Revoked: s.Revoked, Revocations: each(s.Revocations, wireRevocation),
			}
		}),
		Grants: each(snap.Grants, wireGrantState),
		Waits:  each(snap.Waits, wireWaitState),
		Delays: each(snap.Delays, func(d lock.DelayState) *wire.DelayState {
			return &wire.DelayState{Name: d.Name, Token: uint64(d.Token), Span: uint64(d.Span)}
		}),
		Record: wireRecord(snap.Record),
	}
}

func wireGrantState(g lock.GrantState) *wire.GrantState {
	return &wire.GrantState{
		Token: uint64(g.Token), Session: uint64(g.Session), Since: uint64(g.Since), Waited: uint64(g.Waited), Under: each(g.Under, wireToken),
		Name: g.Name, Count: g.Count, Mode: uint32(g.Mode), Terms: wireTerms(g.Terms),
	}
}

func wireWaitState(w lock.WaitState) *wire.WaitState {
	return &wire.WaitState{
		Queued: uint64(w.Queued), Session: uint64(w.Session), Since: uint64(w.Since), Under: each(w.Under, wireToken),
		Name: w.Name, Slot: uint32(w.Slot), Mode: uint32(w.Mode), Terms: wireTerms(w.Terms),
	}
}

func wireToken(t lock.Token) uint64 { return uint64(t) }

func wireSlotState(s lock.SlotState) *wire.SlotState {
	return &wire.SlotState{Slot: uint32(s.Slot), Number: uint64(s.Number), Answer: wireResult(s.Answer)}
}
