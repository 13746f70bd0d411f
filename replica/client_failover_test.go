package replica

import (
	"math/rand/v2"
	"slices"
	"testing"

	"lockstep/lock"
)

// outage is a client that asks for one thing after the other, three nodes, of
// which the first ceases to be the primary, and a network that takes a few
// milliseconds.
type outage struct {
	t       *testing.T
	client  *Client
	service *service
	nodes   []NodeID
	random  *rand.Rand
	how     ending
	now     Instant // real, and what every clock shows
	frames  []frame
	asked   CallID
	done    Instant // when the last call succeeded

	began     Instant // when the first node ends
	suspected Instant // until when the others send everybody to it
	elected   Instant // from when on the second serves
}

// ending is how the first node ceases.
type ending int

const (
	killed   ending = iota // connections break, and new ones are refused
	cutOff                 // nothing is heard of it any more
	handOver               // it keeps what comes, makes the second the primary, and sends everybody there
)

func newOutage(t *testing.T, how ending, seed uint64) *outage {
	random := rand.New(rand.NewPCG(seed, 7))
	o := &outage{
		t: t, service: newService(), nodes: []NodeID{"a", "b", "c"}, random: random, how: how,
		began: 1000 + Instant(random.IntN(500)),
	}
	switch how {
	case handOver:
		o.elected = o.began + 20 + Instant(random.IntN(40))
		o.suspected = o.elected - Instant(random.IntN(20))
	default: // an election time-out of ten to twenty ticks; every fifth vote is split
		o.suspected = o.began + 450 + Instant(random.IntN(500))
		o.elected = o.suspected + 10 + Instant(random.IntN(60))
		if random.IntN(5) == 0 {
			o.elected += 500 + Instant(random.IntN(500))
		}
	}
	o.client = NewClient(ClientConfig{Nodes: o.nodes[:1+random.IntN(3)], Seed: seed})
	return o
}

// run returns when the first call succeeds that ends after the primary did.
func (o *outage) run() Instant {
	phase := Instant(o.random.IntN(int(ClientTickPeriod)))
	o.step(NodeReached{"a"})
	o.call()
	for ; o.done <= o.began; o.now++ {
		if o.now > o.began+20_000 {
			o.t.Fatalf("nothing has succeeded for 20 s")
		}
		o.service.reaches(o.now)
		if o.now%ClientTickPeriod == phase {
			o.step(ClientTick{o.now})
		}
		if o.how == killed && o.now > o.began && (o.now-o.began)%50 == 2 {
			o.step(NodeLost{"a"})
		}
		var due []frame
		o.frames = slices.DeleteFunc(o.frames, func(f frame) bool {
			if f.at <= o.now {
				due = append(due, f)
			}
			return f.at <= o.now
		})
		for _, f := range due {
			o.arrive(f)
		}
	}
	return o.done
}

func (o *outage) call() {
	o.asked++
	o.step(Call{ID: o.asked, Verb: lock.Lock, Name: "z"})
}

func (o *outage) step(ev ClientEvent) {
	for _, effect := range o.client.Step(ev) {
		switch e := effect.(type) {
		case Ask:
			o.post(frame{node: slices.Index(o.nodes, e.To), commands: e.Commands}, 0)
		case AskMembers:
			o.post(frame{node: slices.Index(o.nodes, e.To), bind: true}, 0)
		case Know:
			for _, node := range e.Nodes {
				o.step(NodeReached{node})
			}
		case Finish:
			if err := e.Calls[0].Err; err != nil {
				o.t.Fatal(err)
			}
			o.done = o.now
			o.call()
		}
	}
}

func (o *outage) post(f frame, later Instant) {
	f.at = o.now + later + 1 + Instant(o.random.IntN(3))
	o.frames = append(o.frames, f)
}

func (o *outage) arrive(f frame) {
	gone := f.node == 0 && o.now >= o.began
	switch {
	case gone && o.how != handOver:
	case len(f.answers) > 0:
		o.step(Answered{From: o.nodes[f.node], Answers: f.answers, Now: o.now})
	case f.told != nil:
		o.step(Bound{From: o.nodes[f.node], Told: *f.told})
	case f.bind:
		told := &Told{View: 1}
		for _, node := range o.nodes {
			told.Members = append(told.Members, Member{Address: node, Voter: true})
		}
		o.post(frame{node: f.node, told: told}, 0)
	case gone && o.now < o.elected: // it keeps the requests
		o.post(f, o.elected-o.now)
	default:
		back := frame{node: f.node}
		for _, c := range f.commands {
			back.answers = append(back.answers, o.answer(f.node, c))
		}
		o.post(back, 0)
	}
}

// answer is that of a node which may not know yet what has happened.
func (o *outage) answer(node int, c lock.Command) Answer {
	a := Answer{Request: c.ID(), Kind: NotPrimary}
	primary := 0
	if o.now >= o.elected {
		primary = 1
	}
	switch {
	case node == primary:
		a.Kind, a.Result = Executed, o.service.apply(c)
	case primary == 0 && o.now >= o.suspected:
		a.Kind = NoQuorum
	default:
		a.Hint = o.nodes[primary]
	}
	return a
}

// A client finds the new primary fast, however the old one has ended: a killed
// one within a second and a half, one that hands over within 150 ms, and nearly
// all of that is the nodes' own time.
func TestTheNextPrimaryIsFoundFast(t *testing.T) {
	for _, tc := range []struct {
		name                string
		how                 ending
		median, late, worst Instant // in all; after the election; the same at the worst
	}{
		{"killed", killed, 1500, 75, 160},
		{"cut off", cutOff, 1500, 150, 450},
		{"handing over", handOver, 150, 75, 160},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var all, late []Instant
			for seed := range uint64(200) {
				o := newOutage(t, tc.how, seed)
				found := o.run()
				all = append(all, found-o.began)
				late = append(late, found-min(found, o.elected))
			}
			slices.Sort(all)
			slices.Sort(late)
			t.Logf("median %d ms, at the worst %d; after the election %d, at the worst %d", all[100], all[199], late[100], late[199])
			if all[100] > tc.median || late[100] > tc.late || late[199] > tc.worst {
				t.Errorf("want %d ms, and after the election %d, at the worst %d", tc.median, tc.late, tc.worst)
			}
		})
	}
}
