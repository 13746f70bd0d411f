package messages

import "google.golang.org/protobuf/encoding/protowire"

func appendTrace(b []byte, num protowire.Number, t *Trace) []byte {
	b, start := openMessage(b, num)
	b = appendRequestID(b, 1, &t.Request)
	b = appendBytes(b, 2, t.Parent)
	return closeMessage(b, start)
}

func (r *reader) trace(field string, t *Trace) {
	outer := r.enter(field)
	for r.next("Trace") {
		switch r.num {
		case 1:
			r.requestID("Trace.request", &t.Request)
		case 2:
			t.Parent = r.own("Trace.parent")
		default:
			r.skip("Trace")
		}
	}
	r.leave(outer)
}
