package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"lockstep"
	"lockstep/tests/machines"
)

// fault is a kind of misfortune. Doing it ends with it undone, but for the network,
// which is mended anyway.
type fault struct {
	name    string
	do      func(context.Context, *scene) error
	gentle  bool // takes no node's memory, so that it may come with another
	lonely  bool // wants a cluster that is whole otherwise
	durable bool // takes all memories, and so is for clusters with a log on disk
}

// scene is one fault that is being done.
type scene struct {
	*era
	random *rand.Rand
	alone  bool
}

var allFaults = []fault{
	{name: "kill", do: kill},
	{name: "kill primary", do: killPrimary},
	{name: "leave", do: leave},
	{name: "stop and continue", do: standStill, gentle: true},
	{name: "cut off", do: cutOff, gentle: true},
	{name: "cut off with clients", do: cutOffWithClients, gentle: true},
	{name: "cut one way out", do: func(ctx context.Context, s *scene) error { return s.deaf(ctx, true) }, gentle: true},
	{name: "cut one way in", do: func(ctx context.Context, s *scene) error { return s.deaf(ctx, false) }, gentle: true},
	{name: "cut one link one way", do: cutOneLink, gentle: true},
	{name: "cut clients off", do: cutClientsOff, gentle: true},
	{name: "slow links", do: slowLinks, gentle: true},
	{name: "full disk", do: fullDisk, durable: true},
	{name: "wiped directory", do: wiped},
	{name: "power cut of all", do: powerCut, durable: true},
	{name: "rolling restart", do: roll, lonely: true},
	{name: "switch-over", do: switchOver, gentle: true},
	{name: "member replaced", do: replace, lonely: true},
}

func (f *fault) suits(e *era) bool { return !f.durable || e.durability == "fsync" }

func (f *fault) together() bool { return !f.lonely }

// draw takes the next fault from the deck that fits. A deck has each kind once, in
// a new order each time, so that none is left out for long.
func (r *run) draw(fits func(*fault) bool) *fault {
	for range 2 {
		for i, f := range r.deck {
			if fits(f) {
				r.deck = slices.Delete(r.deck, i, i+1)
				return f
			}
		}
		for _, i := range r.random.Perm(len(r.faults)) {
			r.deck = append(r.deck, &r.faults[i])
		}
	}
	return nil
}

// between draws a length of time.
func (s *scene) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.random.Int64N(int64(most-least)))
}

// take picks a node that no other fault has now: in half of the cases the primary,
// if that is so.
func (s *scene) take(ctx context.Context) *node {
	primary := s.primary(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	var free []*node
	for _, n := range s.nodes {
		if !n.taken {
			free = append(free, n)
		}
	}
	n := free[s.random.IntN(len(free))]
	if !primary.taken && s.random.IntN(2) == 0 {
		n = primary
	}
	n.taken = true
	return n
}

const (
	shortest = 100 * time.Millisecond
	longest  = 5 * time.Second // longer than sessions live
	downtime = 2 * time.Second
)

func kill(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	n.kill()
	rest(ctx, s.between(0, downtime))
	return n.start()
}

func killPrimary(ctx context.Context, s *scene) error {
	n := s.primary(ctx)
	s.note(func() { n.taken = true })
	n.kill()
	rest(ctx, s.between(0, downtime))
	return n.start()
}

// leave stops a node as an operator does.
func leave(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	n.stop()
	rest(ctx, s.between(0, downtime))
	return n.start()
}

func standStill(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	n.signal(syscall.SIGSTOP)
	rest(ctx, s.between(shortest, longest))
	n.signal(syscall.SIGCONT)
	return nil
}

// cutBoth cuts two machines apart.
func (s *scene) cutBoth(a, b *machines.Machine) {
	s.network.Cut(a, b)
	s.network.Cut(b, a)
}

func (s *scene) others(than *node) (all []*node) {
	for _, n := range s.nodes {
		if n != than {
			all = append(all, n)
		}
	}
	return all
}

// cutOff isolates a node from the others. Clients reach it.
func cutOff(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	for _, other := range s.others(n) {
		s.cutBoth(n.machine, other.machine)
	}
	rest(ctx, s.between(shortest, longest))
	return nil
}

// cutOffWithClients is a partition: a node, mostly the primary, with one crew.
func cutOffWithClients(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	inside := s.random.IntN(len(s.crews))
	for _, other := range s.others(n) {
		s.cutBoth(n.machine, other.machine)
		s.cutBoth(s.crews[inside].machine, other.machine)
	}
	for i, c := range s.crews {
		if i != inside {
			s.cutBoth(n.machine, c.machine)
		}
	}
	rest(ctx, s.between(shortest, longest))
	return nil
}

// deaf cuts a node off in one direction: nobody hears it, or it hears nobody.
func (s *scene) deaf(ctx context.Context, out bool) error {
	n := s.take(ctx)
	around := s.others(n)
	var machinesAround []*machines.Machine
	for _, other := range around {
		machinesAround = append(machinesAround, other.machine)
	}
	if s.random.IntN(2) == 0 { // clients, too
		for _, c := range s.crews {
			machinesAround = append(machinesAround, c.machine)
		}
	}
	for _, m := range machinesAround {
		if out {
			s.network.Cut(n.machine, m)
		} else {
			s.network.Cut(m, n.machine)
		}
	}
	rest(ctx, s.between(shortest, longest))
	return nil
}

func cutOneLink(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	others := s.others(n)
	other := others[s.random.IntN(len(others))]
	s.network.Cut(n.machine, other.machine)
	rest(ctx, s.between(shortest, longest))
	return nil
}

// cutClientsOff takes a crew from the network, sometimes for longer than its
// sessions live.
func cutClientsOff(ctx context.Context, s *scene) error {
	c := s.crews[s.random.IntN(len(s.crews))]
	for _, n := range s.nodes {
		s.cutBoth(c.machine, n.machine)
	}
	rest(ctx, s.between(shortest, longest))
	return nil
}

// slowLinks makes a node far away, over a line that loses packets.
func slowLinks(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	delay, loss := s.between(time.Millisecond, 100*time.Millisecond), float64(s.random.IntN(4))/100
	slow := func(m *machines.Machine) {
		s.network.Slow(n.machine, m, delay, loss)
		s.network.Slow(m, n.machine, delay, loss)
	}
	for _, other := range s.others(n) {
		slow(other.machine)
	}
	for _, c := range s.crews {
		slow(c.machine)
	}
	rest(ctx, s.between(shortest, longest))
	return nil
}

// fullDisk leaves a node no room. It may give up; it must not pretend.
func fullDisk(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	n.mayEnd.Store(true)
	if err := n.fill(); err != nil {
		return err
	}
	rest(ctx, s.between(shortest, downtime))
	if !n.lives() && s.random.IntN(2) == 0 {
		// Somebody starts it again although nothing has changed.
		if err := n.start(); err != nil {
			return err
		}
		n.mayEnd.Store(true)
		rest(ctx, s.between(shortest, downtime))
	}
	if err := n.clear(); err != nil {
		return err
	}
	n.kill() // whatever it made of it
	return n.start()
}

// wiped takes a node's disk from it.
func wiped(ctx context.Context, s *scene) error {
	n := s.take(ctx)
	n.kill()
	if err := n.wipe(); err != nil {
		return err
	}
	rest(ctx, s.between(0, downtime))
	return n.start()
}

// powerCut kills all nodes at once. What was acknowledged is on disk.
func powerCut(ctx context.Context, s *scene) error {
	for _, n := range s.nodes {
		n.mayEnd.Store(true)
		n.signal(syscall.SIGKILL)
	}
	for _, n := range s.nodes {
		n.kill()
	}
	rest(ctx, s.between(0, downtime))
	var err error
	for _, i := range s.random.Perm(len(s.nodes)) {
		err = errors.Join(err, s.nodes[i].start())
		rest(ctx, s.between(0, 200*time.Millisecond))
	}
	return err
}

// roll restarts all nodes, one after the other, the primary last.
func roll(ctx context.Context, s *scene) error {
	primary := s.primary(ctx)
	order := append(s.others(primary), primary)
	for _, n := range order {
		n.stop()
		if err := n.start(); err != nil {
			return err
		}
		if err := s.awaitWhole(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// longestOrder is how long an operator waits for what was ordered.
const longestOrder = 60 * time.Second

// switchOver makes another node the primary. With another fault at the same time
// it may be refused.
func switchOver(ctx context.Context, s *scene) error {
	others := s.others(s.primary(ctx))
	ctx, cancel := context.WithTimeout(ctx, longestOrder)
	defer cancel()
	if !s.alone {
		ctx, cancel = context.WithTimeout(ctx, longest)
		defer cancel()
	}
	err := s.client.Switchover(ctx, others[s.random.IntN(len(others))].name, nil)
	if err != nil && s.alone && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// replace lets a node die for good and takes another in for it.
func replace(ctx context.Context, s *scene) error {
	gone := s.take(ctx)
	if s.random.IntN(2) == 0 {
		gone.kill()
	} else {
		gone.mayEnd.Store(true) // it learns that it is removed
	}
	fresh, err := s.newNode(s.nextName())
	if err != nil {
		return err
	}
	s.note(func() { s.all = append(s.all, fresh) })
	fresh.peers = peersOf(append(slices.Clone(s.nodes), fresh))
	if err := fresh.start(); err != nil {
		return err
	}
	ordering, cancel := context.WithTimeout(ctx, longestOrder)
	defer cancel()
	var said string
	progress := func(line string) { said = line }
	add := func() error { return s.client.AddNode(ordering, fresh.name, fresh.address(), false, progress) }
	if err := insist(ordering, add); err != nil {
		return orderFailed(ctx, "add "+fresh.name, said, err)
	}
	remove := func() error { return s.client.RemoveNode(ordering, gone.name, progress) }
	if err := insist(ordering, remove); err != nil {
		return orderFailed(ctx, "remove "+gone.name, said, err)
	}
	s.note(func() {
		s.nodes = append(s.others(gone), fresh)
		for _, n := range s.nodes {
			n.peers = peersOf(s.nodes) // an operator changes the lists, too
		}
	})
	if err := s.dial(ctx); err != nil {
		return err
	}
	gone.kill()
	return nil
}

// insist gives an order again for a while: what is refused now may be done in a
// moment, when the primary has heard of the new node or knows who is alive.
func insist(ctx context.Context, give func() error) (err error) {
	for range 10 {
		var refused *lockstep.OrderError
		if err = give(); !errors.As(err, &refused) {
			return err
		}
		rest(ctx, time.Second)
	}
	return err
}

func orderFailed(ctx context.Context, what, said string, err error) error {
	if ctx.Err() != nil {
		return nil // the run ends
	}
	return fmt.Errorf("%s: %w; the nodes said last: %s", what, err, said)
}
