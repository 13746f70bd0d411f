package replica

import (
	"cmp"
	"fmt"
	"slices"

	"lockstep/lock"
)

// A pair becomes a quorum while its clients run: an operator has a third node
// taken in (AddMember). The quorum's log begins with the state that both nodes of
// the pair have after one entry, and all three vote from its first moment: any two
// of them are a majority, so that nobody has to be there who had not to be before.
//
//	PRIMARY                                BACKUP
//	numbers nothing any more, lets what
//	is under way end, takes a snapshot
//	                  Grow(round, m, digest)
//	                                       has m too, and the same digest: it
//	                                       promises not to go on alone
//	                  Grown(round, ready)
//	decides: the identity is on disk
//	first, and then it speaks as a
//	member, in the quorum's id
//	                  the engine's messages
//	                                       learns it, and does the same
//
// The primary decides, alone and once. Until it has, all rules of the pair hold for
// it: it may go on alone, by which nothing comes of the round. Having decided, in
// whatever life, no node is one of the pair again; the identity says so.
//
// The backup that has promised does not know. Silence, a refused connection and a
// new life in another state directory prove nothing, since the primary may have
// decided and serve with the third node. It learns the outcome
//
//   - by a message of the quorum, from whomever: the primary has decided;
//   - by a new life of the primary that is a node of this pair: it had not, since
//     the identity is read before the first word;
//   - by its goodbye: who has decided says none;
//   - by a higher view of the pair, which demotes it like anybody.
//
// If the primary never comes back, an operator has to say what is to happen
// (Bootstrap). A promise is kept in memory only: a backup that starts again goes on
// alone with nobody's copy, and its promise is kept by that.
type growth struct {
	round  uint64
	of     string // PRIMARY: the newcomer that the order is about
	became Became
	digest lock.Digest
	table  []byte
	taking bool // the snapshot was asked for
	before int  // snapshots asked for earlier
	taken  bool
	said   bool // BACKUP: it has promised
}

// grows is what a node knows for the time when it becomes one of a quorum.
type grows struct {
	ticks     uint64
	newcomers map[NodeID]newcomer
	rounds    uint64 // of this life
	backup    MemberID
	life      Incarnation // of the backup that has told it, or is asked
	asked     uint64      // the tick at which it was first asked; zero: it has told
	failed    string      // why the last round came to nothing, until an operator was told
}

// newcomer is a node that seeks a cluster, as it was last heard.
type newcomer struct {
	Seek
	incarnation Incarnation
	at          uint64
}

const (
	// maxNewcomers bounds of how many something is remembered.
	maxNewcomers = 16
	// newcomerTicks is how long one counts as there.
	newcomerTicks = 10
	// growLeap is how far the quorum leaves the views of the pair behind.
	growLeap = foundLeap
)

// onNewcomer remembers a node that would be a member.
func (p *Pair) onNewcomer(e Received, m Seek) {
	g := &p.grows
	for address, n := range g.newcomers {
		if g.ticks-n.at > newcomerTicks {
			delete(g.newcomers, address)
		}
	}
	n, known := g.newcomers[e.From]
	if m.Member == 0 || e.Incarnation < n.incarnation || !known && len(g.newcomers) >= maxNewcomers {
		return
	}
	if g.newcomers == nil {
		g.newcomers = map[NodeID]newcomer{}
	}
	g.newcomers[e.From] = newcomer{m, e.Incarnation, g.ticks}
}

// orderGrow begins to make a quorum of the pair and a newcomer, or says why not.
func (p *Pair) orderGrow(o Order, answer *Ordered) {
	g := &p.grows
	switch {
	case !p.reigns():
		answer.Kind, answer.Hint = NotPrimary, p.hint()
		return
	case p.cfg.Member == 0:
		answer.refuse("%s cannot become a node of a cluster", p.self())
		return
	case p.role == Solo && p.transfer != nil && p.life.ago < uint64(p.suspect.limit):
		answer.work("%s joins, and has no copy yet", p.peer)
		return
	case p.role == Solo:
		answer.refuse("%s is alone, and a cluster begins with what both nodes of the pair have: start %s and wait until it is the backup", p.self(), p.peer)
		return
	case p.passing:
		answer.refuse("another change is under way: handing over to %s", p.peer)
		return
	case p.growth != nil && p.growth.of != o.Name:
		answer.refuse("another change is under way: the pair becomes a cluster, with %s", p.growth.of)
		return
	case p.growth != nil:
		answer.work(becoming, o.Name)
		return
	case g.failed != "":
		answer.refuse("%s", g.failed)
		g.failed = ""
		return
	}
	members, reason := p.quorumWith(o)
	switch {
	case reason != "":
		answer.refuse("%s", reason)
	case p.starting || p.suspect.count > 1:
		answer.work("%s is the backup, and silent at the moment", p.peer)
	case p.view > lock.MaxView-growLeap:
		answer.refuse("view %d is too near to the last one, %d", p.view, lock.MaxView)
	case g.backup == 0 || g.life != p.life.incarnation:
		p.askBackup(answer)
	default:
		p.beginGrowth(o.Name, members)
		answer.work(becoming, o.Name)
	}
}

// askBackup asks whether the backup could be of a quorum, and as which member. One of
// an older version does not answer.
func (p *Pair) askBackup(answer *Ordered) {
	g := &p.grows
	if g.life != p.life.incarnation {
		g.life, g.backup, g.asked = p.life.incarnation, 0, 0
	}
	if g.asked != 0 && g.ticks-g.asked > uint64(p.suspect.limit) {
		g.asked = 0
		answer.refuse("%s does not say whether it can become a node of a cluster: if it runs an older version of lockd, start it with this one", p.peer)
		return
	}
	if g.asked == 0 {
		g.asked = max(g.ticks, 1)
		p.send(Grow{View: p.view})
	}
	answer.work("asking %s whether it can become a node of a cluster", p.peer)
}

// askAgain repeats the question at every tick: either half of it may be lost.
func (p *Pair) askAgain() {
	if g := &p.grows; g.asked != 0 && g.ticks-g.asked <= uint64(p.suspect.limit) && !p.starting {
		p.send(Grow{View: p.view})
	}
}

// quorumWith lists the members that the quorum begins with. The newcomer's own list
// of nodes gives those of the pair their names.
func (p *Pair) quorumWith(o Order) ([]Member, string) {
	n, known := p.grows.newcomers[o.Address]
	if !known || p.grows.ticks-n.at > newcomerTicks {
		return nil, fmt.Sprintf("no new node is heard from %s; start it there with: lockd node -name %s -listen %s -peers %s",
			o.Address, o.Name, o.Address, p.peersWith(o))
	}
	if n.Name != o.Name {
		return nil, fmt.Sprintf("the node at %s was started as %s, not as %s", o.Address, n.Name, o.Name)
	}
	if !n.Fresh {
		return nil, fmt.Sprintf("%s has had a part in another cluster: start it with an empty state directory", o.Name)
	}
	members := []Member{{ID: n.Member, Name: o.Name, Address: o.Address, Voter: true, Quiet: n.Quiet || o.Quiet}}
	for _, node := range []Member{{ID: p.cfg.Member, Address: p.self()}, {ID: p.grows.backup, Address: p.peer}} {
		i := slices.IndexFunc(n.Peers, func(peer Peer) bool { return peer.Address == node.Address })
		if i < 0 || n.Peers[i].Name == "" {
			return nil, fmt.Sprintf("%s was started without %s in its -peers: start it with -peers %s, in which you may name the nodes as you like",
				o.Name, node.Address, p.peersWith(o))
		}
		node.Name, node.Voter = n.Peers[i].Name, true
		members = append(members, node)
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	if members[0].Name == members[1].Name || members[1].Name == members[2].Name || members[0].Name == members[2].Name {
		return nil, fmt.Sprintf("two of the nodes in the -peers of %s have the same name", o.Name)
	}
	return members, ""
}

// peersWith is what the newcomer could be started with.
func (p *Pair) peersWith(o Order) string {
	names := slices.DeleteFunc([]string{"a", "b", "c"}, func(name string) bool { return name == o.Name })
	return fmt.Sprintf("%s=%s,%s=%s,%s=%s", names[0], p.cfg.Pair[0], names[1], p.cfg.Pair[1], o.Name, o.Address)
}

const becoming = "the pair becomes a cluster, with %s"

func (p *Pair) beginGrowth(of string, members []Member) {
	g := &p.grows
	g.rounds++
	p.growth = &growth{round: g.rounds, of: of, became: Became{
		Self: p.cfg.Member, Cluster: p.cfg.NewCluster + ClusterID(2*g.rounds), View: p.view + growLeap, Members: members,
	}}
	p.say(false, fmt.Sprintf("the pair becomes a cluster: %s", peersOf(members)))
	p.grow()
}

func peersOf(members []Member) string {
	text := ""
	for i, m := range members {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s at %s", m.Name, m.Address)
	}
	return text
}

// pausing reports whether nothing is numbered because the pair becomes a quorum.
func (p *Pair) pausing() bool { return p.role == Primary && p.growth != nil }

// promised reports whether this backup must not go on alone before it knows what
// became of the round.
func (p *Pair) promised() bool { return p.role == Backup && p.growth != nil && p.growth.said }

// still reports whether nothing is under way on this node, and nothing of the table
// is asked for.
func (p *Pair) still() bool {
	return p.usable() && p.kept() == p.order.last && p.order.applied == p.order.last && p.installs == 0
}

// grow carries a round on, on the primary.
func (p *Pair) grow() {
	g := p.growth
	if !p.pausing() || p.starting || !p.still() || p.order.acked != p.order.last {
		return
	}
	if !g.taking {
		if p.snapshots == 0 {
			g.became.Index = p.order.last
			p.takeGrowth()
		}
		return
	}
	if g.taken {
		p.send(Grow{
			View: p.view, Round: g.round, Index: g.became.Index, Digest: g.digest,
			Cluster: g.became.Cluster, Begins: g.became.View, Members: g.became.Members,
		})
	}
}

func (p *Pair) takeGrowth() {
	p.growth.taking, p.growth.before = true, p.snapshots
	p.takeSnapshot()
}

// growFrom is the snapshot with which the quorum begins here.
func (p *Pair) growFrom(e SnapshotTaken) {
	g := p.growth
	if g == nil || !g.taking || g.taken {
		return
	}
	if g.before > 0 {
		g.before--
		return
	}
	if p.role == Backup {
		p.promise(e)
		return
	}
	g.taken, g.digest, g.table = true, e.Digest, e.Bytes
	p.grow()
}

// onGrow is the backup's half.
func (p *Pair) onGrow(m Grow) {
	switch {
	case p.role != Backup || p.cfg.Member == 0:
		return
	case m.Round == 0:
		p.send(Grown{View: p.view, Member: p.cfg.Member})
		return
	case p.growth != nil && p.growth.round == m.Round:
		p.sayReady()
		return
	case !slices.ContainsFunc(m.Members, func(one Member) bool { return one.ID == p.cfg.Member && one.Address == p.self() }):
		return // another life was asked
	case p.promised() || m.Index != p.order.last || !p.still() || p.snapshots > 0:
		return // the primary asks again
	}
	p.growth = &growth{round: m.Round, digest: m.Digest, became: Became{
		Self: p.cfg.Member, Cluster: m.Cluster, View: m.Begins, Index: m.Index, Members: m.Members,
	}}
	p.takeGrowth()
}

// promise ends the backup's right to go on alone, if it has what the primary has.
func (p *Pair) promise(e SnapshotTaken) {
	g := p.growth
	if e.Index != g.became.Index || p.order.last != e.Index {
		p.growth = nil // the primary has gone on
		return
	}
	if e.Digest != g.digest {
		p.growth = nil
		reason := fmt.Sprintf("the copies of %s and %s differ at entry %d: start %s again, and it gets a new one", p.self(), p.peer, e.Index, p.self())
		p.say(true, "the pair stays one: "+reason)
		p.send(Grown{View: p.view, Round: g.round, Member: p.cfg.Member, Reason: reason})
		return
	}
	g.taken, g.table, g.said = true, e.Bytes, true
	p.sayReady()
}

// sayReady repeats the promise until the outcome is known.
func (p *Pair) sayReady() {
	if p.promised() {
		p.send(Grown{View: p.view, Round: p.growth.round, Member: p.cfg.Member, Ready: true})
	}
}

// onGrown is the backup's answer: with its promise the primary decides.
func (p *Pair) onGrown(m Grown) {
	if p.role != Primary {
		return
	}
	p.grows.backup, p.grows.life, p.grows.asked = m.Member, p.life.incarnation, 0
	g := p.growth
	if g == nil || g.round != m.Round || !g.taken || !p.usable() {
		return
	}
	if m.Ready {
		p.turn(nil)
		return
	}
	p.growth, p.grows.failed = nil, m.Reason
	p.say(true, "the pair stays one: "+m.Reason)
	p.pump()
}

// turned tells a backup that has promised what became of it. Whatever else is said in
// the quorum's id, or by a life in another state directory, is not for a pair.
func (p *Pair) turned(ev Event) bool {
	if !p.promised() {
		return false
	}
	g := p.growth
	switch e := ev.(type) {
	case Received:
		if e.Cluster != g.became.Cluster {
			return e.From == p.peer && e.Incarnation > p.life.incarnation && e.Cluster != p.cluster
		}
		switch e.Message.(type) {
		case Engine, Found, Seek, Digests:
			p.turn(e)
		}
		return true
	case Instruct:
		if e.Order.Kind != Bootstrap || !e.Order.Force || !p.usable() {
			return false
		}
		p.turn(e)
		return true
	default:
		return false
	}
}

// turn ends the pair's part. Who waits here is told where things stand: what was not
// numbered is not executed.
func (p *Pair) turn(cause Event) {
	if !p.usable() {
		return // what is said again comes again
	}
	g := p.growth
	p.say(false, fmt.Sprintf("the pair is over behind entry %d, and a cluster goes on from there: %s", g.became.Index, peersOf(g.became.Members)))
	p.role = Demoted
	p.life.serving = false
	p.dropRole("")
	p.announce()
	p.confirm()
	p.over = true
	p.out = append(p.out, Turn{Became: g.became, Digest: g.digest, Table: g.table, Stores: p.disk.seq, Event: cause})
}

// waitForOutcome asks the primary, which may have gone on without this node for so
// long that nobody speaks to it any more, and tells what to do when it does not
// come back.
func (p *Pair) waitForOutcome() {
	n := p.suspect.count
	if n >= p.suspect.limit && n%p.suspect.limit == 0 {
		p.hello()
	}
	if n == p.suspect.limit || n%(handedEvery*p.suspect.limit) == 0 {
		p.say(true, fmt.Sprintf("waiting for %s, which was about to make a cluster of the pair and is silent: it may serve, so this node must not; start %s again with its state; if that is lost for good, and lockc status of the third node shows no primary, begin anew with what this node has: lockc cluster bootstrap", p.peer, p.peer))
	}
}
