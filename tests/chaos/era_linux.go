package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"lockstep"
	"lockstep/tests/history"
	"lockstep/tests/machines"
)

// era is one cluster and its clients.
type era struct {
	run        *run
	dir        string
	durability string
	network    *machines.Network
	here       *machines.Machine // this process, an operator's machine that no fault concerns
	crews      []*crewProcess
	client     *lockstep.Client // the operator's

	mu      sync.Mutex
	nodes   []*node // the members
	all     []*node // and those that were
	named   int     // how many nodes have had a name
	round_  int
	strikes []strike // of the round
	doing   []string // the faults of this moment
}

// strike is one fault that was done, and when.
type strike struct {
	name     string
	from, to time.Duration
}

const crews = 2

// found begins an era. What it returns has to be ended even with an error.
func (r *run) found(ctx context.Context) (*era, error) {
	e := &era{run: r, dir: filepath.Join(r.dir, fmt.Sprintf("era%d", r.eras)), durability: "fsync"}
	count := []int{3, 3, 5}[r.random.IntN(3)]
	inMemory := r.random.IntN(3) == 0
	if r.eras == 1 {
		count, inMemory = 3, false // what most people have
	}
	if r.nodes > 0 {
		count = r.nodes
	}
	if r.settings.log == "memory" || r.settings.log == "" && inMemory {
		e.durability = "memory"
	}
	fmt.Printf("%s era %d: %d nodes, %s\n", show(r.now()), r.eras, count, e.durability)
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if e.network, err = machines.New(); err != nil {
		return nil, err
	}
	if e.here, err = e.network.Here("operator"); err != nil {
		return e, err
	}
	for range count {
		n, err := e.newNode(e.nextName())
		if err != nil {
			return e, err
		}
		e.nodes, e.all = append(e.nodes, n), append(e.all, n)
	}
	for _, n := range e.nodes {
		n.peers = peersOf(e.nodes)
		if err := n.start(); err != nil {
			return e, err
		}
	}
	if err := e.dial(ctx); err != nil {
		return e, err
	}
	if err := e.awaitWhole(ctx); err != nil {
		return e, err
	}
	for i := range crews {
		m, err := e.network.Join(fmt.Sprint("crew", i))
		if err != nil {
			return e, err
		}
		c, err := startCrew(r, m, i+1, addressesOf(e.nodes))
		if err != nil {
			return e, err
		}
		e.crews = append(e.crews, c)
		if _, err := c.hear(); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (e *era) nextName() string {
	e.named++
	return fmt.Sprint("n", e.named)
}

func peersOf(nodes []*node) string {
	var peers []string
	for _, n := range nodes {
		peers = append(peers, n.name+"="+n.address())
	}
	return strings.Join(peers, ",")
}

func addressesOf(nodes []*node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.address())
	}
	return all
}

// dial makes a client that knows the members of now.
func (e *era) dial(ctx context.Context) error {
	if e.client != nil {
		_ = e.client.Close() // whoever it knew may be gone
	}
	var err error
	e.client, err = lockstep.Dial(ctx, addressesOf(e.nodes), lockstep.WithListen(e.here.Address.String()+":0"), lockstep.WithInsecure())
	return err
}

// end ends what the era has started.
func (e *era) end() {
	for _, c := range e.crews {
		c.end()
	}
	if e.client != nil {
		_ = e.client.Close() // nobody may be there to take the goodbye
	}
	for _, n := range e.all {
		if n.command != nil {
			n.kill()
		}
	}
	if e.network != nil {
		e.network.Close()
	}
	for _, n := range e.all {
		if err := syscall.Unmount(n.dir, syscall.MNT_DETACH); err != nil {
			fmt.Println("the disk of", n.name, "stays:", err)
		}
	}
}

const (
	longestRound = 20 * time.Second
	// What a cluster may take to be whole again when nothing is wrong any more.
	longestRepair = 60 * time.Second
	progressEvery = 5 * time.Second
)

// round lets faults loose on working clients, and closes a history.
func (e *era) round(ctx context.Context, end time.Duration) error {
	e.round_++
	e.strikes = nil
	name := fmt.Sprintf("era%d-round%d", e.run.eras, e.round_)
	for _, c := range e.crews {
		if err := c.tell(order{Round: e.round_, Names: name + "/"}); err != nil {
			return err
		}
	}
	over := make(chan struct{})
	var progress sync.WaitGroup
	progress.Go(func() { e.progress(over) })
	err := e.misfortunes(ctx, min(e.run.now()+longestRound, end))
	close(over)
	progress.Wait()
	if ctx.Err() != nil || err != nil {
		return err
	}
	ops, err := e.close()
	if err != nil {
		return err
	}
	e.run.note(ops)
	e.run.notePauses(ops, e.strikes)
	e.run.judge.take(name, ops)
	return nil
}

// close ends a round: everybody gives back what they hold and says what they saw.
func (e *era) close() (ops []history.Op, err error) {
	for _, c := range e.crews {
		err = errors.Join(err, c.tell(order{Close: true}))
	}
	for _, c := range e.crews {
		w, heardErr := c.hear()
		if err = errors.Join(err, heardErr); err != nil {
			return nil, err
		}
		c.answered.Store(0)
		ops = append(ops, w.Ops...)
	}
	return ops, nil
}

// retire ends the era well, with the history of those who held on.
func (e *era) retire() error {
	var ops []history.Op
	for _, c := range e.crews {
		if err := c.tell(order{Retire: true}); err != nil {
			return err
		}
	}
	for _, c := range e.crews {
		w, err := c.hear()
		if err != nil {
			return err
		}
		ops = append(ops, w.Ops...)
	}
	e.run.note(ops)
	e.run.judge.take(fmt.Sprintf("era%d-keepers", e.run.eras), ops)
	return nil
}

// misfortunes does one thing after the other, and now and then two at once, until
// the round is over. It leaves a whole cluster.
func (e *era) misfortunes(ctx context.Context, end time.Duration) error {
	for e.run.now() < end && ctx.Err() == nil {
		if err := e.awaitProgress(ctx); err != nil {
			return err
		}
		if err := e.strikeOnceOrTwice(ctx); err != nil {
			return err
		}
		e.network.Mend()
		if err := e.awaitWhole(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enough is how many answers show that clients are at work again.
const enough = 100

func (e *era) awaitProgress(ctx context.Context) error {
	answered := func() (n int64) {
		for _, c := range e.crews {
			n += c.answered.Load()
		}
		return n
	}
	before, deadline := answered(), e.run.now()+longestRepair
	for answered() < before+enough && ctx.Err() == nil {
		if e.run.now() > deadline {
			return fmt.Errorf("the cluster is whole, and clients get no answers for %v: %s", longestRepair, e.standing(ctx))
		}
		rest(ctx, 20*time.Millisecond)
	}
	return nil
}

// rest waits, if nothing ends the run.
func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// status asks the members.
func (e *era) status(ctx context.Context) map[string]lockstep.NodeStatus {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	all := map[string]lockstep.NodeStatus{}
	for _, s := range e.client.Status(ctx) {
		all[s.Name] = s
	}
	return all
}

// awaitWhole polls until every node is a voter that follows one primary closely.
func (e *era) awaitWhole(ctx context.Context) error {
	for deadline := e.run.now() + longestRepair; ctx.Err() == nil; rest(ctx, 50*time.Millisecond) {
		if e.whole(e.status(ctx)) {
			return nil
		}
		if e.run.now() > deadline {
			return fmt.Errorf("the cluster is not whole %v after the last fault was mended: %s", longestRepair, e.standing(ctx))
		}
	}
	return nil
}

// far is how many entries a backup that has caught up may be behind.
const far = 1000

func (e *era) whole(all map[string]lockstep.NodeStatus) bool {
	primaries, backups := 0, 0
	var most, least uint64
	for _, n := range e.nodes {
		s, known := all[n.address()]
		switch {
		case !known || s.Err != nil || len(s.Members) != len(e.nodes):
			return false
		case s.Role == "primary":
			primaries++
		case s.Role == "backup":
			backups++
		}
		for _, m := range s.Members {
			if !m.Voter {
				return false
			}
		}
		if most, least = max(most, s.Index), min(least, s.Index); least == 0 {
			least = s.Index
		}
	}
	return primaries == 1 && backups == len(e.nodes)-1 && most-least < far
}

// standing tells where each node stands.
func (e *era) standing(ctx context.Context) string {
	all := e.status(ctx)
	var lines []string
	for _, n := range e.nodes {
		lines = append(lines, fmt.Sprintf("  %s at %s: %+v\n%s", n.name, n.address(), all[n.address()], n.lastWords()))
	}
	return "\n" + strings.Join(lines, "\n")
}

// primary is the member that serves, or a member.
func (e *era) primary(ctx context.Context) *node {
	all := e.status(ctx)
	i := slices.IndexFunc(e.nodes, func(n *node) bool { return all[n.address()].Role == "primary" })
	return e.nodes[max(0, i)]
}

// strikeOnceOrTwice does the next fault of the deck, and in one of four cases
// another with it that it can go together with.
func (e *era) strikeOnceOrTwice(ctx context.Context) error {
	first := e.run.draw(func(f *fault) bool { return f.suits(e) })
	if first == nil {
		return errors.New("no fault suits this cluster")
	}
	faults := []*fault{first}
	if e.run.random.IntN(4) == 0 {
		if second := e.run.draw(func(f *fault) bool { return f.suits(e) && f.gentle && f.name != first.name }); second != nil && first.together() {
			faults = append(faults, second)
		}
	}
	e.mu.Lock()
	for _, n := range e.nodes {
		n.taken = false
	}
	e.mu.Unlock()
	errs := make([]error, len(faults))
	var group sync.WaitGroup
	for i, f := range faults {
		s := &scene{era: e, random: rand.New(rand.NewPCG(e.run.random.Uint64(), 0)), alone: len(faults) == 1}
		group.Go(func() { errs[i] = e.strike(ctx, f, s) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (e *era) strike(ctx context.Context, f *fault, s *scene) error {
	from := e.run.now()
	e.run.struck(f.name)
	e.note(func() { e.doing = append(e.doing, f.name) })
	err := f.do(ctx, s)
	e.note(func() {
		i := slices.Index(e.doing, f.name)
		e.doing = slices.Delete(e.doing, i, i+1)
		// What it costs shows until clients have found the next primary.
		e.strikes = append(e.strikes, strike{f.name, from, e.run.now() + time.Second})
	})
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

func (e *era) note(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

// progress says every few seconds how far the run is.
func (e *era) progress(over <-chan struct{}) {
	r := e.run
	for {
		select {
		case <-time.After(progressEvery):
		case <-over:
			return
		}
		answered := int64(0)
		for _, c := range e.crews {
			answered += c.answered.Load()
		}
		e.mu.Lock()
		doing := strings.Join(e.doing, " and ")
		e.mu.Unlock()
		v := r.judge.count()
		r.mu.Lock()
		total := 0
		for _, f := range r.injected {
			total += f.times
		}
		fmt.Printf("%s era %d, round %d: %d operations, %d faults, %d histories sound, longest pause %v; now: %s\n",
			show(r.now()), r.eras, e.round_, int64(r.operations)+answered, total, v[sound], r.longest.length.Round(time.Millisecond), doing)
		r.mu.Unlock()
	}
}
