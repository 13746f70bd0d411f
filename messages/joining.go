package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// The joining messages.

func appendHello(b []byte, num protowire.Number, m replica.Hello) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.Role)
	b = appendVarint(b, 2, m.View)
	b = appendBool(b, 3, m.AsPrimary)
	b = appendBytes(b, 4, m.Pair[0])
	b = appendBytes(b, 5, m.Pair[1])
	b = appendVarint(b, 6, m.Knows)
	b = appendVarint(b, 7, m.LogView)
	b = appendVarint(b, 8, m.LogIndex)
	return closeMessage(b, start)
}

func (r *reader) hello(field string) (m replica.Hello) {
	outer := r.enter(field)
	for r.next("Hello") {
		switch r.num {
		case 1:
			m.Role = narrow[replica.Role](r.varint("Hello.role"))
		case 2:
			m.View = lock.View(r.varint("Hello.view"))
		case 3:
			m.AsPrimary = r.bool("Hello.as_primary")
		case 4:
			m.Pair[0] = replica.NodeID(r.own("Hello.primary"))
		case 5:
			m.Pair[1] = replica.NodeID(r.own("Hello.backup"))
		case 6:
			m.Knows = replica.Incarnation(r.varint("Hello.knows"))
		case 7:
			m.LogView = lock.View(r.varint("Hello.log_view"))
		case 8:
			m.LogIndex = lock.Index(r.varint("Hello.log_index"))
		default:
			r.skip("Hello")
		}
	}
	r.leave(outer)
	return m
}

func appendRefusal(b []byte, num protowire.Number, m replica.Refusal) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, m.Reason)
	b = appendFixed64(b, 2, m.Member)
	return closeMessage(b, start)
}

func (r *reader) refusal(field string) (m replica.Refusal) {
	outer := r.enter(field)
	for r.next("Refusal") {
		switch r.num {
		case 1:
			m.Reason = r.own("Refusal.reason")
		case 2:
			m.Member = replica.MemberID(r.fixed64("Refusal.member"))
		default:
			r.skip("Refusal")
		}
	}
	r.leave(outer)
	return m
}

func appendChunk(b []byte, num protowire.Number, m replica.Chunk) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Base)
	b = appendVarint(b, 3, m.Offset)
	b = appendVarint(b, 4, m.Total)
	b = appendBytes(b, 5, m.Bytes)
	return closeMessage(b, start)
}

func (r *reader) chunk(field string) (m replica.Chunk) {
	outer := r.enter(field)
	for r.next("Chunk") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Chunk.view"))
		case 2:
			m.Base = lock.Index(r.varint("Chunk.base"))
		case 3:
			m.Offset = r.varint("Chunk.offset")
		case 4:
			m.Total = r.varint("Chunk.total")
		case 5:
			m.Bytes = r.bytes("Chunk.bytes")
		default:
			r.skip("Chunk")
		}
	}
	r.leave(outer)
	return m
}

func appendTail(b []byte, num protowire.Number, m replica.Tail) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Base)
	for i := range m.Entries {
		b = appendEntry(b, 3, &m.Entries[i])
	}
	return closeMessage(b, start)
}

func (r *reader) tail(field string) (m replica.Tail) {
	outer := r.enter(field)
	for r.next("Tail") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Tail.view"))
		case 2:
			m.Base = lock.Index(r.varint("Tail.base"))
		case 3:
			r.entry("Tail.entries", more(r, &m.Entries))
		default:
			r.skip("Tail")
		}
	}
	r.leave(outer)
	return m
}

func appendReport(b []byte, num protowire.Number, m replica.Report) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Highest)
	b = appendVarint(b, 3, m.Base)
	b = appendVarint(b, 4, m.Offset)
	b = appendBool(b, 5, m.Installed)
	b = appendFixed64(b, 6, m.Digest)
	b = appendVarint(b, 7, m.Index)
	return closeMessage(b, start)
}

func (r *reader) report(field string) (m replica.Report) {
	outer := r.enter(field)
	for r.next("Report") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Report.view"))
		case 2:
			m.Highest = lock.View(r.varint("Report.highest"))
		case 3:
			m.Base = lock.Index(r.varint("Report.base"))
		case 4:
			m.Offset = r.varint("Report.offset")
		case 5:
			m.Installed = r.bool("Report.installed")
		case 6:
			m.Digest = lock.Digest(r.fixed64("Report.digest"))
		case 7:
			m.Index = lock.Index(r.varint("Report.index"))
		default:
			r.skip("Report")
		}
	}
	r.leave(outer)
	return m
}

func appendStart(b []byte, num protowire.Number, m replica.Start) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Index)
	b = appendFixed64(b, 3, m.Cluster)
	b = appendBool(b, 4, m.Founding)
	return closeMessage(b, start)
}

func (r *reader) startMessage(field string) (m replica.Start) {
	outer := r.enter(field)
	for r.next("Start") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Start.view"))
		case 2:
			m.Index = lock.Index(r.varint("Start.index"))
		case 3:
			m.Cluster = replica.ClusterID(r.fixed64("Start.cluster"))
		case 4:
			m.Founding = r.bool("Start.founding")
		default:
			r.skip("Start")
		}
	}
	r.leave(outer)
	return m
}
