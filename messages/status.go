package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

func appendStatusQuery(b []byte, num protowire.Number, client ClientID) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, client)
	return closeMessage(b, start)
}

func (r *reader) statusQuery(field string, client *ClientID) {
	outer := r.enter(field)
	for r.next("StatusQuery") {
		switch r.num {
		case 1:
			*client = r.client("StatusQuery.client")
		default:
			r.skip("StatusQuery")
		}
	}
	r.leave(outer)
}

func appendStatusReport(b []byte, num protowire.Number, report *StatusReport) []byte {
	s := &report.Status
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, report.Client)
	b = appendBytes(b, 2, s.Node)
	b = appendVarint(b, 3, s.Role)
	b = appendVarint(b, 4, s.View)
	b = appendVarint(b, 5, s.Index)
	b = appendBytes(b, 6, s.Peer)
	b = appendBool(b, 7, s.Paired)
	b = appendBool(b, 8, s.Heard)
	b = appendVarint(b, 9, s.HeardAgo)
	b = appendVarint(b, 10, s.TickMS)
	b = appendFixed64(b, 11, s.Cluster)
	return closeMessage(b, start)
}

func (r *reader) statusReport(field string, report *StatusReport) {
	s := &report.Status
	outer := r.enter(field)
	for r.next("StatusReport") {
		switch r.num {
		case 1:
			report.Client = r.client("StatusReport.client")
		case 2:
			s.Node = replica.NodeID(r.own("StatusReport.node"))
		case 3:
			s.Role = narrow[replica.Role](r.varint("StatusReport.role"))
		case 4:
			s.View = lock.View(r.varint("StatusReport.view"))
		case 5:
			s.Index = lock.Index(r.varint("StatusReport.index"))
		case 6:
			s.Peer = replica.NodeID(r.own("StatusReport.peer"))
		case 7:
			s.Paired = r.bool("StatusReport.paired")
		case 8:
			s.Heard = r.bool("StatusReport.heard")
		case 9:
			s.HeardAgo = r.varint("StatusReport.heard_ago")
		case 10:
			s.TickMS = r.varint("StatusReport.tick_ms")
		case 11:
			s.Cluster = replica.ClusterID(r.fixed64("StatusReport.cluster"))
		default:
			r.skip("StatusReport")
		}
	}
	r.leave(outer)
}
