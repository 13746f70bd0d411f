package remote

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

// doorName is the one target that a frame may have.
const doorName = "door"

// What the door hears from its own process, besides what a transport sends.
type (
	tell     struct{ event any }               // to be passed on to the local actors
	toSelf   struct{ parcel *messages.Parcel } // an actor's mail to its own process
	released struct{}                          // Hold has ended
	delayed  struct {
		message any
		sender  string
	} // kept while held
)

// door is where everything arrives. It checks each frame, unpacks it, delivers,
// and holds nothing. It runs on the goroutine that read the frame, so it must
// never wait.
type door struct {
	process *Process
	streams map[string]*stream
	kept    []delayed
}

func newDoor(p *Process) *door { return &door{process: p, streams: map[string]*stream{}} }

func (d *door) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Stopped:
	case released:
		d.release(ctx)
	default:
		sender := ""
		if pid := ctx.Sender(); pid != nil {
			sender = pid.GetId()
		}
		if d.process.held() || len(d.kept) > 0 {
			d.kept = append(d.kept, delayed{m, sender})
			return
		}
		d.handle(ctx, m, sender)
	}
}

// release handles what arrived while the process was held, in order.
func (d *door) release(ctx actor.Context) {
	kept := d.kept
	d.kept = nil
	for i, k := range kept {
		if d.process.held() {
			d.kept = kept[i:]
			return
		}
		d.handle(ctx, k.message, k.sender)
	}
}

func (d *door) handle(ctx actor.Context, message any, sender string) {
	if d.process.silent() {
		return
	}
	switch m := message.(type) {
	case *messages.Frame:
		d.process.traffic.In(len(m.GetBody()))
		if s := d.streams[sender]; s != nil {
			d.frame(ctx, s, m)
		}
	case streamOpened:
		d.streams[m.stream.name] = m.stream
	case streamEnded:
		d.ended(ctx, m.stream)
	case tell:
		d.tell(ctx, m.event)
	case toSelf:
		d.deliver(ctx, d.process.address, "", m.parcel)
	default:
		d.process.log.Error("the door got a message that it does not know", "type", typeName(m))
	}
}

// frame lets a frame pass only if it is what it claims to be (N1).
func (d *door) frame(ctx actor.Context, s *stream, f *messages.Frame) {
	if replica.NodeID(f.GetFrom()) != s.address || f.GetFromIncarnation() == 0 {
		d.refuse("sender is not the stream's", s, f)
		return
	}
	n, current := d.proven(s, f)
	if n == nil {
		// A knock may return what a former life of this process has sent.
		if f.GetProof() != 0 && f.GetToIncarnation() != 0 {
			d.refuse("wrong proof", s, f)
		}
		d.answerStranger(f)
		return
	}
	if d.isAlias(s, n, f) {
		n, current = s.neighbour, false
	}
	if s.client && n.configured.Load() {
		d.refuse(errNode.Error(), s, f)
		return
	}
	if !d.introduce(s, n, f) {
		d.refuse("another life on the same stream", s, f)
		return
	}
	if !d.process.reads(f.GetVersion()) {
		d.incompatible(ctx, n, f)
		return
	}
	if f.GetTable() != "" {
		d.refuse("unknown lock table", s, f)
		d.refuseTo(n, f, fmt.Sprintf("%s serves only the default lock table, not %q", d.process.address, f.GetTable()))
		return
	}
	former := f.GetToIncarnation() != 0 && replica.Incarnation(f.GetToIncarnation()) != d.process.cfg.Incarnation
	news := n.hear(f, s, current, d.process.now())
	if news.stale {
		d.refuse("from a former life of the sender", s, f)
		return
	}
	if news.wake {
		ctx.Send(n.link, heard{})
	}
	if former || f.GetToIncarnation() == 0 {
		d.process.transmit(n.name, d.answer(n, f))
	}
	if former {
		d.refuse("for a former life of this process", s, f)
		return
	}
	d.open(ctx, s, n, f)
}

// proven finds the neighbour whose challenge the frame returns. A node that is
// configured under another name than its own is known by the configured one.
func (d *door) proven(s *stream, f *messages.Frame) (n *neighbour, current bool) {
	p, proof := d.process, f.GetProof()
	if proof == 0 {
		return nil, false
	}
	if s.neighbour != nil {
		if good, current := s.neighbour.expects(proof); good {
			return s.neighbour, current
		}
	}
	if n := p.neighbour(s.address); n != nil {
		if good, current := n.expects(proof); good {
			return n, current
		}
	} else if proof == p.secret.challenge(s.address, 0) {
		return p.meet(s.address), true
	}
	for _, node := range p.circle.Load().nodes {
		if n := p.neighbour(node); n != nil {
			if good, current := n.expects(proof); good {
				return n, current
			}
		}
	}
	return nil, false
}

// isAlias reports whether the node of a stream goes by another name too, which
// somebody here has asked for it by: each frame returns the number that it was
// sent last, by whichever name. What it says counts under the first one.
func (d *door) isAlias(s *stream, n *neighbour, f *messages.Frame) bool {
	return s.neighbour != nil && s.neighbour != n && s.incarnation == replica.Incarnation(f.GetFromIncarnation())
}

// introduce binds a stream to the neighbour and the life that it has proven.
func (d *door) introduce(s *stream, n *neighbour, f *messages.Frame) bool {
	life := replica.Incarnation(f.GetFromIncarnation())
	if s.neighbour != nil {
		return s.neighbour == n && s.incarnation == life
	}
	s.neighbour, s.incarnation = n, life
	n.mu.Lock()
	n.streams++
	n.mu.Unlock()
	s.prove()
	return true
}

// answerStranger answers a knock, or a frame with a wrong proof (N2).
func (d *door) answerStranger(f *messages.Frame) {
	p := d.process
	from := replica.NodeID(f.GetFrom())
	if checkAddress(f.GetFrom()) != nil || !p.strangers.take(from, p.configured(from)) {
		return
	}
	p.transmit(from, d.answer(p.neighbour(from), f))
}

// answer is a bare frame that returns what the other asked for. It carries the
// challenge of the connection there, or of the first one to be.
func (d *door) answer(n *neighbour, f *messages.Frame) *messages.Frame {
	p := d.process
	h := messages.Header{
		Cluster:         replica.ClusterID(p.cluster.Load()),
		From:            p.address,
		To:              replica.NodeID(f.GetFrom()),
		FromIncarnation: p.cfg.Incarnation,
		ToIncarnation:   replica.Incarnation(f.GetFromIncarnation()),
		Version:         messages.OldestVersion,
		Newest:          p.newest(),
		Proof:           f.GetChallenge(),
	}
	if n == nil {
		h.Challenge = p.secret.challenge(h.To, 0)
	} else {
		n.mu.Lock()
		h.Challenge, h.Seen = n.ours, n.handled
		n.mu.Unlock()
	}
	return messages.Encode(h, &messages.Parcel{})
}

// incompatible tells the sender why it is not understood. Of its frame only the
// header and a refusal may be used; two processes that refuse each other say so
// once each, since a refusal is never answered.
func (d *door) incompatible(ctx actor.Context, n *neighbour, f *messages.Frame) {
	if _, parcel, err := messages.Decode(f); err == nil && parcel.Refused != "" {
		d.refused(ctx, n.name, parcel.Refused)
		return
	}
	d.refuse("incompatible version", &stream{address: n.name}, f)
	d.refuseTo(n, f, fmt.Sprintf("%s speaks versions %d to %d of the protocol, and %s speaks version %d: run versions that go together",
		d.process.address, messages.OldestVersion, d.process.cfg.Version, n.name, f.GetVersion()))
}

func (d *door) refuseTo(n *neighbour, f *messages.Frame, reason string) {
	if !d.process.strangers.take(n.name, true) {
		return
	}
	answer := d.answer(n, f)
	h, _, _ := messages.Decode(answer)
	d.process.transmit(n.name, messages.Encode(h, &messages.Parcel{Refused: reason}))
}

// open unpacks a frame that may pass.
func (d *door) open(ctx actor.Context, s *stream, n *neighbour, f *messages.Frame) {
	if len(f.GetBody()) == 0 {
		return
	}
	_, parcel, err := messages.Decode(f)
	if err != nil {
		d.refuse("malformed parcel", s, f)
		return
	}
	if s.client && (len(parcel.Pair) > 0 || hasReplies(&parcel) || parcel.Refused != "") {
		d.refuse("a client speaks as a node", s, f)
		return
	}
	if admit := d.process.cfg.Admit; s.client && admit != nil {
		if err := admit(s.principal, n.name); err != nil {
			d.refuse("client without the right", s, f)
			d.refuseTo(n, f, NotAdmitted+err.Error())
			return
		}
	}
	if len(parcel.Pair) > 0 {
		d.pair(ctx, s, n, f, &parcel)
	}
	d.deliver(ctx, n.name, s.principal, &parcel)
}

// pair hands protocol messages to the replicator. Only friends have a say there;
// a stranger may introduce itself, so that it can be taken in, or told that it is
// not one of them.
func (d *door) pair(ctx actor.Context, s *stream, n *neighbour, f *messages.Frame, p *messages.Parcel) {
	_, replicator := d.process.served()
	if replicator == nil {
		return
	}
	pair := p.Pair
	if !d.process.friend(n.name) {
		if pair = introductions(pair); len(pair) < len(p.Pair) {
			d.refuse("protocol message of a stranger", s, f)
		}
	}
	if len(pair) == 0 {
		return
	}
	ctx.Send(replicator, &actors.FromPeer{
		From:          n.name,
		Incarnation:   s.incarnation,
		Cluster:       replica.ClusterID(f.GetCluster()),
		NewConnection: !s.announced,
		Messages:      pair,
	})
	s.announced = true
}

func introductions(pair []replica.Message) (some []replica.Message) {
	for _, m := range pair {
		switch m.(type) {
		case replica.Hello, replica.Seek:
			some = append(some, m)
		}
	}
	return some
}

// deliver hands the rest of a parcel to the actors that it is for. By is whose
// certificate its sender has shown.
func (d *door) deliver(ctx actor.Context, from replica.NodeID, by string, p *messages.Parcel) {
	lockTable, replicator := d.process.served()
	if len(p.Requests) > 0 && lockTable != nil {
		ctx.Send(lockTable, &actors.FromClients{From: from, By: by, Peer: d.isPeer(from), Requests: p.Requests, Traces: p.Traces})
	}
	if len(p.Queries) > 0 && lockTable != nil {
		ctx.Send(lockTable, &actors.QueriesFromClients{From: from, Queries: p.Queries})
	}
	if replicator != nil {
		for _, client := range p.StatusQueries {
			ctx.Send(replicator, &actors.StatusAsked{From: from, Client: client})
		}
		for _, client := range p.MemberQueries {
			ctx.Send(replicator, &actors.MembersAsked{From: from, Client: client})
		}
		if len(p.Orders) > 0 {
			ctx.Send(replicator, &actors.OrdersFromClients{From: from, By: by, Orders: p.Orders})
		}
	}
	if p.Refused != "" {
		d.refused(ctx, from, p.Refused)
	}
	// Only who was asked may answer.
	if hasReplies(p) && d.process.hasAsked(from) {
		d.replies(ctx, from, p)
	}
}

// isPeer reports whether an address is a node's of this cluster, which may be this
// one.
func (d *door) isPeer(address replica.NodeID) bool {
	return address == d.process.address || d.process.friend(address)
}

// refused passes on that a node will not talk to us. Nobody else's word counts.
func (d *door) refused(ctx actor.Context, from replica.NodeID, reason string) {
	if !d.process.configured(from) {
		return
	}
	d.process.log.Warn("refused by a node", "node", string(from), "reason", reason)
	d.tell(ctx, &actors.RefusedByNode{From: from, Reason: reason})
}

// ended closes a stream. Its last frame was handled before: both came from the
// goroutine that read it.
func (d *door) ended(ctx actor.Context, s *stream) {
	if d.streams[s.name] != s {
		return
	}
	delete(d.streams, s.name)
	n := s.neighbour
	if n == nil {
		return
	}
	n.mu.Lock()
	n.streams--
	more := n.streams > 0 && n.incarnation == s.incarnation
	n.mu.Unlock()
	// While another stream of that life stands, the life goes on.
	if !more && d.process.friend(n.name) {
		d.tell(ctx, &actors.StreamEnded{From: n.name, Incarnation: s.incarnation})
	}
}

// tell passes an event on to whom it concerns: what is about a friend to the
// replicator, and what is about a node to every client.
func (d *door) tell(ctx actor.Context, event any) {
	var about replica.NodeID
	forClients := true
	switch e := event.(type) {
	case *actors.LinkUp:
		about = e.Node
	case *actors.LinkDown:
		about = e.Node
	case *actors.DialRefused:
		about = e.Node
	case *actors.RefusedByNode:
		about = e.From
	case *actors.StreamEnded:
		about, forClients = e.From, false
	}
	if !d.process.configured(about) {
		return
	}
	if _, replicator := d.process.served(); replicator != nil && d.process.friend(about) {
		ctx.Send(replicator, event)
	}
	if forClients {
		for _, pid := range d.process.everyClient() {
			ctx.Send(pid, event)
		}
	}
}

func (d *door) refuse(reason string, s *stream, f *messages.Frame) {
	d.process.refusals.count(reason, fmt.Sprintf("stream of %.64q, frame from %.64q", s.address, f.GetFrom()))
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
