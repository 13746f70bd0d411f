package actors

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// book notes deeds, each as a line.
type book []string

func (b *book) write(d Deed) {
	*b = append(*b, fmt.Sprintf("%s %s: %s %s", d.From, d.By, d.What, strings.TrimSpace(fmt.Sprintln(d.About...))))
}

// An order is repeated until it is over, and told when it begins and when it is over.
func TestOrdersAreToldOnceEach(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		var b book
		core := &scripted{}
		_, table := s.probe()
		_, disk := s.probe()
		clock := s.spawn(sink{})
		pid := s.spawn(&Replicator{core: core, lockTable: table, disk: disk, mail: s, period: 50 * time.Millisecond,
			exit: func(error) {}, log: slog.New(slog.DiscardHandler), deeds: newOrderDeeds(b.write, 50*time.Millisecond)})
		give := func(order messages.Order, answer replica.Ordered) {
			answer.ID = order.ID
			core.effects = []replica.Effect{replica.Instructed{Ordered: answer}}
			s.Root().Send(pid, &OrdersFromClients{From: "10.0.0.9:4000", By: "alice", Orders: []messages.Order{order}})
			synctest.Wait()
		}
		pass := func(ticks int) {
			core.effects = nil
			for range ticks {
				s.Root().Send(pid, &Tick{ticker: clock, period: 50 * time.Millisecond})
			}
			synctest.Wait()
		}
		remove := messages.Order{Client: 7, ID: 6, Order: replica.Order{Kind: replica.RemoveMember, Name: "c"}}
		over := messages.Order{Client: 7, ID: 8, Order: replica.Order{Kind: replica.SwitchOver, Address: "b:1"}}
		give(remove, replica.Ordered{Kind: replica.NotPrimary, Hint: "b:1"}) // it goes elsewhere
		give(remove, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderWorking, Text: "removing c"})
		for range 30 { // for longer than anything is remembered that nobody asks for
			pass(100)
			give(remove, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderWorking, Text: "still removing c"})
		}
		give(remove, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderDone, Text: "c is no member"})
		give(remove, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderDone, Text: "c is no member"})
		give(over, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderRefused, Text: "b is quiet"})
		want := book{
			"10.0.0.9:4000 alice: cluster remove node c outcome begun text removing c",
			"10.0.0.9:4000 alice: cluster remove node c outcome done text c is no member",
			"10.0.0.9:4000 alice: switchover node  address b:1 outcome refused text b is quiet",
		}
		if !reflect.DeepEqual(b, want) {
			t.Fatalf("told:\n%s", strings.Join(b, "\n"))
		}
		// The same words much later are not a repeat, and another's never are.
		pass(201)
		give(over, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderRefused, Text: "b is quiet"})
		give(messages.Order{Client: 8, ID: 8, Order: over.Order}, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderRefused, Text: "b is quiet"})
		if len(b) != 5 {
			t.Fatalf("told:\n%s", strings.Join(b, "\n"))
		}
	})
}

// Who gives many orders makes the node remember few.
func TestToldOrdersAreBounded(t *testing.T) {
	var b book
	d := newOrderDeeds(b.write, 50*time.Millisecond)
	m := &OrdersFromClients{From: "x"}
	for i := range 10 * maxToldOrder {
		d.answered(m, messages.Order{ID: replica.OrderID(i)}, replica.Ordered{Kind: replica.Executed, Outcome: replica.OrderRefused})
	}
	if len(d.told) != maxToldOrder || len(b) != 10*maxToldOrder {
		t.Errorf("%d are remembered, %d were told", len(d.told), len(b))
	}
}

// Each order is told in the words that are typed for it.
func TestOrdersInWords(t *testing.T) {
	for want, o := range map[string]replica.Order{
		"cluster add node d address d:1 quiet true": {Kind: replica.AddMember, Name: "d", Address: "d:1", Quiet: true},
		"cluster remove node d":                     {Kind: replica.RemoveMember, Name: "d"},
		"switchover node d address ":                {Kind: replica.SwitchOver, Name: "d"},
		"cluster bootstrap confirmed true":          {Kind: replica.Bootstrap, Force: true},
		"order 9":                                   {Kind: 9},
	} {
		what, about := orderInWords(o)
		if got := strings.TrimSuffix(fmt.Sprintln(append([]any{what}, about...)...), "\n"); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// What is taken away by force is told when it is known what became of it, and by
// the node that was asked. What a node brings was told where it came in.
func TestRevokesAreTold(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		var told book
		b := tableOnStand(t, s)
		b.table.deeds.tell = told.write
		b.order(client, lockCommand(b.session, 1, "a"))
		revoke := func(number lock.Number) lock.Command {
			return lock.Command{Session: b.session, Number: number, Verb: lock.Revoke, Name: "a", Terms: &lock.Terms{Info: "it hangs"}}
		}
		bring := func(m *FromClients, c lock.Command) lock.Command {
			m.From, m.Requests = client.node, []messages.Request{{Client: client.client, Command: c}}
			b.tell(m)
			return c
		}
		lost := bring(&FromClients{By: "alice"}, revoke(2))
		b.submitted()
		if len(told) != 0 {
			t.Fatalf("told before it was done: %q", told)
		}
		b.tell(replica.Refuse{Requests: []lock.RequestID{lost.ID()}, Kind: replica.NotPrimary, Hint: "peer"})
		moved := bring(&FromClients{By: "alice"}, revoke(2))
		b.submitted()
		// Whoever repeats it under another name did not give it.
		bring(&FromClients{By: "mallory"}, moved)
		b.tell(replica.Abandon{Hint: "peer"})
		for n := lock.Number(2); n < 4; n++ {
			b.apply(bring(&FromClients{By: "alice"}, revoke(n)))
			b.submitted()
		}
		b.apply(bring(&FromClients{Peer: true}, revoke(4)))
		b.submitted()
		want := book{
			"client alice: revoke lock a token 0 reason it hangs outcome unknown",
			"client alice: revoke lock a token 0 reason it hangs outcome released",
			"client alice: revoke lock a token 0 reason it hangs outcome was free",
		}
		if !reflect.DeepEqual(told, want) || len(b.table.deeds.open) != 0 {
			t.Errorf("told:\n%s\nand %d are open", strings.Join(told, "\n"), len(b.table.deeds.open))
		}
	})
}
