package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// The messages of a quorum.

func appendEngine(b []byte, num protowire.Number, m replica.Engine) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, m.Bytes)
	return closeMessage(b, start)
}

func (r *reader) engine(field string) (m replica.Engine) {
	outer := r.enter(field)
	for r.next("Engine") {
		switch r.num {
		case 1:
			m.Bytes = r.bytes("Engine.bytes")
		default:
			r.skip("Engine")
		}
	}
	r.leave(outer)
	return m
}

func appendSeek(b []byte, num protowire.Number, m replica.Seek) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, m.Member)
	b = appendBytes(b, 2, m.Name)
	b = appendBool(b, 3, m.Quiet)
	b = appendBool(b, 4, m.Fresh)
	b = appendVarint(b, 5, m.View)
	for i := range m.Peers {
		b = appendPeer(b, 6, &m.Peers[i])
	}
	b = appendVarint(b, 7, m.Knows)
	return closeMessage(b, start)
}

func (r *reader) seek(field string) (m replica.Seek) {
	outer := r.enter(field)
	for r.next("Seek") {
		switch r.num {
		case 1:
			m.Member = replica.MemberID(r.fixed64("Seek.member"))
		case 2:
			m.Name = r.own("Seek.name")
		case 3:
			m.Quiet = r.bool("Seek.quiet")
		case 4:
			m.Fresh = r.bool("Seek.fresh")
		case 5:
			m.View = lock.View(r.varint("Seek.view"))
		case 6:
			r.peer("Seek.peers", more(r, &m.Peers))
		case 7:
			m.Knows = replica.Incarnation(r.varint("Seek.knows"))
		default:
			r.skip("Seek")
		}
	}
	r.leave(outer)
	return m
}

func appendPeer(b []byte, num protowire.Number, p *replica.Peer) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, p.Name)
	b = appendBytes(b, 2, p.Address)
	return closeMessage(b, start)
}

func (r *reader) peer(field string, p *replica.Peer) {
	outer := r.enter(field)
	for r.next("Peer") {
		switch r.num {
		case 1:
			p.Name = r.own("Peer.name")
		case 2:
			p.Address = replica.NodeID(r.own("Peer.address"))
		default:
			r.skip("Peer")
		}
	}
	r.leave(outer)
}

func appendFound(b []byte, num protowire.Number, m replica.Found) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, m.Cluster)
	b = appendVarint(b, 2, m.View)
	b = appendMembers(b, 3, m.Members)
	return closeMessage(b, start)
}

func (r *reader) found(field string) (m replica.Found) {
	outer := r.enter(field)
	for r.next("Found") {
		switch r.num {
		case 1:
			m.Cluster = replica.ClusterID(r.fixed64("Found.cluster"))
		case 2:
			m.View = lock.View(r.varint("Found.view"))
		case 3:
			r.member("Found.members", more(r, &m.Members))
		default:
			r.skip("Found")
		}
	}
	r.leave(outer)
	return m
}

func appendMembers(b []byte, num protowire.Number, members []replica.Member) []byte {
	for i := range members {
		b = appendMember(b, num, &members[i])
	}
	return b
}

func appendMember(b []byte, num protowire.Number, m *replica.Member) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, m.ID)
	b = appendBytes(b, 2, m.Name)
	b = appendBytes(b, 3, m.Address)
	b = appendBool(b, 4, m.Voter)
	b = appendBool(b, 5, m.Quiet)
	return closeMessage(b, start)
}

func (r *reader) member(field string, m *replica.Member) {
	outer := r.enter(field)
	for r.next("Member") {
		switch r.num {
		case 1:
			m.ID = replica.MemberID(r.fixed64("Member.id"))
		case 2:
			m.Name = r.own("Member.name")
		case 3:
			m.Address = replica.NodeID(r.own("Member.address"))
		case 4:
			m.Voter = r.bool("Member.voter")
		case 5:
			m.Quiet = r.bool("Member.quiet")
		default:
			r.skip("Member")
		}
	}
	r.leave(outer)
}

func appendDigests(b []byte, num protowire.Number, m replica.Digests) []byte {
	b, start := openMessage(b, num)
	for i := range m.At {
		b = appendDigestAt(b, 1, &m.At[i])
	}
	return closeMessage(b, start)
}

func (r *reader) digests(field string) (m replica.Digests) {
	outer := r.enter(field)
	for r.next("Digests") {
		switch r.num {
		case 1:
			r.digestAt("Digests.at", more(r, &m.At))
		default:
			r.skip("Digests")
		}
	}
	r.leave(outer)
	return m
}

func appendDigestAt(b []byte, num protowire.Number, d *replica.DigestAt) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, d.Index)
	b = appendFixed64(b, 2, d.Digest)
	return closeMessage(b, start)
}

func (r *reader) digestAt(field string, d *replica.DigestAt) {
	outer := r.enter(field)
	for r.next("DigestAt") {
		switch r.num {
		case 1:
			d.Index = r.varint("DigestAt.index")
		case 2:
			d.Digest = lock.Digest(r.fixed64("DigestAt.digest"))
		default:
			r.skip("DigestAt")
		}
	}
	r.leave(outer)
}
