package quorum

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/replica"
)

// instruct answers an operator's order, once, in this step. An order is repeated
// until it is done, so each answer says where things stand and takes the next
// step if there is one to take.
func (q *Quorum) instruct(e replica.Instruct) {
	answer := replica.Ordered{Kind: replica.Executed}
	switch {
	case e.Order.Kind == replica.Bootstrap:
		answer.Outcome, answer.Text = q.orderBootstrap(e)
	case !q.ready():
		answer.Kind, answer.Hint = replica.NotPrimary, q.hint()
		if answer.Hint == "" {
			answer.Kind = replica.NoQuorum
		}
	case e.Order.Kind == replica.AddMember:
		answer.Outcome, answer.Text = q.orderAdd(e.Order)
	case e.Order.Kind == replica.RemoveMember:
		answer.Outcome, answer.Text = q.orderRemove(e.Order)
	case e.Order.Kind == replica.SwitchOver:
		answer.Outcome, answer.Text = q.orderSwitch(e.Order)
	default:
		answer.Outcome, answer.Text = replica.OrderRefused, "this node does not know that order: it has an older version"
	}
	if answer.Outcome == replica.OrderDone && e.Order.Kind != replica.Bootstrap && !q.sure(e.Order) {
		answer.Outcome, answer.Text = working("%s; making sure", answer.Text)
	}
	answer.ID = e.ID
	q.out = append(q.out, replica.Instructed{Ordered: answer})
}

// maxProofs bounds of how many orders it is remembered since when they seem done.
const maxProofs = 64

// sure reports whether this node has reigned since an order first seemed done here:
// an entry that it has proposed after that, of nothing, is applied. What a primary
// of yesterday sees may long be otherwise.
func (q *Quorum) sure(o replica.Order) bool {
	since, known := q.proofs[o]
	if !known || since.term != q.engine.term {
		if q.node.Propose(nil) != nil {
			return false // it is tried again
		}
		q.drain()
		if len(q.proofs) >= maxProofs || q.proofs == nil {
			q.proofs = map[replica.Order]place{}
		}
		since = place{q.tail, q.engine.term}
		q.proofs[o] = since
	}
	if !q.ready() || q.applied < since.index {
		return false
	}
	delete(q.proofs, o)
	return true
}

func working(format string, v ...any) (replica.OrderOutcome, string) {
	return replica.OrderWorking, fmt.Sprintf(format, v...)
}

func done(format string, v ...any) (replica.OrderOutcome, string) {
	return replica.OrderDone, fmt.Sprintf(format, v...)
}

func refused(format string, v ...any) (replica.OrderOutcome, string) {
	return replica.OrderRefused, fmt.Sprintf(format, v...)
}

// busy says which change is under way, other than one of a given name.
func (q *Quorum) busy(but string) string {
	if h := q.handover; h != nil {
		return "handing over to " + q.nameOf(h.target)
	}
	for _, m := range q.roster.members {
		if !m.Voter && m.Name != but {
			return "taking in " + m.Name
		}
	}
	if q.changing() && !q.changingOnly(but) {
		return "the members are being changed"
	}
	return ""
}

// changingOnly reports whether the change that is not over is about a newcomer
// of that name.
func (q *Quorum) changingOnly(name string) bool {
	return q.adding != "" && q.adding == name
}

// inherited reports whether a change is not over that no order to this primary has
// begun: it may be the very one that is wanted.
func (q *Quorum) inherited() bool { return q.changing() && q.adding == "" && q.removing == "" }

const inheritedText = "a change of the members that an earlier primary began is not over"

func (q *Quorum) orderAdd(o replica.Order) (replica.OrderOutcome, string) {
	named := q.named(o.Name)
	if named != nil && named.Address == o.Address {
		if named.Voter {
			return done("%s is a member", o.Name)
		}
		return working("%s copies: it has %d of %d entries", o.Name, q.matches()[named.ID], q.engine.commit)
	}
	if named != nil {
		return refused("%s is a member at %s already: remove that one first, or choose another name", o.Name, named.Address)
	}
	if i := slices.IndexFunc(q.roster.members, func(m replica.Member) bool { return m.Address == o.Address }); i >= 0 {
		return refused("%s is the address of %s", o.Address, q.roster.members[i].Name)
	}
	if q.inherited() {
		return working(inheritedText)
	}
	if q.changing() && q.changingOnly(o.Name) {
		return working("taking in %s", o.Name)
	}
	if other := q.busy(o.Name); other != "" {
		return refused("another change is under way: %s", other)
	}
	s := q.seekers[o.Address]
	if s == nil || q.ticks-s.at > 2*uint64(q.cfg.ElectionTicks) {
		return refused("no new node is heard from %s; start it there with: lockd node -name %s -listen %s -peers %s",
			o.Address, o.Name, o.Address, q.peersFor(o))
	}
	if s.Name != o.Name {
		return refused("the node at %s was started as %s, not as %s", o.Address, s.Name, o.Name)
	}
	q.adding, q.removing = o.Name, ""
	newcomer := replica.Member{ID: s.Member, Name: o.Name, Address: o.Address, Quiet: s.Quiet || o.Quiet}
	q.proposeChange([]*raftpb.ConfChangeSingle{change(raftpb.ConfChangeAddLearnerNode, newcomer.ID)}, newcomer)
	return working("taking in %s", o.Name)
}

// named returns the member of a name; of a node that comes back without its log,
// the one that counts.
func (q *Quorum) named(name string) *replica.Member {
	var found *replica.Member
	for i := range q.roster.members {
		if m := &q.roster.members[i]; m.Name == name && (found == nil || m.Voter) {
			found = m
		}
	}
	return found
}

func (q *Quorum) peersFor(o replica.Order) string {
	var peers []replica.Peer
	for _, m := range q.roster.members {
		if m.Voter {
			peers = append(peers, replica.Peer{Name: m.Name, Address: m.Address})
		}
	}
	peers = append(sortedPeers(peers), replica.Peer{Name: o.Name, Address: o.Address})
	return peersText(peers)
}

func (q *Quorum) orderRemove(o replica.Order) (replica.OrderOutcome, string) {
	m := q.named(o.Name)
	switch {
	case q.inherited():
		return working(inheritedText)
	case m == nil && !q.mayGo():
		return working("%s is no member; leave it on until a majority of the others knows that", o.Name)
	case m == nil:
		return done("%s is no member", o.Name)
	}
	if q.removing == o.Name && q.changing() {
		return working("removing %s", o.Name)
	}
	if other := q.busy(o.Name); other != "" {
		return refused("another change is under way: %s", other)
	}
	if q.changing() {
		return refused("another change is under way: taking in %s", o.Name)
	}
	if text := q.costOf(o.Name); text != "" {
		return refused("%s", text)
	}
	if m.ID == q.member {
		if !q.handOver(q.heir(), "it is being removed") {
			return refused("%s is the primary, and no other node is fit to take over", o.Name)
		}
		return working("%s is the primary: handing over to %s first", o.Name, q.nameOf(q.handover.target))
	}
	var changes []*raftpb.ConfChangeSingle
	for _, m := range q.roster.members {
		if m.Name == o.Name {
			changes = append(changes, change(raftpb.ConfChangeRemoveNode, m.ID))
		}
	}
	q.removing, q.adding = o.Name, ""
	q.proposeChange(changes)
	return working("removing %s", o.Name)
}

// costOf says why the others could not do without a member: of those voters who
// would be left, a majority must be there.
func (q *Quorum) costOf(name string) string {
	left, there := 0, 0
	for _, m := range q.roster.members {
		if m.Voter && m.Name != name {
			left++
			if q.isThere(m, q.cfg.ElectionTicks) {
				there++
			}
		}
	}
	switch {
	case left == 0:
		return fmt.Sprintf("%s is the only voter", name)
	case there <= left/2:
		return fmt.Sprintf("without %s only %d of %d nodes would be there, which is no majority; start the others first", name, there, left)
	default:
		return ""
	}
}

func (q *Quorum) orderSwitch(o replica.Order) (replica.OrderOutcome, string) {
	i := slices.IndexFunc(q.roster.members, func(m replica.Member) bool {
		return (o.Name == "" || m.Name == o.Name) && (o.Address == "" || m.Address == o.Address) && m.Voter
	})
	if i < 0 || o.Name == "" && o.Address == "" {
		return refused("there is no member %s%s that counts for a majority", o.Name, o.Address)
	}
	m := q.roster.members[i]
	if h := q.handover; h != nil && h.target == m.ID {
		return working("handing over to %s", m.Name)
	}
	switch {
	case m.ID == q.member:
		return done("%s is the primary", m.Name)
	case m.Quiet:
		return refused("%s is quiet: it serves nobody", m.Name)
	case !q.isThere(m, q.cfg.ElectionTicks/2):
		return refused("%s is not heard", m.Name)
	}
	if other := q.busy(""); other != "" {
		return refused("another change is under way: %s", other)
	}
	q.handOver(m.ID, "an operator wants it")
	return working("handing over to %s", m.Name)
}
