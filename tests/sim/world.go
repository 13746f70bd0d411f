package sim

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"slices"

	"lockstep/replica"
)

// Options say which run is wanted.
type Options struct {
	Seed    uint64
	Regime  int
	Seconds int
	Trace   io.Writer // nil: no trace
}

// Outcome is what came of a run.
type Outcome struct {
	Violation *Violation
	Stats     Stats
}

// Stats tell whether the run was worth anything.
type Stats struct {
	Events, Entries, Calls, Unknown int
	Crashes, Pauses, Cuts, Stops    int
	Demotions, Losses, Forks        int
	Installs, BadInstalls           int

	ClientKills, ClientPauses, ClientCuts int
	Leases, LeasesLost, SessionsLost      int
	Passed, Expired, Overheld, Revoked    int
	KeepAlives, Reads                     int

	Reigns, Exits, Splits, PowerCuts  int
	Wipes, Rots, DiskErrors, Refusals int
	OrdersDone, OrdersRefused         int
	Handovers, Ruins, Bootstraps      int

	// Nodes of pairs that became one of a quorum, that had missed it, and that went
	// on with the pair's log; promises that came to nothing, and those whose outcome
	// was told by somebody else than the primary in its present life.
	Turns, Late, TakenOver, Forgone, Hearsay int
}

// Violation is a broken promise.
type Violation struct {
	Seed   uint64
	Regime int
	Check  string
	At     float64 // seconds
	Detail string
}

func (v *Violation) String() string {
	return fmt.Sprintf("seed %d regime %d at %.6fs: %s: %s", v.Seed, v.Regime, v.At, v.Check, v.Detail)
}

// maxEvents is far more than any sound run needs.
const maxEvents = 8_000_000

// world is one run.
type world struct {
	opt    Options
	plan   plan
	now    instant
	agenda agenda
	// chance draws what the network and the scheduler do, fate the faults, and
	// whim what the clients want: a change in one leaves the others' draws alone.
	// doom draws the faults of clients, and decay what is lost on disks.
	chance, fate, whim, doom, decay *rand.Rand

	nodes   []*node
	links   []*link // every direction between two nodes
	clients []*client
	weather weather
	faults  faults
	codec   codec
	// operator looks after a quorum; a pair has a switcher, or nobody.
	operator *operator
	switcher *switcher
	check    checker

	violation *Violation
	stats     Stats
}

// Run plays one seed.
func Run(opt Options) Outcome {
	if OfQuorum(opt.Regime) {
		defer seedEngine(opt.Seed)()
	}
	w := newWorld(opt)
	w.play()
	return Outcome{Violation: w.violation, Stats: w.stats}
}

func newWorld(opt Options) *world {
	w := &world{
		opt:    opt,
		plan:   drawPlan(opt.Seed, opt.Regime, instant(opt.Seconds)*second),
		chance: rand.New(rand.NewPCG(opt.Seed, 2)),
		fate:   rand.New(rand.NewPCG(opt.Seed, 3)),
		whim:   rand.New(rand.NewPCG(opt.Seed, 4)),
		doom:   rand.New(rand.NewPCG(opt.Seed, 5)),
		decay:  rand.New(rand.NewPCG(opt.Seed, 7)),
	}
	w.weather = w.plan.network
	w.check = newChecker(w)
	if w.plan.quorum != nil {
		w.machines()
	} else {
		for i, name := range w.plan.pair.Pair {
			n := &node{w: w, id: i, name: name}
			if w.plan.durable {
				n.fs = w.newDisk()
			}
			w.addNode(n)
		}
	}
	for i := range w.plan.clients {
		w.clients = append(w.clients, newClient(w, i))
	}
	return w
}

// addNode adds a machine and its links to and from all others.
func (w *world) addNode(n *node) {
	for _, other := range w.nodes {
		l := &link{w: w, from: other, to: n}
		other.out, n.in, w.links = append(other.out, l), append(n.in, l), append(w.links, l)
	}
	for _, other := range w.nodes {
		l := &link{w: w, from: n, to: other}
		n.out, other.in, w.links = append(n.out, l), append(other.in, l), append(w.links, l)
	}
	w.nodes = append(w.nodes, n)
}

// addresses lists the machines.
func (w *world) addresses() []replica.NodeID {
	var all []replica.NodeID
	for _, n := range w.nodes {
		all = append(all, n.name)
	}
	return all
}

// nodeAt is the machine with an address.
func (w *world) nodeAt(address replica.NodeID) *node {
	i := slices.IndexFunc(w.nodes, func(n *node) bool { return n.name == address })
	return w.nodes[i]
}

// play works the agenda off. A panic of a core is a violation like any other.
func (w *world) play() {
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic", "%v\n%s", r, debug.Stack())
		}
	}()
	w.trace("plan", w.plan.String())
	w.begin()
	for w.violation == nil && len(w.agenda.events) > 0 {
		e := w.agenda.next()
		if e.at > w.plan.end {
			break
		}
		w.now = e.at
		if w.stats.Events++; w.stats.Events > maxEvents {
			w.fail("runaway", "more than %d events", maxEvents)
		}
		e.run()
	}
	if w.violation == nil {
		w.check.atEnd()
	}
}

// begin starts everything; the second node may come a little later.
func (w *world) begin() {
	if w.plan.quorum != nil {
		w.beginQuorum()
	} else {
		first := w.fate.IntN(2)
		w.nodes[first].start()
		w.after(w.upTo(oneOf(w.fate, tickLength, 20*tickLength)), w.nodes[1-first].start)
	}
	for _, c := range w.clients {
		c.begin()
	}
	w.faults.begin(w)
	if w.plan.switches {
		w.switcher = newSwitcher(w)
	}
	w.upsetClients()
	w.watchTime()
}

func (w *world) after(d instant, run func()) { w.agenda.add(w.now+d, run) }

func (w *world) upTo(most instant) instant { return instant(w.chance.Int64N(int64(max(most, 1)))) }

func (w *world) happens(probability float64) bool {
	return probability > 0 && w.chance.Float64() < probability
}

// fail notes the first violation; the run ends with it.
func (w *world) fail(check, format string, args ...any) {
	if w.violation != nil {
		return
	}
	w.violation = &Violation{
		Seed: w.opt.Seed, Regime: w.opt.Regime, Check: check,
		At: float64(w.now) / float64(second), Detail: fmt.Sprintf(format, args...),
	}
	w.trace("VIOLATION", w.violation)
}

// trace writes a line. The arguments are values, so that a run without a trace
// formats nothing.
func (w *world) trace(who string, what ...any) {
	if w.opt.Trace == nil {
		return
	}
	fmt.Fprintf(w.opt.Trace, "%11.6f %-9s", float64(w.now)/float64(second), who)
	for _, v := range what {
		fmt.Fprintf(w.opt.Trace, " %s", show(v))
	}
	fmt.Fprintln(w.opt.Trace)
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	case replica.Chunk:
		return fmt.Sprintf("Chunk{View:%d Base:%d %d+%d/%d}", v.View, v.Base, v.Offset, len(v.Bytes), v.Total)
	case replica.Store:
		at := "none"
		if v.Snapshot != nil {
			at = fmt.Sprint(v.Snapshot.Index)
		}
		return fmt.Sprintf("Store{%d snapshot %s whole %v state %x entries %v lazy %v}", v.Seq, at, v.Whole, v.State, v.Entries, v.Lazy)
	case replica.Install:
		return fmt.Sprintf("Install{%d bytes}", len(v.Bytes))
	default:
		return addresses.ReplaceAllString(fmt.Sprintf("%T%+v", v, v), "Terms:...")
	}
}

// addresses differ from run to run.
var addresses = regexp.MustCompile("Terms:0x[0-9a-f]+")
