package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lockstep/lock"
)

// world is a client, the nodes, which share one table, so that only the client's
// half of the protocol is under test, and the network between them. The client
// was given some of the nodes, and hears of others.
type world struct {
	client  *Client
	nodes   []NodeID // that there are
	members []int    // of them; the others answer too, and send everybody there
	primary int
	known   []NodeID // what the client's shell was told to know
	table   *lock.Table
	view    lock.View
	packets []packet
	calm    bool // what is ordered is done

	calls  map[CallID]*worldCall
	clerks [3]*worldClerk // the first has id zero and any number of calls at once
	last   CallID
	gone   ClerkID // the last clerk id given
	closed bool

	results map[lock.RequestID]lock.Result // of every request that was executed
}

type worldCall struct {
	clerk    *worldClerk    // nil: it is an order
	only     NodeID         // where such a one has to stay, or empty
	request  lock.RequestID // once it was asked
	executed bool
	finished bool
}

type worldClerk struct {
	id       ClerkID
	open     CallID // or zero
	executed CallID // its latest call that was executed
}

// packet is a frame on its way, to a node or from it.
type packet struct {
	node     int
	commands []lock.Command
	answers  []Answer
	bind     bool // who are the members?
	told     *Told
	orders   []GivenOrder
	ordered  []Ordered
}

func newWorld(t *rapid.T) *world {
	nodes := []NodeID{"a", "b", "c", "d", "e"}
	seeds := nodes[:rapid.IntRange(1, 3).Draw(t, "seeds")]
	w := &world{
		client:  NewClient(ClientConfig{Nodes: seeds, Seed: rapid.Uint64().Draw(t, "seed"), FirstAttempt: 3, MaxAttempt: 9}),
		nodes:   nodes,
		members: []int{0, 1, 2},
		known:   seeds,
		table:   lock.NewTable(),
		view:    1,
		calls:   map[CallID]*worldCall{},
		results: map[lock.RequestID]lock.Result{},
	}
	w.clerks = [3]*worldClerk{{}, {id: 1}, {id: 2}}
	w.gone = 2
	return w
}

// step gives the client an event and believes nothing of what it does.
func (w *world) step(t *rapid.T, ev ClientEvent) {
	for _, effect := range w.client.Step(ev) {
		switch e := effect.(type) {
		case Know:
			w.known = e.Nodes
		case AskMembers:
			w.checkKnown(t, e.To)
			w.packets = append(w.packets, packet{node: slices.Index(w.nodes, e.To), bind: true})
		case Pass:
			w.checkKnown(t, e.To)
			w.checkPassed(t, e)
			w.packets = append(w.packets, packet{node: slices.Index(w.nodes, e.To), orders: e.Orders})
		case Ask:
			w.checkKnown(t, e.To)
			for _, c := range e.Commands {
				w.checkAsked(t, c)
			}
			w.packets = append(w.packets, packet{node: slices.Index(w.nodes, e.To), commands: e.Commands})
		case Finish:
			for _, f := range e.Calls {
				w.checkFinished(t, f)
			}
		case Closed:
			w.closed = true
		}
	}
	w.checkPlaces(t)
}

// checkKnown demands that nobody is asked to whom no connection was wanted.
func (w *world) checkKnown(t *rapid.T, node NodeID) {
	if !slices.Contains(w.known, node) {
		t.Fatalf("%q is asked, but only %v are known", node, w.known)
	}
}

// checkPassed demands that an order which is for one node goes nowhere else. Its
// name is the number of the call.
func (w *world) checkPassed(t *rapid.T, e Pass) {
	for _, one := range e.Orders {
		var id CallID
		fmt.Sscanf(one.Order.Name, "%d", &id)
		if call := w.calls[id]; call.finished || call.only != "" && call.only != e.To {
			t.Fatalf("order %d went to %s: %+v", id, e.To, call)
		}
	}
}

// checkPlaces demands that nothing refers to a place that nobody has: the next
// node to get it would be taken for another.
func (w *world) checkPlaces(t *rapid.T) {
	c := w.client
	var used uint64
	for i := range c.nodes {
		if c.nodes[i].id != "" {
			used |= 1 << i
		}
	}
	c.eachAttempt(func(a *attempt, _ errand) {
		if used>>a.node&1 == 0 || a.tried&^used != 0 {
			t.Fatalf("an attempt at place %d, after %b, when %b are taken", a.node, a.tried, used)
		}
	})
	if len(c.ring) == 0 || used>>c.primary&1 == 0 || len(c.nodes) > MaxClientNodes {
		t.Fatalf("%d nodes in the ring, the primary at %d, of %d places", len(c.ring), c.primary, len(c.nodes))
	}
}

// checkAsked demands that a call keeps its number for life and that a number
// belongs to one call. Names carry the call, as in "17/lock".
func (w *world) checkAsked(t *rapid.T, c lock.Command) {
	if l := c.Check(); l != lock.NoLimit {
		t.Fatalf("%+v: %v", c, l)
	}
	call, ok := w.callOf(c)
	if !ok {
		return
	}
	if call.finished {
		t.Fatalf("%s was asked after its call had finished", c.Name)
	}
	if call.request == (lock.RequestID{}) {
		call.request = c.ID()
	}
	if call.request != c.ID() {
		t.Fatalf("%s changed from %+v to %+v", c.Name, call.request, c.ID())
	}
}

func (w *world) callOf(c lock.Command) (*worldCall, bool) {
	var id CallID
	if n, _ := fmt.Sscanf(c.Name, "%d/", &id); n == 0 {
		return nil, false
	}
	return w.calls[id], true
}

func (w *world) checkFinished(t *rapid.T, f Finished) {
	call := w.calls[f.ID]
	if call == nil || call.finished {
		t.Fatalf("call %d finished without having been open", f.ID)
	}
	call.finished = true
	if call.clerk == nil {
		if f.Err == nil && f.Order.Outcome != OrderDone || f.Err != nil && !errors.Is(f.Err, ErrCanceled) && !errors.Is(f.Err, ErrBusy) {
			t.Fatalf("order %d: %+v", f.ID, f)
		}
		return
	}
	if call.clerk.open == f.ID {
		call.clerk.open = 0
	}
	switch want, executed := w.results[call.request]; {
	case f.Err == nil && (!executed || f.Result != want):
		t.Fatalf("call %d was told %+v, but the table said %+v (executed: %v)", f.ID, f.Result, want, executed)
	case f.Err != nil && !slices.ContainsFunc(
		[]error{ErrCanceled, ErrDeadline, ErrSessionExpired, ErrClosed},
		func(err error) bool { return errors.Is(f.Err, err) }):
		t.Fatalf("call %d: %v", f.ID, f.Err)
	}
}

// order lets the table execute a command and checks that every call is executed
// at most once, and never after a later call of its clerk.
func (w *world) order(t *rapid.T, c lock.Command) lock.Result {
	plain := c
	if i := strings.IndexByte(c.Name, '/'); i >= 0 {
		plain.Name = c.Name[i+1:]
	}
	result := w.table.Apply(lock.Entry{View: w.view, Index: w.table.Index() + 1, Command: plain})
	call, ok := w.callOf(c)
	if !ok || result.Outcome == lock.Stale || result.Outcome == lock.SessionExpired {
		return result
	}
	if before, repeated := w.results[c.ID()]; repeated {
		if before != result {
			t.Fatalf("%s was answered %+v, then %+v", c.Name, before, result)
		}
		return result
	}
	if call.executed {
		t.Fatalf("%s was executed twice", c.Name)
	}
	call.executed = true
	w.results[c.ID()] = result
	w.checkFence(t, call, c)
	return result
}

func (w *world) checkFence(t *rapid.T, call *worldCall, c lock.Command) {
	if call.clerk.id == 0 {
		return
	}
	for id, other := range w.calls {
		if other == call && id < call.clerk.executed {
			t.Fatalf("%s was executed after its clerk's call %d", c.Name, call.clerk.executed)
		}
		if other == call {
			call.clerk.executed = id
		}
	}
}

// arrive lets a packet arrive at its end.
func (w *world) arrive(t *rapid.T, p packet, answer func(lock.Command) Answer) {
	switch {
	case p.node < 0: // there is no such node
		return
	case p.answers != nil:
		w.step(t, Answered{From: w.nodes[p.node], Answers: p.answers})
		return
	case p.ordered != nil:
		w.step(t, Instructions{w.nodes[p.node], p.ordered})
		return
	case p.orders != nil:
		w.packets = append(w.packets, packet{node: p.node, ordered: w.carryOut(p)})
		return
	case p.told != nil:
		w.step(t, Bound{From: w.nodes[p.node], Told: *p.told})
		return
	case p.bind:
		w.packets = append(w.packets, packet{node: p.node, told: w.truth()})
		return
	}
	back := packet{node: p.node}
	for _, c := range p.commands {
		a := answer(c)
		a.Request = c.ID()
		back.answers = append(back.answers, a)
	}
	w.packets = append(w.packets, back)
}

// carryOut answers orders: the primary takes them, and so does the node that one
// is for.
func (w *world) carryOut(p packet) (answers []Ordered) {
	for _, one := range p.orders {
		a := Ordered{ID: one.ID, Kind: Executed, Outcome: OrderDone}
		switch {
		case one.Order.Kind != Bootstrap && p.node != w.primary:
			a = Ordered{ID: one.ID, Kind: NotPrimary, Hint: w.nodes[w.primary]}
		case !w.calm && len(w.packets)%2 == 0: // as good as chance
			a.Outcome, a.Text = OrderWorking, fmt.Sprint(len(w.packets))
		}
		answers = append(answers, a)
	}
	return answers
}

// truth is who the members are.
func (w *world) truth() *Told {
	told := &Told{View: w.view}
	for _, i := range w.members {
		told.Members = append(told.Members, Member{Address: w.nodes[i], Voter: true})
	}
	return told
}

// honest is what a node in good health answers.
func (w *world) honest(t *rapid.T, node int) func(lock.Command) Answer {
	return func(c lock.Command) Answer {
		if node != w.primary {
			return Answer{Kind: NotPrimary, Hint: w.nodes[w.primary]}
		}
		return Answer{Kind: Executed, Result: w.order(t, c)}
	}
}

// troubled is what a node may answer while roles change.
func (w *world) troubled(t *rapid.T, node int) func(lock.Command) Answer {
	return func(c lock.Command) Answer {
		hint := rapid.SampledFrom(append([]NodeID{"", "nobody"}, w.nodes...)).Draw(t, "hint")
		switch rapid.IntRange(0, 5).Draw(t, "trouble") {
		case 0:
			return Answer{Kind: NotPrimary, Hint: hint}
		case 1:
			return Answer{Kind: Overloaded}
		case 2:
			return Answer{Kind: Moved, Hint: hint}
		case 3:
			w.order(t, c)
			return Answer{Kind: Moved, Hint: hint}
		case 4:
			return Answer{Kind: NoQuorum}
		default:
			return w.honest(t, node)(c)
		}
	}
}

func (w *world) anyPacket(t *rapid.T, keep bool) packet {
	if len(w.packets) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(w.packets)-1).Draw(t, "packet")
	p := w.packets[i]
	if !keep {
		w.packets = slices.Delete(w.packets, i, i+1)
	}
	return p
}

func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"call":   w.call,
		"call2":  w.call, // twice, for more of them
		"cancel": w.cancel,
		"forget": w.forget,
		"order":  w.issue,
		"tick":   func(t *rapid.T) { w.step(t, ClientTick{}) },
		"deliver": func(t *rapid.T) {
			p := w.anyPacket(t, false)
			w.arrive(t, p, w.honest(t, p.node))
		},
		"trouble": func(t *rapid.T) {
			p := w.anyPacket(t, false)
			w.arrive(t, p, w.troubled(t, p.node))
		},
		"repeat": func(t *rapid.T) {
			p := w.anyPacket(t, true)
			w.arrive(t, p, w.honest(t, p.node))
		},
		"lose":     func(t *rapid.T) { w.anyPacket(t, false) },
		"lostNode": func(t *rapid.T) { w.step(t, NodeLost{rapid.SampledFrom(w.nodes).Draw(t, "node")}) },
		"reached":  func(t *rapid.T) { w.step(t, NodeReached{rapid.SampledFrom(w.nodes).Draw(t, "node")}) },
		"failOver": w.failOver,
		"told":     w.told,
		"expire":   w.expire,
	}
}

func (w *world) call(t *rapid.T) {
	clerk := rapid.SampledFrom(w.clerks[:]).Draw(t, "clerk")
	if clerk.open != 0 {
		t.Skip("one call at a time")
	}
	w.last++
	if clerk.id != 0 {
		clerk.open = w.last
	}
	w.calls[w.last] = &worldCall{clerk: clerk}
	w.step(t, Call{
		ID:       w.last,
		Clerk:    clerk.id,
		Verb:     rapid.SampledFrom([]lock.Verb{lock.Lock, lock.Unlock}).Draw(t, "verb"),
		Name:     fmt.Sprintf("%d/%s", w.last, rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name")),
		Deadline: rapid.SampledFrom([]int{0, 0, 0, 1, 4, 20}).Draw(t, "deadline"),
	})
}

// issue gives an order, to whoever is the primary or to one node.
func (w *world) issue(t *rapid.T) {
	w.last++
	call := &worldCall{}
	o := Order{Kind: AddMember, Name: fmt.Sprint(w.last)}
	if rapid.Bool().Draw(t, "only") {
		call.only = rapid.SampledFrom(w.nodes).Draw(t, "node")
		o.Kind = Bootstrap
	}
	w.calls[w.last] = call
	w.step(t, Issue{w.last, o, call.only})
}

func (w *world) cancel(t *rapid.T) {
	if w.last == 0 {
		t.Skip("no call yet")
	}
	id := CallID(rapid.Uint64Range(1, uint64(w.last)).Draw(t, "call"))
	w.step(t, Cancel{id})
	if !w.calls[id].finished {
		t.Fatalf("call %d goes on after it was given up", id)
	}
}

func (w *world) forget(t *rapid.T) {
	i := rapid.IntRange(1, 2).Draw(t, "clerk")
	if w.clerks[i].open != 0 {
		t.Skip("it has a call outstanding")
	}
	w.step(t, Forget{w.clerks[i].id})
	w.gone++
	w.clerks[i] = &worldClerk{id: w.gone}
}

// failOver makes another node the primary, which may be a new one.
func (w *world) failOver(t *rapid.T) {
	w.members = rapid.SliceOfNDistinct(rapid.IntRange(0, len(w.nodes)-1), 1, 4, rapid.ID).Draw(t, "members")
	w.primary = w.members[0]
	w.view++
}

// told is an old list of members, or one of the future, or nonsense.
func (w *world) told(t *rapid.T) {
	told := Told{View: w.view + lock.View(rapid.IntRange(0, 1).Draw(t, "view"))}
	for _, id := range rapid.SliceOfN(rapid.SampledFrom(append([]NodeID{"", "nobody"}, w.nodes...)), 0, 4).Draw(t, "members") {
		told.Members = append(told.Members, Member{Address: id, Voter: rapid.Bool().Draw(t, "voter")})
	}
	w.step(t, Bound{From: rapid.SampledFrom(w.nodes).Draw(t, "from"), Told: told})
}

func (w *world) expire(t *rapid.T) {
	sessions := w.table.Snapshot().Sessions
	if len(sessions) == 0 {
		t.Skip("no session")
	}
	id := rapid.SampledFrom(sessions).Draw(t, "session").ID
	w.order(t, lock.Command{Verb: lock.CloseSession, Session: id})
}

// settle lets the network be good until every call has finished.
func (w *world) settle(t *rapid.T) {
	w.calm = true
	w.view += 2 // and everybody has heard of it
	for _, node := range w.nodes {
		w.step(t, NodeReached{node})
	}
	for range 200 {
		for len(w.packets) > 0 {
			p := w.packets[0]
			w.packets = w.packets[1:]
			w.arrive(t, p, w.honest(t, p.node))
		}
		if w.allFinished() {
			return
		}
		w.step(t, ClientTick{})
	}
	t.Fatal("calls go on for ever on a good network")
}

func (w *world) allFinished() bool {
	for _, call := range w.calls {
		if !call.finished {
			return false
		}
	}
	return true
}

func TestEveryCallIsExecutedAtMostOnceAndAnsweredTruly(t *testing.T) {
	for range 20 { // a history takes 50 µs, so the default of 100 is too few
		rapid.Check(t, checkHistory)
	}
}

func checkHistory(t *rapid.T) {
	w := newWorld(t)
	t.Repeat(w.actions())
	w.settle(t)
	w.step(t, Shut{})
	for range 3 {
		w.step(t, ClientTick{})
	}
	if !w.closed {
		t.Fatal("the client did not close")
	}
}
