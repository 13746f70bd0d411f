package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
)

// The record stands in snapshots and in reports alike. All strings in it are
// their own.

func appendRecord(b []byte, num protowire.Number, v *lock.Record) []byte {
	b, start := openMessage(b, num)
	b = appendBool(b, 1, v.Whole)
	b = appendVarint(b, 2, v.Forgot)
	for i := range v.Parties {
		b = appendParty(b, 3, &v.Parties[i])
	}
	for i := range v.Tenures {
		b = appendTenure(b, 4, &v.Tenures[i])
	}
	return closeMessage(b, start)
}

// record takes the last of several: to put pieces together would cost whoever sends
// them too little (W4).
func (r *reader) record(field string, record **lock.Record) {
	v := new(lock.Record)
	*record = v
	outer := r.enter(field)
	for r.next("Record") {
		switch r.num {
		case 1:
			v.Whole = r.bool("Record.whole")
		case 2:
			v.Forgot = lock.Millis(r.varint("Record.forgot"))
		case 3:
			r.party("Record.parties", more(r, &v.Parties))
		case 4:
			r.tenure("Record.tenures", more(r, &v.Tenures))
		default:
			r.skip("Record")
		}
	}
	r.leave(outer)
}

func appendParty(b []byte, num protowire.Number, p *lock.Party) []byte {
	b, start := openMessage(b, num)
	b = appendFixed64(b, 1, p.ID)
	b = appendBytes(b, 2, p.Info)
	return closeMessage(b, start)
}

func (r *reader) party(field string, p *lock.Party) {
	outer := r.enter(field)
	for r.next("Party") {
		switch r.num {
		case 1:
			p.ID = lock.SessionID(r.fixed64("Party.id"))
		case 2:
			p.Info = lock.Info(r.own("Party.info"))
		default:
			r.skip("Party")
		}
	}
	r.leave(outer)
}

func appendTenure(b []byte, num protowire.Number, v *lock.Tenure) []byte {
	b, start := openMessage(b, num)
	b = appendBytes(b, 1, v.Name)
	b = appendFixed64(b, 2, v.Token)
	b = appendFixed64(b, 3, v.Session)
	b = appendVarint(b, 4, v.Mode)
	b = appendVarint(b, 5, v.Permits)
	b = appendVarint(b, 6, v.Of)
	b = appendVarint(b, 7, v.Since)
	b = appendVarint(b, 8, v.Until)
	b = appendVarint(b, 9, v.Waited)
	b = appendVarint(b, 10, v.How)
	b = appendBytes(b, 11, v.Info)
	b = appendFixed64(b, 12, v.By)
	b = appendBytes(b, 13, v.Reason)
	b = appendVarint(b, 14, v.Forgot)
	return closeMessage(b, start)
}

func (r *reader) tenure(field string, v *lock.Tenure) {
	outer := r.enter(field)
	for r.next("Tenure") {
		switch r.num {
		case 1:
			v.Name = r.own("Tenure.name")
		case 2:
			v.Token = lock.Token(r.fixed64("Tenure.token"))
		case 3:
			v.Session = lock.SessionID(r.fixed64("Tenure.session"))
		case 4:
			v.Mode = narrow[lock.Mode](r.varint("Tenure.mode"))
		case 5:
			v.Permits = narrow[uint32](r.varint("Tenure.permits"))
		case 6:
			v.Of = narrow[uint32](r.varint("Tenure.of"))
		case 7:
			v.Since = lock.Millis(r.varint("Tenure.since"))
		case 8:
			v.Until = lock.Millis(r.varint("Tenure.until"))
		default:
			r.restOfTenure(v)
		}
	}
	r.leave(outer)
}

func (r *reader) restOfTenure(v *lock.Tenure) {
	switch r.num {
	case 9:
		v.Waited = lock.Millis(r.varint("Tenure.waited"))
	case 10:
		v.How = narrow[lock.EventKind](r.varint("Tenure.how"))
	case 11:
		v.Info = lock.Info(r.own("Tenure.info"))
	case 12:
		v.By = lock.SessionID(r.fixed64("Tenure.by"))
	case 13:
		v.Reason = r.own("Tenure.reason")
	case 14:
		v.Forgot = lock.Millis(r.varint("Tenure.forgot"))
	default:
		r.skip("Tenure")
	}
}
