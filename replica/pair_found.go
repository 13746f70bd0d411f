package replica

import (
	"fmt"

	"lockstep/lock"
)

// foundLeap is how far a pair that is founded by force leaves the last known
// view behind: the lost peer may have gone higher than this node knows (P0).
const foundLeap = 1000

// hello tells the peer that this node has no role, and which life of the peer
// it has heard.
func (p *Pair) hello() {
	m := Hello{
		Role: p.role, View: p.view, AsPrimary: p.cfg.AsPrimary,
		Pair: p.cfg.Pair, Knows: p.life.incarnation,
	}
	if p.copy != nil {
		m.LogView, m.LogIndex = p.copy.view, p.copy.last
	}
	p.send(m)
}

// onHello is the peer without a role. What it can become depends on this node.
func (p *Pair) onHello(m Hello, cluster ClusterID) {
	if m.View < p.life.view {
		return // from before something else that it has said: a late one
	}
	p.life.view = m.View
	if reason := p.mismatch(m, cluster); reason != "" {
		p.onWrongPeer(m, reason)
		return
	}
	switch p.role {
	case Joining, Demoted:
		p.meet(m, cluster)
	case Solo:
		p.beginTransfer()
	}
}

// found starts an empty pair out of two nodes that both hold nothing. Knows
// proves that the peer has heard this very life, so neither can be about to
// found with a former one (P0).
func (p *Pair) found(m Hello, cluster ClusterID) {
	if !p.cfg.AsPrimary || m.Knows != p.cfg.Incarnation {
		return
	}
	highest := max(p.view, m.View)
	why := "founded with the peer"
	if highest > 0 {
		why = fmt.Sprintf("founded anew with the peer: neither had a copy, so the locks of view %d are lost", highest)
	}
	p.adoptAny(cluster)
	p.intake = nil
	p.replaceLog(0, nil)
	p.enter(Primary, highest+1, why)
	p.do(Reset{})
	p.begin(0)
	p.starting, p.founding = true, true
	p.start()
}

// foundAlone is for a first start that finds nobody, or for an operator who
// knows that the peer's copy is gone for good (P0). A node that had a role
// before must wait: its peer may hold what it has lost.
//
// Neither holds once the peer was heard to have a role in its present life: it
// was silent since, but may hold every lock.
func (p *Pair) foundAlone() {
	if p.role != Joining {
		p.waitForHeir()
		return
	}
	highest := max(p.view, p.life.view)
	switch {
	case p.copy != nil:
		p.resumeAlone(highest)
	case p.life.serving || p.intake != nil:
		if p.suspect.count == p.suspect.limit {
			p.say(true, fmt.Sprintf("waiting for %s: it had a role a moment ago and is silent now; only it may hold the locks", p.peer))
		}
	case p.cfg.Found:
		p.reignAlone(highest+foundLeap, "founded alone by -found: locks that only the peer held are lost")
	case p.cfg.AsPrimary && !p.cfg.HasIdentity:
		p.reignAlone(highest+1, "nobody answers, and this is the first start: founded alone")
	case p.suspect.count != p.suspect.limit:
	case !p.cfg.HasIdentity:
		p.say(false, fmt.Sprintf("waiting for %s, which founds the pair", p.peer))
	default:
		p.say(true, fmt.Sprintf("waiting for %s: this node has been in view %d, and only its peer may still hold the locks; start the peer, or restart this node with -found if the peer's copy is lost", p.peer, p.view))
	}
}

func (p *Pair) reignAlone(view lock.View, why string) {
	p.adoptAny(0)
	p.intake = nil
	p.replaceLog(0, nil)
	p.enter(Solo, view, why)
	p.do(Reset{})
	p.begin(0)
	p.send(Alone{View: p.view})
}

// adoptAny settles the cluster id of a pair that is being founded: one that
// either node has already, else the one drawn for this node.
func (p *Pair) adoptAny(cluster ClusterID) {
	switch {
	case p.cluster != 0:
	case cluster != 0:
		p.adopt(cluster)
	default:
		p.adopt(p.cfg.NewCluster)
	}
}

// mismatch says why a peer cannot be the other half of this pair.
func (p *Pair) mismatch(m Hello, cluster ClusterID) string {
	switch {
	case m.AsPrimary == p.cfg.AsPrimary && m.AsPrimary:
		return fmt.Sprintf("both %s and %s were started as primary; start one of them with -b", p.self(), p.peer)
	case m.AsPrimary == p.cfg.AsPrimary:
		return fmt.Sprintf("both %s and %s were started as backup; start one of them with -p", p.self(), p.peer)
	case m.Pair != p.cfg.Pair:
		return fmt.Sprintf("%s was started as part of the pair %s %s, and %s of the pair %s %s; give both the same two addresses in the same order",
			p.self(), p.cfg.Pair[0], p.cfg.Pair[1], p.peer, m.Pair[0], m.Pair[1])
	default:
		return p.otherCluster(cluster)
	}
}

func (p *Pair) otherCluster(cluster ClusterID) string {
	if p.cluster == 0 || cluster == 0 || p.cluster == cluster {
		return ""
	}
	return fmt.Sprintf("%s belongs to cluster %x and %s to cluster %x; give one of them another state directory with -data",
		p.self(), uint64(p.cluster), p.peer, uint64(cluster))
}

// onWrongPeer: a node with a role carries on and sends the newcomer away; two
// newcomers cannot tell who is right, so both give up (P0).
func (p *Pair) onWrongPeer(m Hello, reason string) {
	p.send(Refusal{Reason: reason})
	if p.role == Joining && m.Role == Joining {
		p.exit(reason)
		return
	}
	p.say(true, "refused a newcomer: "+reason)
}

// onStranger answers a node that takes this one for its peer.
func (p *Pair) onStranger(e Received) {
	if _, ok := e.Message.(Hello); !ok {
		return
	}
	reason := fmt.Sprintf("%s is not the peer of %s, which was started with the pair %s %s", e.From, p.self(), p.cfg.Pair[0], p.cfg.Pair[1])
	p.do(Send{To: e.From, Message: Refusal{Reason: reason}})
	p.say(true, "refused a stranger: "+reason)
}

// onSeek sends a node of a cluster away that runs at the peer's address. It is
// no life of the peer: nothing that the peer had is proven to be gone.
func (p *Pair) onSeek(m Seek) {
	reason := fmt.Sprintf("%s is a node of the pair %s %s and knows no clusters; start %s as the other node of the pair, or take the pair over with lockd import",
		p.self(), p.cfg.Pair[0], p.cfg.Pair[1], m.Name)
	p.do(Send{To: p.peer, Message: Refusal{Reason: reason, Member: m.Member}})
	p.say(true, "refused a stranger: "+reason)
}

// onRefusal ends a newcomer that its peer sent away. A node with a role, or one
// that had one in this life, carries on.
func (p *Pair) onRefusal(m Refusal) {
	if p.role == Joining {
		p.exit("the peer refuses this node: " + m.Reason)
	}
}

// leave gives up the role, tells those who wait, and only then says goodbye, so
// that the peer can go on at once (P0).
func (p *Pair) leave() {
	p.held = nil
	hadRole, usable, view := p.hasRole(), p.onDisk(), p.view
	if p.renewing {
		// The backup may be in the last view still, and this must not demote it.
		view--
	}
	p.role = Demoted
	p.dropRole(p.hint())
	if hadRole && usable {
		p.send(Bye{View: view})
	}
	p.out = append(p.out, p.held...) // nothing will be synced any more
	p.out = append(p.out, Left{})
	p.over = true
}
