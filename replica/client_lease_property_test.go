package replica

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"lockstep/lock"
)

// holder is a client with its shell, the service, and a network between them that
// loses, repeats and delays. Time is real in steps of 5 ms; the clocks of both
// sides run at rates of their own. Nodes come and go, and at times there is no
// primary among them.
type holder struct {
	client  *Client
	service *service
	nodes   []NodeID
	members []int
	view    lock.View
	primary int // or nobody
	deaf    int // the node that hears nothing, or nobody
	weather *rand.Rand
	calm    bool

	time              Instant // real
	rate, serviceRate float64
	tickDue           float64
	frames            []frame
	silent            Instant // nothing arrives before

	calls    map[CallID]*heldCall
	requests map[lock.RequestID]CallID
	last     CallID
	session  lock.SessionID
	until    Instant
	leases   map[lock.Token][]heldLease
	revoked  map[lock.Token]bool // taken away by an operator
	closed   bool

	granted, lost int // how many leases, and how many were told lost
}

type heldCall struct {
	request  lock.RequestID
	finished bool
}

type heldLease struct {
	name  string
	until Instant // of its MaxHold, or zero
}

// frame is on its way until a moment.
type frame struct {
	at        Instant
	node      int
	commands  []lock.Command
	inquiries []Inquiry
	answers   []Answer
	reports   []Reported
	bind      bool // who are the members?
	told      *Told
}

const nobody = -1

const timeStep Instant = 5

func newHolder(t *rapid.T) *holder {
	rates := []float64{0.98, 1, 1.02}
	nodes := []NodeID{"a", "b", "c", "d"}
	seed := rapid.Uint64().Draw(t, "seed")
	h := &holder{
		service: newService(), nodes: nodes, members: []int{0, 1, 2}, view: 1, deaf: nobody,
		weather:     rand.New(rand.NewPCG(seed, 1)),
		time:        10_000,
		rate:        rapid.SampledFrom(rates).Draw(t, "rate"),
		serviceRate: rapid.SampledFrom(rates).Draw(t, "rate of the service"),
		calls:       map[CallID]*heldCall{},
		requests:    map[lock.RequestID]CallID{},
		leases:      map[lock.Token][]heldLease{},
		revoked:     map[lock.Token]bool{},
	}
	h.client = NewClient(ClientConfig{
		Nodes: nodes[:rapid.IntRange(1, 2).Draw(t, "seeds")], Seed: seed, Now: h.clock(),
		TTL: rapid.SampledFrom([]lock.Millis{1000, 3000, 10_000}).Draw(t, "ttl"),
	})
	h.tickDue = float64(h.time)
	return h
}

func (h *holder) clock() Instant { return Instant(float64(h.time) * h.rate) }

// advance lets time pass.
func (h *holder) advance(t *rapid.T, span Instant) {
	for end := h.time + span; h.time < end; {
		h.time += timeStep
		h.service.reaches(Instant(float64(h.time) * h.serviceRate))
		h.checkBelief(t)
		h.deliver(t)
		if float64(h.time) >= h.tickDue {
			h.tickDue += float64(ClientTickPeriod) / h.rate
			h.step(t, ClientTick{h.clock()})
		}
		h.checkBelief(t)
	}
}

// checkBelief demands that the service keeps what the client believes to hold.
// An operator may take it away without waiting for anybody.
func (h *holder) checkBelief(t *rapid.T) {
	held := h.service.held(h.session)
	for token, leases := range h.leases {
		if held[token] == 0 && !h.revoked[token] {
			t.Fatalf("at %d (%d by its clock) the client believes in %d until %d, which the service has taken back: %+v",
				h.time, h.clock(), token, h.until, leases)
		}
		for _, lease := range leases {
			if now := h.clock(); now >= h.until || lease.until != 0 && now >= lease.until {
				t.Fatalf("at %d the lease %d is there, after its end: %d, %+v", now, token, h.until, lease)
			}
		}
	}
}

func (h *holder) deliver(t *rapid.T) {
	var due []frame
	h.frames = slices.DeleteFunc(h.frames, func(f frame) bool {
		if f.at <= h.time {
			due = append(due, f)
		}
		return f.at <= h.time
	})
	slices.SortStableFunc(due, func(a, b frame) int { return int(a.at) - int(b.at) })
	for _, f := range due {
		h.arrive(t, f)
	}
}

func (h *holder) arrive(t *rapid.T, f frame) {
	if h.time < h.silent || f.node == h.deaf {
		return
	}
	back := frame{node: f.node}
	for _, c := range f.commands {
		back.answers = append(back.answers, h.answer(f.node, c))
	}
	for _, one := range f.inquiries {
		back.reports = append(back.reports, h.report(f.node, one))
	}
	if f.bind {
		back.told = h.truth()
	}
	if len(back.answers)+len(back.reports) > 0 || f.bind {
		h.post(back)
	}
	if len(f.answers) > 0 {
		h.step(t, Answered{From: h.nodes[f.node], Answers: f.answers})
	}
	if len(f.reports) > 0 {
		h.step(t, Looked{h.nodes[f.node], f.reports})
	}
	if f.told != nil {
		h.step(t, Bound{From: h.nodes[f.node], Told: *f.told})
	}
	h.checkBelief(t)
}

func (h *holder) answer(node int, c lock.Command) Answer {
	a := Answer{Request: c.ID(), Kind: Executed}
	switch {
	case h.primary == nobody:
		a.Kind = NoQuorum
	case node != h.primary:
		a.Kind, a.Hint = NotPrimary, h.nodes[h.primary]
	case !h.calm && h.weather.IntN(10) == 0:
		a.Kind = Overloaded
	default:
		a.Result = h.service.apply(c)
		if !h.calm && h.weather.IntN(10) == 0 {
			a.Kind, a.Result = Moved, lock.Result{}
		}
	}
	return a
}

func (h *holder) report(node int, one Inquiry) Reported {
	switch {
	case h.primary == nobody:
		return Reported{ID: one.ID, Kind: NoQuorum}
	case node != h.primary:
		return Reported{ID: one.ID, Kind: NotPrimary, Hint: h.nodes[h.primary]}
	}
	return Reported{ID: one.ID, Kind: Executed, Report: h.service.report(one.Query)}
}

// truth is who the members are.
func (h *holder) truth() *Told {
	told := &Told{View: h.view}
	for _, i := range h.members {
		told.Members = append(told.Members, Member{Address: h.nodes[i], Voter: true})
	}
	return told
}

// post puts a frame on its way.
func (h *holder) post(f frame) {
	if h.calm {
		f.at = h.time + timeStep
		h.frames = append(h.frames, f)
		return
	}
	delays := []Instant{0, 1, 5, 20, 20, 100, 300, 1000, 4000}
	for range []int{1, 1, 1, 1, 0, 2}[h.weather.IntN(6)] {
		f.at = h.time + delays[h.weather.IntN(len(delays))]
		h.frames = append(h.frames, f)
	}
}

// step gives the client an event and does what its shell would do.
func (h *holder) step(t *rapid.T, ev ClientEvent) {
	for _, effect := range h.client.Step(ev) {
		switch e := effect.(type) {
		case Believes:
			h.session, h.until = e.Session, e.Until
		case Finish:
			for _, f := range e.Calls {
				h.finished(t, f)
			}
		case LeaseLost:
			h.leaseLost(t, e)
		case Lost:
			if len(h.leases) == 0 {
				t.Fatal("all leases are lost, but there is none")
			}
			h.lost++
			clear(h.leases)
		case Ask:
			for _, c := range e.Commands {
				h.checkAsked(t, c)
			}
			h.post(frame{node: slices.Index(h.nodes, e.To), commands: e.Commands})
		case Look:
			h.post(frame{node: slices.Index(h.nodes, e.To), inquiries: e.Inquiries})
		case AskMembers:
			h.post(frame{node: slices.Index(h.nodes, e.To), bind: true})
		case Closed:
			h.closed = true
		}
	}
}

func (h *holder) leaseLost(t *rapid.T, e LeaseLost) {
	if len(h.leases[e.Token]) == 0 {
		t.Fatalf("%d is lost, but is no lease", e.Token)
	}
	if errors.Is(e.Cause, ErrRevoked) && !h.revoked[e.Token] {
		t.Fatalf("%d is said to be revoked", e.Token)
	}
	h.lost++
	delete(h.leases, e.Token)
}

// checkAsked demands that a request stays what it is.
func (h *holder) checkAsked(t *rapid.T, c lock.Command) {
	if l := c.Check(); l != lock.NoLimit {
		t.Fatalf("%+v: %v", c, l)
	}
	if c.Terms == nil || c.Terms.Info == "" || c.Verb != lock.Acquire {
		return
	}
	id := CallID(len(c.Terms.Info) - len("k="))
	call := h.calls[id]
	if call.request == (lock.RequestID{}) {
		call.request = c.ID()
	}
	if other, taken := h.requests[c.ID()]; call.finished || call.request != c.ID() || taken && other != id {
		t.Fatalf("call %d is asked as %+v (finished: %v)", id, c, call.finished)
	}
	h.requests[c.ID()] = id
}

func (h *holder) finished(t *rapid.T, f Finished) {
	call := h.calls[f.ID]
	if call == nil || call.finished {
		t.Fatalf("call %d ended without having been open", f.ID)
	}
	call.finished = true
	allowed := []error{ErrCanceled, ErrDeadline, ErrSessionExpired, ErrClosed}
	if f.Err != nil && !slices.ContainsFunc(allowed, func(err error) bool { return errors.Is(f.Err, err) }) {
		t.Fatalf("call %d: %v", f.ID, f.Err)
	}
	if f.Err == nil && f.Result.Outcome == lock.Granted {
		h.granted++
		token := f.Result.Token
		h.leases[token] = append(h.leases[token], heldLease{h.nameOf(token), f.Until})
	}
}

func (h *holder) nameOf(token lock.Token) string {
	for name, l := range h.service.locks {
		if l.holder != nil && l.holder.token == token {
			return name
		}
	}
	return "x" // it was revoked on the way
}

func (h *holder) call(t *rapid.T, ev Call) {
	h.last++
	ev.ID = h.last
	h.calls[ev.ID] = &heldCall{}
	h.step(t, ev)
}

func (h *holder) acquire(t *rapid.T) {
	// The length of its info tells whose request a command is.
	info := make([]byte, int(h.last)+1)
	for i := range info {
		info[i] = 'v'
	}
	terms := &lock.Terms{Info: "k=" + lock.Info(info)}
	name := h.name(t)
	// A MaxHold is that of the grant which is entered first, so not both.
	if name == "x" {
		terms.Reentrant = rapid.Bool().Draw(t, "re-entrant")
	} else {
		terms.MaxHold = rapid.SampledFrom([]lock.Millis{0, 0, 1000, 4000}).Draw(t, "hold")
	}
	h.call(t, Call{
		Verb: lock.Acquire, Name: name, Terms: terms,
		Wait:     rapid.Bool().Draw(t, "wait"),
		Deadline: rapid.SampledFrom([]int{0, 0, 1, 10, 100}).Draw(t, "deadline"),
	})
}

func (h *holder) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name")
}

func (h *holder) release(t *rapid.T) {
	if len(h.leases) == 0 {
		t.Skip("nothing is held")
	}
	h.releaseOne(t)
}

// releaseOne releases one grant of the lowest token.
func (h *holder) releaseOne(t *rapid.T) {
	var tokens []lock.Token
	for token := range h.leases {
		tokens = append(tokens, token)
	}
	token := slices.Min(tokens)
	leases := h.leases[token]
	if h.leases[token] = leases[1:]; len(leases) == 1 {
		delete(h.leases, token)
	}
	h.call(t, Call{Verb: lock.Release, Name: leases[0].name, Token: token})
}

func (h *holder) cancel(t *rapid.T) {
	if h.last == 0 {
		t.Skip("no call yet")
	}
	id := CallID(rapid.Uint64Range(1, uint64(h.last)).Draw(t, "call"))
	h.step(t, Cancel{id})
	if !h.calls[id].finished {
		t.Fatalf("call %d goes on after it was given up", id)
	}
}

// revoke takes what is held there away. Its owner may be told at once.
func (h *holder) revoke(t *rapid.T) {
	l := h.service.locks[h.name(t)]
	if l.holder == nil || l.holder.session == nil {
		t.Skip("nobody of ours holds it")
	}
	c := l.holder
	h.revoked[c.token] = true
	h.service.takeAway(c, lock.LockRevoked)
	if rapid.Bool().Draw(t, "noticed") {
		h.step(t, Noticed{c.session.id, lock.Revocation{Token: c.token, Kind: lock.LockRevoked}})
	}
}

func (h *holder) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"acquire":  h.acquire,
		"acquire2": h.acquire,
		"release":  h.release,
		"cancel":   h.cancel,
		"lock": func(t *rapid.T) {
			h.call(t, Call{Verb: lock.Lock, Name: "z", Clerk: 1 + ClerkID(h.last), Deadline: 40})
		},
		"look": func(t *rapid.T) {
			h.last++
			h.calls[h.last] = &heldCall{}
			h.step(t, Inquire{h.last, lock.Query{Kind: lock.QueryLock, Name: "x"}})
		},
		"rival":    func(t *rapid.T) { h.service.rival(h.name(t)) },
		"revoke":   h.revoke,
		"failOver": h.failOver,
		"election": h.election,
		"deaf":     func(t *rapid.T) { h.deaf = rapid.IntRange(nobody, len(h.nodes)-1).Draw(t, "deaf") },
		"reached":  func(t *rapid.T) { h.step(t, NodeReached{rapid.SampledFrom(h.nodes).Draw(t, "node")}) },
		"lostNode": func(t *rapid.T) { h.step(t, NodeLost{rapid.SampledFrom(h.nodes).Draw(t, "node")}) },
		"silence": func(t *rapid.T) {
			h.silent = h.time + rapid.SampledFrom([]Instant{200, 1000, 5000}).Draw(t, "silence")
		},
		"time":  h.pass,
		"time2": h.pass,
		"time3": h.pass,
	}
}

// election leaves the nodes without a primary, perhaps for longer than a session
// lives.
func (h *holder) election(t *rapid.T) {
	h.primary = nobody
	h.advance(t, rapid.SampledFrom([]Instant{0, 0, 1200, 4000}).Draw(t, "span"))
}

// failOver makes another node the primary, in a new view and with other members
// perhaps.
func (h *holder) failOver(t *rapid.T) {
	h.members = rapid.SliceOfNDistinct(rapid.IntRange(0, len(h.nodes)-1), 1, 3, rapid.ID).Draw(t, "members")
	h.primary = h.members[0]
	h.view++
}

func (h *holder) pass(t *rapid.T) {
	h.advance(t, rapid.SampledFrom([]Instant{5, 25, 100, 400, 1500}).Draw(t, "span"))
}

// settle lets everything be well until all calls have ended, and nothing is held
// or waited for any more.
func (h *holder) settle(t *rapid.T) {
	h.calm, h.silent, h.deaf = true, 0, nobody
	if h.primary == nobody {
		h.primary = h.members[0]
	}
	for _, node := range h.nodes {
		h.step(t, NodeReached{node})
	}
	h.service.noRivals()
	h.advance(t, 6000)
	h.checkTold(t)
	for range 2000 { // a lost grant is looked for when the wait has rested for up to 37 s
		for len(h.leases) > 0 {
			h.releaseOne(t)
		}
		h.advance(t, 100)
		if h.over() {
			return
		}
	}
	t.Fatalf("after 200 s in calm: calls %+v, held %v, %d waits", h.calls, h.service.held(h.session), h.service.waits())
}

// checkTold demands that every loss has been told, an operator's deeds included.
func (h *holder) checkTold(t *rapid.T) {
	held := h.service.held(h.session)
	for token := range h.leases {
		if held[token] == 0 {
			t.Fatalf("after 6 s in calm the client has not heard that %d was taken away", token)
		}
	}
}

func (h *holder) over() bool {
	for _, call := range h.calls {
		if !call.finished {
			return false
		}
	}
	return len(h.leases) == 0 && len(h.service.held(h.session)) == 0 && h.service.waits() == 0
}

func TestAClientNeverBelievesInWhatTheNodesHaveTakenBack(t *testing.T) {
	var granted, lost int
	rapid.Check(t, func(t *rapid.T) {
		h := newHolder(t)
		t.Repeat(h.actions())
		h.settle(t)
		h.step(t, Shut{})
		h.advance(t, 300)
		if !h.closed {
			t.Fatal("the client did not close")
		}
		h.advance(t, 15_000)
		if len(h.service.sessions) > 0 {
			t.Fatal("a session is kept alive that is not the client's any more")
		}
		granted += h.granted
		lost += h.lost
	})
	if granted == 0 || lost == 0 {
		t.Errorf("%d leases, %d losses: too few to prove anything", granted, lost)
	}
}
