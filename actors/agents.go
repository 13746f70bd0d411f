package actors

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

// Agents are how goroutines of a node use the lock service for clients that do not
// speak its protocol: by an Agent for each session that is being used, and one
// Client that carries what all of them ask for, and asks what is nobody's. It is
// safe for concurrent use.
type Agents struct {
	host   Host
	caller *Caller
	nonce  func() uint64
	ticker *actor.PID
	broom  *actor.PID // ticks for the sweeper

	mu      sync.Mutex
	all     map[lock.SessionID]*agentEntry
	highest lock.Number // that an agent which has retired has drawn
	closed  bool
	callers sync.WaitGroup // those who hold an agent; none comes when closed is set
	once    sync.Once
	quit    chan struct{} // closed with the agents: nobody is there to answer
}

// AgentsConfig is what a node's agents are started with.
type AgentsConfig struct {
	Nodes []replica.NodeID // to ask, this one in front
	Info  lock.Info        // of the session that the node opens for itself, if it needs one
	// Nonce draws numbers that nobody draws again.
	Nonce func() uint64
	Clock Clock
	// Traces has the nodes told to which traces requests belong, by their contexts.
	Traces bool
}

// agentsID is the client of its process that the agents share.
const agentsID = 1

// idleSweep is after how long an agent without work goes, or twice that.
const idleSweep = 30 * time.Second

// agentEntry is one agent in the register. What is not atomic is under its mutex.
type agentEntry struct {
	session lock.SessionID
	pid     *actor.PID
	users   int           // goroutines that are at it
	used    bool          // since the last sweep
	ttl     atomic.Uint64 // zero until it is known
	over    atomic.Bool   // the session is
}

// StartAgents starts what the agents share. It asks who the nodes are, this one
// first, so that each knows its place among them.
func StartAgents(h Host, cfg AgentsConfig) *Agents {
	a := &Agents{host: h, nonce: cfg.Nonce, all: map[lock.SessionID]*agentEntry{}, quit: make(chan struct{})}
	a.ticker = SpawnTicker(h, ClientTick)
	options := []ClientOption{WithClock(cfg.Clock)}
	if cfg.Traces {
		options = append(options, WithTraces())
	}
	a.caller = SpawnClient(h, a.ticker, agentsID, replica.ClientConfig{Nodes: cfg.Nodes, Seed: cfg.Nonce(), Info: cfg.Info}, options...)
	h.Root().Send(a.caller.pid, &LinkUp{Node: h.Address()})
	a.broom = SpawnTicker(h, idleSweep)
	sweeper := h.Root().Spawn(Props(func() actor.Actor { return &sweeper{agents: a} }, actor.WithDispatcher(h.Workers())))
	h.Root().Send(a.broom, Subscribe{To: sweeper})
	return a
}

// Open opens a session. See api.Sessions for this and what follows.
func (a *Agents) Open(ctx context.Context, nonce lock.Number, terms lock.Terms) (lock.SessionCard, error) {
	command := lock.Command{Verb: lock.OpenSession, Number: nonce, Terms: &terms}
	if nonce == 0 {
		command.Number = lock.Number(a.nonce())
	}
	result, err := a.caller.Carry(ctx, command)
	switch {
	case err != nil:
		return lock.SessionCard{}, err
	case result.Outcome == lock.LimitReached || result.Outcome == lock.Invalid:
		return lock.SessionCard{}, &replica.LimitError{Limit: result.Limit}
	case result.Outcome != lock.Opened:
		return lock.SessionCard{}, replica.ErrBadAnswer
	case nonce != 0:
		return a.reopened(ctx, result.Session)
	}
	card := lock.SessionCard{ID: result.Session, TTL: terms.TTL, Info: terms.Info}
	if card.TTL == 0 {
		card.TTL = lock.DefaultTTL
	}
	if entry, err := a.hold(card.ID); err == nil { // it will be used soon
		a.noteTTL(entry, card.TTL)
		a.letGo(entry)
	}
	return card, nil
}

// reopened shows a session that may have been opened by an earlier asking, with
// another TTL and long ago: only a sign of life makes it count from now.
func (a *Agents) reopened(ctx context.Context, id lock.SessionID) (lock.SessionCard, error) {
	if _, err := a.KeepAlive(ctx, id); err != nil {
		return lock.SessionCard{}, err
	}
	return a.Session(ctx, id)
}

// Session shows a session.
func (a *Agents) Session(ctx context.Context, id lock.SessionID) (lock.SessionCard, error) {
	report, err := a.caller.Inquire(ctx, lock.Query{Kind: lock.QuerySession, Session: id})
	if err != nil {
		return lock.SessionCard{}, err
	}
	if len(report.Sessions) == 0 {
		return lock.SessionCard{}, replica.ErrSessionExpired
	}
	return report.Sessions[0], nil
}

// KeepAlive keeps a session alive and returns its TTL.
func (a *Agents) KeepAlive(ctx context.Context, id lock.SessionID) (lock.Millis, error) {
	entry, err := a.hold(id)
	if err != nil {
		return 0, err
	}
	defer a.letGo(entry)
	if err := a.learnTTL(ctx, entry); err != nil {
		if errors.Is(err, replica.ErrSessionExpired) {
			entry.over.Store(true) // the agent was made for nothing
		}
		return 0, err
	}
	if _, err := a.ask(ctx, entry, lock.Command{Verb: lock.KeepAlive}, 0); err != nil {
		return 0, err
	}
	return lock.Millis(entry.ttl.Load()), nil
}

// learnTTL asks for the TTL of a session, which never changes, once.
func (a *Agents) learnTTL(ctx context.Context, entry *agentEntry) error {
	if entry.ttl.Load() != 0 {
		return nil
	}
	card, err := a.Session(ctx, entry.session)
	if err != nil {
		return err
	}
	a.noteTTL(entry, card.TTL)
	return nil
}

func (a *Agents) noteTTL(entry *agentEntry, ttl lock.Millis) {
	entry.ttl.Store(uint64(ttl))
	a.host.Root().Send(entry.pid, ttlLearned{ttl})
}

// CloseSession ends a session.
func (a *Agents) CloseSession(ctx context.Context, id lock.SessionID) error {
	entry, err := a.hold(id)
	if err != nil {
		return err
	}
	defer a.letGo(entry)
	_, err = a.ask(ctx, entry, lock.Command{Verb: lock.CloseSession}, 0)
	return err
}

// Ask has a command executed.
func (a *Agents) Ask(ctx context.Context, command lock.Command, patience time.Duration) (lock.Result, error) {
	if command.Session == 0 {
		return a.askAsNode(ctx, command)
	}
	entry, err := a.hold(command.Session)
	if err != nil {
		return lock.Result{}, err
	}
	defer a.letGo(entry)
	ticks := 0
	if patience > 0 {
		ticks = max(1, int(patience/ClientTick))
	}
	return a.ask(ctx, entry, command, ticks)
}

// askAsNode asks for what needs a session only to be asked at most once, in the
// node's own.
func (a *Agents) askAsNode(ctx context.Context, command lock.Command) (lock.Result, error) {
	switch {
	case command.Number != 0 || command.Slot != 0:
		return lock.Result{}, replica.ErrPair
	case command.Verb == lock.Lock || command.Verb == lock.Unlock:
		clerk := a.caller.NewClerk()
		defer a.caller.Forget(clerk)
		return a.caller.Call(ctx, clerk, command.Verb, command.Name)
	case command.Verb == lock.Revoke:
		return a.caller.Ask(ctx, command)
	default:
		return lock.Result{}, replica.ErrSessionExpired
	}
}

// ask has an agent ask for something, and waits for its end or for that of ctx.
func (a *Agents) ask(ctx context.Context, entry *agentEntry, command lock.Command, patience int) (lock.Result, error) {
	if err := ctx.Err(); err != nil {
		return lock.Result{}, err
	}
	one := &agentCall{command: command, patience: patience, done: make(chan replica.Finished, 1)}
	if m := a.caller.markOf(ctx); m != nil && command.Name != "" {
		one.trace, one.command.Name = m.parent, strings.Clone(command.Name)
	}
	a.host.Root().Send(entry.pid, one)
	select {
	case f := <-one.done:
		return f.Result, f.Err
	case <-ctx.Done():
		a.host.Root().Send(entry.pid, callerGone{one})
		return lock.Result{}, a.caller.because(ctx.Err())
	case <-a.quit:
		return lock.Result{}, replica.ErrClosed
	}
}

// showWithin is how long it may take to find out why a lock was refused.
const showWithin = time.Second

// Blockers shows which locks of a command are not free.
func (a *Agents) Blockers(ctx context.Context, command lock.Command) (cards []lock.LockCard) {
	ctx, cancel := context.WithTimeout(ctx, showWithin)
	defer cancel()
	names := []string{command.Name}
	if command.Terms != nil {
		for _, want := range command.Terms.And {
			names = append(names, want.Name)
		}
	}
	for _, name := range names {
		report, err := a.caller.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: name})
		if err != nil {
			return cards
		}
		cards = append(cards, report.Locks...) // of one that is free there is none
	}
	return cards
}

// Inquire asks about the state once.
func (a *Agents) Inquire(ctx context.Context, q lock.Query) (lock.Report, error) {
	return a.caller.Inquire(ctx, q)
}

// Watch yields what happens.
func (a *Agents) Watch(ctx context.Context, prefix string, behind lock.Index) iter.Seq2[lock.Report, error] {
	return a.caller.Watch(ctx, prefix, behind)
}

// Here is the address of the node.
func (a *Agents) Here() replica.NodeID { return a.host.Address() }

// Status asks every node where it stands, and what reigns it has seen.
func (a *Agents) Status(ctx context.Context) []muster.Told { return a.caller.AskStatus(ctx) }

// Members returns who keeps the order.
func (a *Agents) Members(ctx context.Context) (replica.Told, bool) { return a.caller.AskMembers(ctx) }

// hold finds the agent of a session, or makes one. Nobody lets it retire before
// letGo.
func (a *Agents) hold(id lock.SessionID) (*agentEntry, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, replica.ErrClosed
	}
	entry := a.all[id]
	if entry == nil {
		if id == 0 {
			return nil, replica.ErrSessionExpired
		}
		if len(a.all) >= lock.MaxSessions {
			return nil, replica.ErrBusy
		}
		entry = a.engage(id)
		a.all[id] = entry
	}
	entry.users++
	entry.used = true
	a.callers.Add(1)
	return entry, nil
}

// engage spawns an agent. Its numbers begin above those of all that this process
// has had, whatever the clock does; and where in its millisecond, is left to chance,
// so that no two agents of one place draw the same.
func (a *Agents) engage(id lock.SessionID) *agentEntry {
	now := lock.Number(time.Now().UnixMilli())*replica.AgentNumbersAMilli + lock.Number(a.nonce()%replica.AgentNumbersAMilli)
	a.highest = max(a.highest, now)
	entry := &agentEntry{session: id}
	agent := &Agent{
		core:    replica.NewAgent(replica.AgentConfig{Session: id, Place: a.place(), First: a.highest}),
		carrier: a.caller, agents: a, entry: entry,
		calls: map[replica.CallID]*agentCall{}, onWay: map[replica.CallID]*call{}, named: map[*byte]string{},
	}
	entry.pid = a.host.Root().Spawn(Props(func() actor.Actor { return agent }, actor.WithDispatcher(a.host.Workers())))
	return entry
}

// letGo is the end of a hold. Nobody will need the agent of a session that is over.
func (a *Agents) letGo(entry *agentEntry) {
	defer a.callers.Done()
	a.mu.Lock()
	entry.users--
	retires := entry.users == 0 && entry.over.Load()
	a.mu.Unlock()
	if retires {
		a.host.Root().Send(entry.pid, retire{})
	}
}

// remove takes an agent out that has nothing to do, unless somebody has come, or all
// are about to go.
func (a *Agents) remove(entry *agentEntry, last lock.Number) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || entry.users > 0 || a.all[entry.session] != entry {
		return false
	}
	delete(a.all, entry.session)
	a.highest = max(a.highest, last+1)
	return true
}

// sweep has the agents retire that nobody has used since the last sweep.
func (a *Agents) sweep() {
	a.mu.Lock()
	var unused []*actor.PID
	for _, entry := range a.all {
		if entry.users == 0 && !entry.used {
			unused = append(unused, entry.pid)
		}
		entry.used = false
	}
	a.mu.Unlock()
	for _, pid := range unused {
		a.host.Root().Send(pid, retire{})
	}
}

// sweeper sweeps from time to time.
type sweeper struct {
	agents *Agents
	pulse  pulse
}

// Receive dispatches.
func (s *sweeper) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Tick:
		s.pulse.take(ctx, m)
		s.agents.sweep()
	default:
		unknown(ctx)
	}
}

// place is this node's among the members, by name. Before it has been told who
// they are, it takes one that depends on its address.
func (a *Agents) place() int {
	self := a.host.Address()
	if members := a.caller.members.Load(); members != nil {
		byName := slices.SortedFunc(slices.Values(*members), func(one, other replica.Member) int {
			return strings.Compare(one.Name, other.Name)
		})
		if at := slices.IndexFunc(byName, func(m replica.Member) bool { return m.Address == self }); at >= 0 {
			return at
		}
	}
	sum := 0
	for _, b := range []byte(self) {
		sum += int(b)
	}
	return sum
}

// learnMembers notes who the members are.
func (c *Caller) learnMembers(m *ToldByNode) {
	if len(m.Told.Members) > 0 {
		c.members.Store(&m.Told.Members)
	}
}

// Close ends what is under way with replica.ErrClosed, waits until what is undone
// with it is, and ends the node's own session with one attempt at telling the nodes:
// all as far as ctx lasts. The sessions of others live on.
func (a *Agents) Close(ctx context.Context) error {
	var err error
	a.once.Do(func() {
		a.mu.Lock()
		a.closed = true
		a.mu.Unlock()
		a.settle(ctx)
		err = a.caller.Close(ctx)
		a.stop()
	})
	return err
}

// settle has the agents give up what their callers wait for, and waits until that is
// undone which nobody else would undo.
func (a *Agents) settle(ctx context.Context) {
	pids := a.pids()
	for _, pid := range pids {
		a.host.Root().Send(pid, giveUp{})
	}
	// What a caller got in its last moment is given back when it goes.
	gone := make(chan struct{})
	go func() {
		a.callers.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		return
	}
	settled := make(chan struct{}, len(pids))
	for _, pid := range pids {
		a.host.Root().Send(pid, settle{settled})
	}
	for range pids {
		select {
		case <-settled:
		case <-ctx.Done():
			return
		}
	}
}

// pids are all agents that there are.
func (a *Agents) pids() (pids []*actor.PID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, entry := range a.all {
		pids = append(pids, entry.pid)
	}
	return pids
}

// Kill stops the actors and tells nobody.
func (a *Agents) Kill() {
	a.once.Do(func() {
		a.mu.Lock()
		a.closed = true
		a.mu.Unlock()
		a.stop()
	})
}

// stop ends the clocks, and the agents after what their mailboxes hold.
func (a *Agents) stop() {
	a.host.Root().Stop(a.ticker)
	a.host.Root().Stop(a.broom)
	for _, pid := range a.pids() { // without the mutex: who posts to an actor may run it, and it may come here
		a.host.Root().Poison(pid)
	}
	close(a.quit)
}
