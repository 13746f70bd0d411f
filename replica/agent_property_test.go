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

// embassy is one session that the agents of two nodes serve at once. Its client
// comes to either as it likes, the nodes share one table, and the network between
// them loses, delays and repeats.
type embassy struct {
	table   *lock.Table
	view    lock.View
	primary int
	waits   map[lock.RequestID]embassyMail // who is told of a grant
	mail    []embassyMail
	sites   [2]*site
	session lock.SessionID
	rival   lock.SessionID
	rivals  map[string]lock.Number // the number of the rival's last request, by lock
	ended   bool
	// meet says that both sites draw numbers in the same slots, as two nodes may while
	// the members change. Then a wait may be lost, and it may be unknown what became of
	// a request; but nothing is executed twice.
	meet bool
	now  int // steps so far
	came int // when a sign of life has last come to the primary

	calls   map[CallID]*visit
	last    CallID
	pairs   [3]visit // the last visit of each slot that the client numbers
	tokens  map[lock.Token]string
	results map[lock.RequestID]lock.Result
	ran     map[string]bool // what was executed, by its mark
}

// site is one node that serves the session. Its mail from an earlier life is lost.
type site struct {
	life, place int
	client      *Client
	agent       *Agent
	began       map[CallID]int // when each errand was sent
	back        bool           // its clock was set back: it draws numbers that it has drawn before
}

// visit is one request of the session's client. The marks of names, as in "17/x",
// tell them apart; the repeats of a pair share one.
type visit struct {
	site    int
	command lock.Command
	mark    string
	asked   int
	done    bool
	lost    bool // with its site, or with its caller: nobody heard what came of it
}

type embassyMail struct {
	site, life, node int
	commands         []lock.Command
	answers          []Answer
}

var embassyNodes = []NodeID{"a", "b", "c"}

func newEmbassy(t *rapid.T) *embassy {
	w := &embassy{
		table: lock.NewTable(), view: 1,
		waits: map[lock.RequestID]embassyMail{}, rivals: map[string]lock.Number{},
		calls: map[CallID]*visit{}, tokens: map[lock.Token]string{},
		results: map[lock.RequestID]lock.Result{}, ran: map[string]bool{},
	}
	w.session = w.apply(lock.Command{Verb: lock.OpenSession, Number: 1}).Session
	w.rival = w.apply(lock.Command{Verb: lock.OpenSession, Number: 2}).Session
	w.meet = rapid.IntRange(0, 3).Draw(t, "meet") == 0
	for i := range w.sites {
		w.sites[i] = &site{place: i}
		if w.meet {
			w.sites[i].place = AgentPlaces * i
		}
		w.found(t, i)
	}
	return w
}

// found begins a life of a site. The clock of a node may have been set back.
func (w *embassy) found(t *rapid.T, i int) {
	s := w.sites[i]
	s.life++
	first := uint64(s.life)*AgentNumbersAMilli + uint64(i)*AgentNumbersAMilli/2 // chance keeps them apart
	if s.back = s.life > 1 && rapid.IntRange(0, 3).Draw(t, "clock") == 0; s.back {
		first = uint64(1 + 2000*(2*s.life+i))
	}
	s.client = NewClient(ClientConfig{Nodes: slices.Clone(embassyNodes), Seed: rapid.Uint64().Draw(t, "seed"), FirstAttempt: 3, MaxAttempt: 9})
	s.agent = NewAgent(AgentConfig{Session: w.session, Place: s.place, First: lock.Number(first)})
	s.began = map[CallID]int{}
}

// apply executes a command, and has those told whose wait is over by it.
func (w *embassy) apply(c lock.Command) lock.Result {
	result := w.table.Apply(lock.Entry{View: w.view, Index: w.table.Index() + 1, Command: c})
	for _, e := range w.table.Events() {
		if e.Kind != lock.LockAcquired || e.Request == (lock.RequestID{}) {
			continue
		}
		granted := lock.Result{Outcome: lock.Granted, Token: e.Token}
		w.results[e.Request] = granted
		if m, ok := w.waits[e.Request]; ok {
			delete(w.waits, e.Request)
			m.answers = []Answer{{Request: e.Request, Kind: Executed, Result: granted}}
			w.mail = append(w.mail, m)
		}
	}
	return result
}

// serve lets the primary answer a command, and checks that what a visit has asked
// for is executed at most once.
func (w *embassy) serve(t *rapid.T, m embassyMail, c lock.Command) Answer {
	if c.Session != w.session {
		t.Fatalf("%+v is not of the session", c)
	}
	if c.Verb == lock.KeepAlive {
		w.came = w.now
		return Answer{Kind: Executed, Result: w.table.Alive(c.Session)}
	}
	mark, plain, marked := strings.Cut(c.Name, "/")
	if marked {
		c.Name = plain
	}
	result := w.apply(c)
	if result.Outcome == lock.Waiting {
		m.commands = nil
		w.waits[c.ID()] = m
	}
	_, again := w.results[c.ID()]
	if again || result.Outcome == lock.Stale || result.Outcome == lock.SessionExpired {
		return Answer{Kind: Executed, Result: result}
	}
	w.results[c.ID()] = result
	if marked && w.ran[mark] {
		t.Fatalf("%s was executed twice", mark)
	}
	w.ran[mark] = marked
	return Answer{Kind: Executed, Result: result}
}

// tell gives an agent an event.
func (w *embassy) tell(t *rapid.T, i int, ev AgentEvent) {
	for _, effect := range slices.Clone(w.sites[i].agent.Step(ev)) {
		switch e := effect.(type) {
		case Drop:
			for _, id := range e.IDs {
				w.step(t, i, Cancel{id})
			}
		case Carries:
			for _, carry := range e.Carries {
				w.sites[i].began[carry.ID] = w.now
			}
			w.step(t, i, e)
		case Finish:
			for _, f := range e.Calls {
				w.finished(t, i, f, ev)
			}
		}
	}
}

// step gives a site's client an event.
func (w *embassy) step(t *rapid.T, i int, ev ClientEvent) {
	var ends []Finished
	for _, effect := range w.sites[i].client.Step(ev) {
		switch e := effect.(type) {
		case Ask:
			w.mail = append(w.mail, embassyMail{i, w.sites[i].life, slices.Index(embassyNodes, e.To), e.Commands, nil})
		case Finish:
			ends = append(ends, e.Calls...)
		}
	}
	for _, f := range ends {
		w.tell(t, i, Delivered{Finished: f})
	}
}

// finished checks an answer against what was executed, and notes what the session's
// client knows by it.
func (w *embassy) finished(t *rapid.T, i int, f Finished, because AgentEvent) {
	v := w.calls[f.ID]
	if v == nil || v.done || v.site != i {
		t.Fatalf("call %d ended without having been open at %d", f.ID, i)
	}
	v.done = true
	id := asPair(v.command).ID()
	switch {
	case errors.Is(f.Err, ErrCanceled):
		v.lost = true
		return
	case errors.Is(f.Err, ErrSessionExpired):
		if !w.ended {
			t.Fatalf("%s: expired, and the session lives", v.mark)
		}
		return
	case v.command.Verb == lock.KeepAlive:
		if d, ok := because.(Delivered); f.Err != nil || !ok || w.sites[i].began[d.Finished.ID] < v.asked {
			t.Fatalf("a life of step %d was acknowledged by what had begun before: %+v", v.asked, f)
		}
		if w.came < v.asked {
			t.Fatalf("a life of step %d was acknowledged, and the nodes count from step %d", v.asked, w.came)
		}
		return
	case v.command.Number == 0 && errors.Is(f.Err, ErrUnknown) && (w.meet || w.sites[i].back):
		v.lost = true
		return
	case v.command.Number == 0:
		w.heard(t, v, f)
		return
	}
	last := &w.pairs[v.command.Slot]
	goneOn := asPair(last.command).Number > id.Number
	want, executed := w.results[id]
	switch {
	case errors.Is(f.Err, ErrStale) && goneOn, f.Err == nil && goneOn:
		return
	case f.Err != nil || !executed || f.Result != want && f.Result.Outcome != lock.Waiting:
		t.Fatalf("%s at %d: %+v, and the table said %+v (executed: %v)", v.mark, i, f, want, executed)
	}
	last.done = f.Result.Outcome != lock.Waiting
	w.heard(t, v, f)
}

// heard notes which grants the session's client knows of.
func (w *embassy) heard(t *rapid.T, v *visit, f Finished) {
	fitting := map[lock.Verb][]lock.Outcome{
		lock.Acquire: {lock.Granted, lock.Held, lock.Waiting, lock.Deadlock},
		lock.Release: {lock.Released, lock.NotHeld},
		lock.Cancel:  {lock.Released, lock.Canceled},
	}
	switch {
	case f.Err != nil:
		t.Fatalf("%s: %v", v.mark, f.Err)
	case !slices.Contains(fitting[v.command.Verb], f.Result.Outcome):
		t.Fatalf("%+v was answered %+v", v.command, f.Result)
	case v.command.Verb == lock.Acquire && f.Result.Outcome == lock.Granted:
		w.tokens[f.Result.Token] = v.name()
	case f.Result.Outcome == lock.Released && v.command.Verb == lock.Release:
		delete(w.tokens, v.command.Token)
	}
}

func (v *visit) name() string { return v.command.Name[strings.IndexByte(v.command.Name, '/')+1:] }

// visit brings a request to a site.
func (w *embassy) visit(t *rapid.T, i int, command lock.Command, mark string, patience int) {
	if command.Name != "" {
		command.Name = mark + "/" + command.Name
	}
	command.Session = w.session
	w.last++
	w.now++
	v := &visit{site: i, command: command, mark: mark, asked: w.now}
	w.calls[w.last] = v
	if command.Number != 0 {
		w.pairs[command.Slot] = *v
	}
	w.tell(t, i, Request{ID: w.last, Command: command, Patience: patience})
}

// wish draws a request: for a lock, or for the end of a grant that nobody is about
// to release.
func (w *embassy) wish(t *rapid.T) lock.Command {
	for _, token := range sortedTokens(w.tokens) {
		if rapid.Bool().Draw(t, "release") && !w.releasing(token) {
			return lock.Command{Verb: lock.Release, Name: w.tokens[token], Token: token}
		}
	}
	return lock.Command{
		Verb: lock.Acquire, Name: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name"), Wait: rapid.Bool().Draw(t, "wait"),
	}
}

func sortedTokens(all map[lock.Token]string) (tokens []lock.Token) {
	for token := range all {
		tokens = append(tokens, token)
	}
	slices.Sort(tokens)
	return tokens
}

func (w *embassy) releasing(token lock.Token) bool {
	for _, v := range w.calls {
		if v.command.Verb == lock.Release && v.command.Token == token {
			return true
		}
	}
	return false
}

func anySite(t *rapid.T) int { return rapid.IntRange(0, 1).Draw(t, "site") }

// askPair asks with a slot's next pair, or with the same again, or undoes it.
func (w *embassy) askPair(t *rapid.T) {
	slot := rapid.IntRange(0, len(w.pairs)-1).Draw(t, "slot")
	last := w.pairs[slot]
	c, mark := last.command, last.mark
	patience := rapid.IntRange(0, 4).Draw(t, "patience")
	switch {
	case last.done || c.Number == 0:
		number := c.Number + 1
		c = w.wish(t)
		c.Slot, c.Number = lock.Slot(slot), number
		mark = fmt.Sprint(w.last + 1)
	case c.Verb == lock.Acquire && rapid.IntRange(0, 3).Draw(t, "undo") == 0:
		c = lock.Command{Verb: lock.Cancel, Slot: c.Slot, Number: c.Number}
		mark = fmt.Sprint(w.last + 1)
	default:
		c.Name = last.plainName()
	}
	w.visit(t, anySite(t), c, mark, patience)
}

func (v *visit) plainName() string {
	if v.command.Name == "" {
		return ""
	}
	return v.name()
}

func (w *embassy) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"askPair":  w.askPair,
		"askPair2": w.askPair,
		"askDrawn": func(t *rapid.T) { w.visit(t, anySite(t), w.wish(t), fmt.Sprint(w.last+1), 0) },
		"keepAlive": func(t *rapid.T) {
			w.visit(t, anySite(t), lock.Command{Verb: lock.KeepAlive}, "", 0)
		},
		"callerGoes": func(t *rapid.T) {
			if w.last == 0 {
				t.Skip("nobody has come yet")
			}
			id := CallID(rapid.Uint64Range(1, uint64(w.last)).Draw(t, "call"))
			if v := w.calls[id]; !v.done {
				w.tell(t, v.site, Cancel{id})
				if !v.done {
					t.Fatalf("call %d goes on", id)
				}
			}
		},
		"deliver":  func(t *rapid.T) { w.arrive(t, w.take(t, false), false) },
		"deliver2": func(t *rapid.T) { w.arrive(t, w.take(t, false), false) },
		"trouble":  func(t *rapid.T) { w.arrive(t, w.take(t, false), true) },
		"repeat": func(t *rapid.T) {
			if w.meet {
				t.Skip("a request that is sent once arrives once")
			}
			w.arrive(t, w.take(t, true), false)
		},
		"lose":     func(t *rapid.T) { w.take(t, false) },
		"tick":     func(t *rapid.T) { w.step(t, anySite(t), ClientTick{}) },
		"failOver": w.failOver,
		"crash":    w.crash,
		"rival":    w.visitRival,
		"expire":   w.expire,
	}
}

func (w *embassy) take(t *rapid.T, keep bool) embassyMail {
	if len(w.mail) == 0 {
		t.Skip("nothing is on its way")
	}
	i := rapid.IntRange(0, len(w.mail)-1).Draw(t, "mail")
	m := w.mail[i]
	if !keep {
		w.mail = slices.Delete(w.mail, i, i+1)
	}
	return m
}

// arrive lets mail arrive at its end. In trouble a node loses the answer, or says
// that it does not know.
func (w *embassy) arrive(t *rapid.T, m embassyMail, trouble bool) {
	w.now++
	if m.life != w.sites[m.site].life {
		return
	}
	if m.answers != nil {
		w.step(t, m.site, Answered{From: embassyNodes[m.node], Answers: m.answers})
		return
	}
	back := m
	back.commands = nil
	for _, c := range m.commands {
		a := Answer{Kind: NotPrimary, Hint: embassyNodes[w.primary]}
		if m.node == w.primary {
			a = w.serve(t, m, c)
		}
		if trouble {
			a = Answer{Kind: Moved}
		}
		a.Request = c.ID()
		back.answers = append(back.answers, a)
	}
	w.mail = append(w.mail, back)
}

// failOver makes another node the primary. Nobody is told there of a grant that it
// asked the former one for.
func (w *embassy) failOver(t *rapid.T) {
	w.primary = (w.primary + 1) % len(embassyNodes)
	w.view++
	clear(w.waits)
	if rapid.Bool().Draw(t, "noticed") {
		for i := range w.sites {
			w.step(t, i, NodeLost{embassyNodes[(w.primary+2)%3]})
		}
	}
}

// crash begins another life of a site: nobody is told what became of a request.
func (w *embassy) crash(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "crash") != 0 {
		t.Skip("rarely")
	}
	i := anySite(t)
	for _, v := range w.calls {
		if v.site == i && !v.done {
			v.done, v.lost = true, true
		}
	}
	w.found(t, i)
}

// visitRival has another session take a lock, or let go of it.
func (w *embassy) visitRival(t *rapid.T) {
	name := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name")
	w.rivals[name]++
	c := lock.Command{Session: w.rival, Slot: lock.Slot(name[0]), Number: w.rivals[name], Verb: lock.Acquire, Name: name, Wait: true}
	if c.Number%2 == 0 {
		c = lock.Command{Session: w.rival, Slot: c.Slot, Number: c.Number, Verb: lock.Cancel}
	}
	w.apply(c)
}

func (w *embassy) expire(t *rapid.T) {
	if rapid.IntRange(0, 19).Draw(t, "expire") != 0 {
		t.Skip("rarely")
	}
	w.apply(lock.Command{Verb: lock.Expire, Session: w.session, Number: lock.Number(w.view)})
	w.ended = true
}

// settle lets the network be good, nobody else wants anything, and the session's
// client asks again for what it does not know.
func (w *embassy) settle(t *rapid.T) {
	for name, number := range w.rivals {
		if number%2 == 1 {
			w.apply(lock.Command{Session: w.rival, Slot: lock.Slot(name[0]), Number: number + 1, Verb: lock.Cancel})
		}
	}
	w.run(t)
	for slot := range w.pairs {
		if last := w.pairs[slot]; last.command.Number != 0 && !last.done && !w.ended {
			last.command.Name = last.plainName()
			w.visit(t, 0, last.command, last.mark, 1)
		}
	}
	w.run(t)
}

func (w *embassy) run(t *rapid.T) {
	for range 400 {
		for len(w.mail) > 0 {
			m := w.mail[0]
			w.mail = w.mail[1:]
			w.arrive(t, m, false)
		}
		for i := range w.sites {
			w.step(t, i, ClientTick{})
		}
	}
}

// checkGrants demands that the session has the grants that its client knows of, and
// no other. What nobody could be told of is left out: who asked without a pair of
// its own, and lost its node, or a client whose Release went with its node.
func (w *embassy) checkGrants(t *rapid.T) {
	unknown := map[string]bool{}
	for _, v := range w.calls {
		if v.lost && v.command.Number == 0 && v.command.Name != "" {
			unknown[v.name()] = true
		}
	}
	report := w.table.Report(lock.Query{Kind: lock.QuerySession, Session: w.session}, 1<<20)
	held := map[lock.Token]string{}
	for _, card := range report.Locks {
		for _, holder := range card.Holders {
			if holder.Session == w.session {
				held[holder.Token] = card.Name
			}
		}
	}
	for token, name := range held {
		if w.tokens[token] != name && !unknown[name] {
			t.Fatalf("the session holds %s under %d, and nobody was told", name, token)
		}
	}
	for token, name := range w.tokens {
		if held[token] != name && !w.ended && !unknown[name] && !w.releasing(token) {
			t.Fatalf("the session's client believes to hold %s under %d, and does not", name, token)
		}
	}
}

// checkIdle demands that nothing is left to do but waiting.
func (w *embassy) checkIdle(t *rapid.T) {
	for id, v := range w.calls {
		if v.done || v.command.Verb == lock.Acquire && v.command.Wait {
			continue
		}
		t.Fatalf("call %d, %+v, goes on for ever on a good network", id, v.command)
	}
}

func TestASessionIsServedAtTwoNodesAtOnce(t *testing.T) {
	for range 20 {
		rapid.Check(t, func(t *rapid.T) {
			w := newEmbassy(t)
			t.Repeat(w.actions())
			w.settle(t)
			w.checkIdle(t)
			if !w.meet {
				w.checkGrants(t)
			}
		})
	}
}
