package messages

import (
	"fmt"

	"lockstep/lock"
	"lockstep/messages/wire"
	"lockstep/replica"
)

// What a quorum adds to the schema.

func wireQuorum(m replica.Message) *wire.PairMessage {
	switch m := m.(type) {
	case replica.Engine:
		return &wire.PairMessage{Kind: &wire.PairMessage_Engine{Engine: &wire.Engine{Bytes: m.Bytes}}}
	case replica.Seek:
		return &wire.PairMessage{Kind: &wire.PairMessage_Seek{Seek: &wire.Seek{
			Member: uint64(m.Member), Name: m.Name, Quiet: m.Quiet, Fresh: m.Fresh, View: uint64(m.View),
			Peers: each(m.Peers, wirePeer), Knows: uint64(m.Knows)}}}
	case replica.Found:
		return &wire.PairMessage{Kind: &wire.PairMessage_Found{Found: &wire.Found{
			Cluster: uint64(m.Cluster), View: uint64(m.View), Members: each(m.Members, wireMember)}}}
	case replica.Digests:
		return &wire.PairMessage{Kind: &wire.PairMessage_Digests{Digests: &wire.Digests{At: each(m.At, wireDigestAt)}}}
	case replica.Grow:
		return &wire.PairMessage{Kind: &wire.PairMessage_Grow{Grow: &wire.Grow{
			View: uint64(m.View), Round: m.Round, Index: uint64(m.Index), Digest: uint64(m.Digest),
			Cluster: uint64(m.Cluster), Begins: uint64(m.Begins), Members: each(m.Members, wireMember)}}}
	case replica.Grown:
		return &wire.PairMessage{Kind: &wire.PairMessage_Grown{Grown: &wire.Grown{
			View: uint64(m.View), Round: m.Round, Member: uint64(m.Member), Ready: m.Ready, Reason: m.Reason}}}
	default:
		panic(fmt.Sprintf("no schema for %T", m))
	}
}

func wirePeer(p replica.Peer) *wire.Peer {
	return &wire.Peer{Name: p.Name, Address: string(p.Address)}
}

func wireMember(m replica.Member) *wire.Member {
	return &wire.Member{Id: uint64(m.ID), Name: m.Name, Address: string(m.Address), Voter: m.Voter, Quiet: m.Quiet}
}

func wireMemberStatus(s replica.MemberStatus) *wire.MemberStatus {
	return &wire.MemberStatus{Member: wireMember(s.Member), Role: uint32(s.Role), Match: s.Match, Heard: s.Heard, HeardAgo: s.HeardAgo}
}

func wireDigestAt(d replica.DigestAt) *wire.DigestAt {
	return &wire.DigestAt{Index: d.Index, Digest: uint64(d.Digest)}
}

func wireOrder(o Order) *wire.Order {
	return &wire.Order{
		Client: uint32(o.Client), Id: uint64(o.ID), Kind: uint32(o.Order.Kind), Name: o.Order.Name,
		Address: string(o.Order.Address), Quiet: o.Order.Quiet, Force: o.Order.Force,
	}
}

func wireOrdered(o Ordered) *wire.Ordered {
	return &wire.Ordered{
		Client: uint32(o.Client), Id: uint64(o.Ordered.ID), Kind: uint32(o.Ordered.Kind), Hint: string(o.Ordered.Hint),
		Outcome: uint32(o.Ordered.Outcome), Text: o.Ordered.Text,
	}
}

func wireMemberQuery(client ClientID) *wire.MemberQuery {
	return &wire.MemberQuery{Client: uint32(client)}
}

func wireTold(t Told) *wire.Told {
	return &wire.Told{Client: uint32(t.Client), View: uint64(t.Told.View), Members: each(t.Told.Members, wireMember)}
}

func wireCommands(commands []lock.Command) *wire.Commands {
	return &wire.Commands{Commands: each(commands, wireCommand)}
}
