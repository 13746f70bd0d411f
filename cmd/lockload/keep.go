package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/lock"
)

// perSession is how many locks one session may hold.
const perSession = lock.MaxSessionLocks

// idleTick is the tick of clients that are many: each tick wakes all of them, and
// at the common rate that would take a processor for itself. They learn of a loss
// so much later, which is less than by what they give up early (T4).
const idleTick = 250 * time.Millisecond

// keepPlan is locks that are held and left alone.
type keepPlan struct {
	work     string // the command
	locks    int    // in all, spread evenly
	clients  int
	tick     time.Duration
	duration time.Duration // for which they are held
	timeout  time.Duration // of one request
}

// keep holds locks, measures what the nodes need for them, and gives them back.
func (p *program) keep(plan keepPlan) error {
	if err := p.needPIDs(); err != nil {
		return err
	}
	plan.duration, plan.timeout = p.plan.duration, p.plan.timeout
	return p.start(func(s *service, r reach, stop, _ <-chan struct{}) (shown, error) {
		fleet, err := clientActors(r, crew{clients: plan.clients, ttl: p.ttl, tick: plan.tick})
		if err != nil {
			return nil, err
		}
		defer fleet.close()
		k := newKeeper(plan, fleet.members, func() usage { return usageOf(s.pids) }, p.show)
		report := k.run(stop)
		report.Work, report.TTL, report.Service, report.Nodes = plan.work, p.ttl.Seconds(), s.kind, s.nodes
		return report, nil
	})
}

// needPIDs refuses what could not be measured.
func (p *program) needPIDs() error {
	if p.spawn || len(p.pids) > 0 {
		return nil
	}
	return cli.Misuse("the nodes' memory and processor time can be seen only if they are processes of this machine: add -spawn, or say which with -pids")
}

// keeper is one run.
type keeper struct {
	plan    keepPlan
	name    string // that those of the locks begin with
	members []member
	usage   func() usage
	show    func(string)

	kept []lease // nil where there was no lease

	mu     sync.Mutex
	report keepReport
}

func newKeeper(plan keepPlan, members []member, usage func() usage, show func(string)) *keeper {
	return &keeper{
		plan: plan, name: "load-" + runName(), members: members, usage: usage, show: show,
		kept:   make([]lease, plan.locks),
		report: keepReport{Locks: plan.locks, Clients: len(members), Errors: kinds{}, Wrongs: []string{}},
	}
}

func (k *keeper) run(stop <-chan struct{}) *keepReport {
	before := k.usage()
	k.report.AcquireSeconds = k.each(stop, "acquired", k.acquire)
	k.checkTokens()
	began, full := time.Now(), k.usage()
	k.hold(stop)
	k.report.HeldSeconds = time.Since(began).Seconds()
	k.report.addUsage(before, full, k.usage())
	k.checkExclusion()
	k.checkLosses()
	k.report.ReleaseSeconds = k.each(nil, "released", k.release)
	k.report.OK = k.report.failure() == nil
	return &k.report
}

// atOnce is how many requests are under way at once.
const atOnce = 256

// each does something with every lock, and shows once a second how far it is.
func (k *keeper) each(stop <-chan struct{}, done string, do func(i int)) (seconds float64) {
	began := time.Now()
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(atOnce, k.plan.locks) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(k.plan.locks) && !isClosed(stop); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	finished := make(chan struct{})
	go func() { group.Wait(); close(finished) }()
	k.every(finished, nil, func() {
		k.show(fmt.Sprintf("%4.0fs  %s of %s locks %s", time.Since(began).Seconds(),
			thousands(float64(min(next.Load(), int64(k.plan.locks)))), thousands(float64(k.plan.locks)), done))
	})
	return time.Since(began).Seconds()
}

// hold lets time go by.
func (k *keeper) hold(stop <-chan struct{}) {
	began, over := time.Now(), make(chan struct{})
	timer := time.AfterFunc(k.plan.duration, func() { close(over) })
	defer timer.Stop()
	k.every(over, stop, func() { k.show(fmt.Sprintf("%4.0fs  held", time.Since(began).Seconds())) })
}

// every does something once a second until one of two things happens.
func (k *keeper) every(over, stop <-chan struct{}, do func()) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
			do()
		case <-over:
			return
		case <-stop:
			return
		}
	}
}

// tenant is who holds lock i.
func (k *keeper) tenant(i int) tenant { return k.members[i%len(k.members)].tenant }

func (k *keeper) want(i int) want { return want{name: fmt.Sprintf("%s-%d", k.name, i)} }

func (k *keeper) acquire(i int) {
	held, err := k.ask(k.tenant(i), i)
	switch {
	case err != nil:
		k.failed(err)
	case held == nil:
		k.wrong("%q was refused although nobody else asks for it", k.want(i).name)
	default:
		k.kept[i] = held
	}
}

func (k *keeper) ask(t tenant, i int) (lease, error) {
	ctx, cancel := context.WithTimeout(context.Background(), k.plan.timeout)
	defer cancel()
	return t.acquire(ctx, k.want(i))
}

func (k *keeper) release(i int) {
	held := k.kept[i]
	if held == nil || held.remaining() == 0 {
		return // it has been counted
	}
	ctx, cancel := context.WithTimeout(context.Background(), k.plan.timeout)
	defer cancel()
	yes, err := release(ctx, held, time.Now().Add(held.remaining()))
	switch {
	case err != nil:
		k.failed(err)
	case !yes:
		k.wrong("%q was not held although its holder had not been told: the lock was lost", k.want(i).name)
	}
}

// checkTokens counts the locks, and looks for tokens that were given twice.
func (k *keeper) checkTokens() {
	var tokens []lock.Token
	for _, held := range k.kept {
		if held != nil {
			tokens = append(tokens, held.token())
		}
	}
	k.report.Held = len(tokens)
	slices.Sort(tokens)
	if n := len(tokens) - len(slices.Compact(tokens)); n > 0 {
		k.wrong("%d of %d grants had a token of another", n, k.report.Held)
	}
}

// samples is how many locks somebody else asks for.
const samples = 100

// checkExclusion has others ask for some of the locks, who must not get them
// unless the holder knows that its own is lost.
func (k *keeper) checkExclusion() {
	for i := 0; i < k.plan.locks; i += max(1, k.plan.locks/samples) {
		if k.kept[i] == nil {
			continue
		}
		other, err := k.ask(k.tenant(i+1), i)
		if err != nil {
			k.failed(err)
		}
		if other == nil {
			continue
		}
		if k.kept[i].remaining() > 0 {
			k.wrong("%q was granted while it was held: granted twice", k.want(i).name)
		}
		_ = other.release(context.Background()) // it should not have been there
	}
}

// checkLosses counts the clients that lost what they held.
func (k *keeper) checkLosses() {
	lost := map[tenant]bool{}
	for i, held := range k.kept {
		if held != nil && held.remaining() == 0 {
			k.report.Lost++
			lost[k.tenant(i)] = true
		}
	}
	k.report.Expired = len(lost)
}

func (k *keeper) failed(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.report.Errors[kind(err)]++
}

func (k *keeper) wrong(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.report.Wrongs) == keptWrongs {
		k.report.MoreWrongs++
		return
	}
	k.report.Wrongs = append(k.report.Wrongs, fmt.Sprintf(format, args...))
}
