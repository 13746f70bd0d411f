package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// A StatusQuery and a MemberQuery have the same single field.
func appendOnlyClient(b []byte, num protowire.Number, client ClientID) []byte {
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

func (r *reader) memberQuery(field string, client *ClientID) {
	outer := r.enter(field)
	for r.next("MemberQuery") {
		switch r.num {
		case 1:
			*client = r.client("MemberQuery.client")
		default:
			r.skip("MemberQuery")
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
	b = appendBytes(b, 12, s.Name)
	b = appendBool(b, 13, s.Quorum)
	b = appendBool(b, 14, s.Durable)
	for i := range s.Members {
		b = appendMemberStatus(b, 15, &s.Members[i])
	}
	b = appendVarint(b, 16, s.First)
	b = appendVarint(b, 17, s.Last)
	b = appendVarint(b, 18, s.Committed)
	b = appendVarint(b, 19, s.DiskBytes)
	for i := range report.Reigns {
		b = appendReign(b, 20, &report.Reigns[i])
	}
	return closeMessage(b, start)
}

// statusReports reads one of a parcel's status reports; there may not be more of
// them than of the other reports.
func (r *reader) statusReports(p *Parcel) {
	if p.StatusReports == nil && r.count() > maxReports {
		r.fail("Parcel.status_reports", errReports)
		return
	}
	r.statusReport("Parcel.status_reports", more(r, &p.StatusReports))
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
			r.restOfStatus(report)
		}
	}
	r.leave(outer)
}

// restOfStatus reads what version 3 added.
func (r *reader) restOfStatus(report *StatusReport) {
	s := &report.Status
	switch r.num {
	case 12:
		s.Name = r.own("StatusReport.name")
	case 13:
		s.Quorum = r.bool("StatusReport.quorum")
	case 14:
		s.Durable = r.bool("StatusReport.durable")
	case 15:
		r.memberStatus("StatusReport.members", more(r, &s.Members))
	case 16:
		s.First = r.varint("StatusReport.first")
	case 17:
		s.Last = r.varint("StatusReport.last")
	case 18:
		s.Committed = r.varint("StatusReport.committed")
	case 19:
		s.DiskBytes = r.varint("StatusReport.disk_bytes")
	case 20:
		r.reign("StatusReport.reigns", more(r, &report.Reigns))
	default:
		r.skip("StatusReport")
	}
}

func appendMemberStatus(b []byte, num protowire.Number, s *replica.MemberStatus) []byte {
	b, start := openMessage(b, num)
	b = appendMember(b, 1, &s.Member)
	b = appendVarint(b, 2, s.Role)
	b = appendVarint(b, 3, s.Match)
	b = appendBool(b, 4, s.Heard)
	b = appendVarint(b, 5, s.HeardAgo)
	return closeMessage(b, start)
}

func (r *reader) memberStatus(field string, s *replica.MemberStatus) {
	outer := r.enter(field)
	for r.next("MemberStatus") {
		switch r.num {
		case 1:
			r.member("MemberStatus.member", &s.Member)
		case 2:
			s.Role = narrow[replica.Role](r.varint("MemberStatus.role"))
		case 3:
			s.Match = r.varint("MemberStatus.match")
		case 4:
			s.Heard = r.bool("MemberStatus.heard")
		case 5:
			s.HeardAgo = r.varint("MemberStatus.heard_ago")
		default:
			r.skip("MemberStatus")
		}
	}
	r.leave(outer)
}
