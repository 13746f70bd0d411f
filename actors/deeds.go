package actors

import (
	"fmt"
	"slices"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/words"
)

// Deed is what an operator wanted at the port of the nodes, and what became of it.
// It is told when that is known, and of an order that takes its time when it begins,
// too.
type Deed struct {
	From  replica.NodeID // its client's address
	By    string         // whose certificate that has shown; empty without one
	What  string         // as an operator would type it
	About []any          // the rest in keys and values, as a log takes them
}

// Deeds takes what operators did, for whoever keeps a book of it. Nil takes nothing.
type Deeds func(Deed)

// orderDeeds tells each order once when it begins and once when it is over, though
// its client repeats it. An order may be given to several nodes in turns: only one
// that takes it tells.
type orderDeeds struct {
	tell  Deeds
	told  []toldOrder
	ticks uint64
	keeps uint64 // ticks for which what is over is known by its repeats
}

// toldOrder is an order as it was told last.
type toldOrder struct {
	from    replica.NodeID
	order   messages.Order // the client, the id, and all that is wanted
	outcome replica.OrderOutcome
	at      uint64
}

// Repeats of an order that is over come while its last answer is under way. What is
// given in the same words after that is an order of its own.
const (
	orderRepeats = 10 * time.Second
	maxToldOrder = 64
)

func newOrderDeeds(tell Deeds, period time.Duration) orderDeeds {
	return orderDeeds{tell: tell, keeps: uint64(orderRepeats / period)}
}

func (d *orderDeeds) tick() { d.ticks++ }

// answered tells what became of an order, unless that was told.
func (d *orderDeeds) answered(m *OrdersFromClients, o messages.Order, answer replica.Ordered) {
	if d.tell == nil || answer.Kind != replica.Executed {
		return
	}
	d.told = slices.DeleteFunc(d.told, func(t toldOrder) bool { return t.at+d.keeps < d.ticks })
	one := toldOrder{m.From, o, answer.Outcome, d.ticks}
	at := slices.IndexFunc(d.told, func(t toldOrder) bool { return t.from == one.from && t.order == o })
	if at >= 0 {
		told := &d.told[at]
		if told.outcome == answer.Outcome {
			if answer.Outcome == replica.OrderWorking {
				told.at = d.ticks // it lasts for as long as it is asked for
			}
			return
		}
		*told = one
	} else {
		if len(d.told) >= maxToldOrder {
			d.told = slices.Delete(d.told, 0, 1)
		}
		d.told = append(d.told, one)
	}
	what, about := orderInWords(o.Order)
	about = append(about, "outcome", outcomeInWords(answer.Outcome), "text", answer.Text)
	d.tell(Deed{From: m.From, By: m.By, What: what, About: about})
}

// orderInWords says what is wanted.
func orderInWords(o replica.Order) (what string, about []any) {
	switch o.Kind {
	case replica.AddMember:
		return "cluster add", []any{"node", o.Name, "address", string(o.Address), "quiet", o.Quiet}
	case replica.RemoveMember:
		return "cluster remove", []any{"node", o.Name}
	case replica.SwitchOver:
		return "switchover", []any{"node", o.Name, "address", string(o.Address)}
	case replica.Bootstrap:
		return "cluster bootstrap", []any{"confirmed", o.Force}
	default:
		return fmt.Sprintf("order %d", o.Kind), nil
	}
}

func outcomeInWords(o replica.OrderOutcome) string {
	switch o {
	case replica.OrderDone:
		return "done"
	case replica.OrderWorking:
		return "begun"
	default:
		return "refused"
	}
}

// revokeDeeds are the Revokes that wait here for their entries: those that clients
// have asked for at the port of the nodes. What clients of a node's API want was
// written down there.
type revokeDeeds struct {
	tell Deeds
	open map[lock.RequestID]Deed
}

func (d *revokeDeeds) asked(m *FromClients, c lock.Command) {
	if d.tell == nil || m.Peer {
		return
	}
	if d.open == nil {
		d.open = map[lock.RequestID]Deed{}
	}
	reason := ""
	if c.Terms != nil {
		reason = string(c.Terms.Info)
	}
	d.open[c.ID()] = Deed{From: m.From, By: m.By, What: "revoke", About: []any{"lock", c.Name, "token", fmt.Sprint(c.Token), "reason", reason}}
}

// executed tells one that was.
func (d *revokeDeeds) executed(id lock.RequestID, result lock.Result) {
	d.over(id, words.Revoked(result.Outcome))
}

// over tells what became of a Revoke, if this was one.
func (d *revokeDeeds) over(id lock.RequestID, outcome string) {
	deed, ok := d.open[id]
	if !ok {
		return
	}
	delete(d.open, id)
	deed.About = append(deed.About, "outcome", outcome)
	d.tell(deed)
}

// turnedAway forgets one that was not executed here: its client asks elsewhere.
func (d *revokeDeeds) turnedAway(id lock.RequestID) { delete(d.open, id) }
