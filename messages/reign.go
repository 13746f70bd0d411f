package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

func appendReign(b []byte, num protowire.Number, reign *muster.Reign) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, reign.View)
	b = appendBytes(b, 2, reign.Primary)
	b = appendBytes(b, 3, reign.Name)
	b = appendVarint(b, 4, reign.Began)
	b = appendVarint(b, 5, reign.Idle)
	b = appendVarint(b, 6, reign.Why)
	return closeMessage(b, start)
}

func (r *reader) reign(field string, reign *muster.Reign) {
	outer := r.enter(field)
	for r.next("Reign") {
		switch r.num {
		case 1:
			reign.View = lock.View(r.varint("Reign.view"))
		case 2:
			reign.Primary = replica.NodeID(r.own("Reign.primary"))
		case 3:
			reign.Name = r.own("Reign.name")
		case 4:
			reign.Began = lock.Millis(r.varint("Reign.began"))
		case 5:
			reign.Idle = lock.Millis(r.varint("Reign.idle"))
		case 6:
			reign.Why = narrow[muster.Why](r.varint("Reign.why"))
		default:
			r.skip("Reign")
		}
	}
	r.leave(outer)
}

func sizeOfReigns(reigns []muster.Reign) (size int) {
	for i := range reigns {
		size += smallSize + len(reigns[i].Primary) + len(reigns[i].Name)
	}
	return size
}
