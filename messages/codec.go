package messages

import "lockstep/replica"

// Encode packs a parcel into a frame.
func Encode(h Header, p *Parcel) *Frame {
	return &Frame{
		Cluster:         uint64(h.Cluster),
		Table:           h.Table,
		From:            string(h.From),
		To:              string(h.To),
		FromIncarnation: uint64(h.FromIncarnation),
		ToIncarnation:   uint64(h.ToIncarnation),
		Version:         h.Version,
		Newest:          h.Newest,
		Proof:           h.Proof,
		Challenge:       h.Challenge,
		Seq:             h.Seq,
		Seen:            h.Seen,
		Body:            appendParcel(make([]byte, 0, p.Size()), p),
	}
}

// Decode unpacks a frame. The header is good even if the body is not, so that
// the sender can be told; the parcel is empty then. The frame's body must not
// change any more: byte slices in the parcel are pieces of it. All lock names
// are pieces of one string, which lives as long as any of them does.
func Decode(f *Frame) (Header, Parcel, error) {
	r := newReader(f.GetBody())
	var p Parcel
	r.parcel(&p)
	if r.err != nil {
		p = Parcel{}
	}
	return header(f), p, r.err
}

func header(f *Frame) Header {
	return Header{
		Cluster:         replica.ClusterID(f.GetCluster()),
		Table:           f.GetTable(),
		From:            replica.NodeID(f.GetFrom()),
		To:              replica.NodeID(f.GetTo()),
		FromIncarnation: replica.Incarnation(f.GetFromIncarnation()),
		ToIncarnation:   replica.Incarnation(f.GetToIncarnation()),
		Version:         f.GetVersion(),
		Newest:          f.GetNewest(),
		Proof:           f.GetProof(),
		Challenge:       f.GetChallenge(),
		Seq:             f.GetSeq(),
		Seen:            f.GetSeen(),
	}
}
