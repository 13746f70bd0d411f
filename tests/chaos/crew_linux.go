package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lockstep"
	"lockstep/tests/crew"
	"lockstep/tests/history"
	"lockstep/tests/machines"
)

// crewMode as the first argument makes this program a crew: some clients on a
// machine of their own.
const crewMode = "crew"

// What a crew is told, a line each.
type order struct {
	Round  int    `json:"round,omitempty"` // begins
	Names  string `json:"names,omitempty"` // what the names of its locks begin with
	Close  bool   `json:"close,omitempty"` // the round ends
	Retire bool   `json:"retire,omitempty"`
}

// What a crew says, a line each.
type word struct {
	Ready    bool         `json:"ready,omitempty"`
	Answered int          `json:"answered,omitempty"` // operations of this round so far
	Round    int          `json:"round,omitempty"`    // is closed
	Ops      []history.Op `json:"ops,omitempty"`
	Retired  bool         `json:"retired,omitempty"` // Ops are those of the keepers
}

// counts says that a word is no more than a count.
func (w *word) counts() bool { return !w.Ready && !w.Retired && w.Round == 0 }

const (
	handsOfACrew = 8
	sessionTTL   = 3 * time.Second
	leaseNames   = 20
	labNames     = 6

	longestLease = 60 * time.Millisecond
	longestRest  = 40 * time.Millisecond

	// A keeper holds on over many faults, sometimes.
	longestKept = 30 * time.Second
	keeperNames = 3
)

// crewProcess is a crew, as seen from outside.
type crewProcess struct {
	machine *machines.Machine
	command *exec.Cmd
	orders  io.WriteCloser
	words   chan word // all but the counts; closed when it has ended

	answered atomic.Int64 // in this round so far
}

// startCrew starts clients on a machine.
func startCrew(r *run, m *machines.Machine, number int, nodes []string) (*crewProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &crewProcess{machine: m, words: make(chan word, 64)}
	c.command = exec.Command(self, crewMode, "-nodes", strings.Join(nodes, ","), "-listen", m.Address.String()+":0",
		"-number", fmt.Sprint(number), "-origin", fmt.Sprint(int64(r.origin)), "-seed", fmt.Sprint(r.random.Uint64()))
	c.command.Stderr = os.Stderr
	if c.orders, err = c.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := m.Start(c.command); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.words)
		lines := json.NewDecoder(out)
		for {
			var w word
			if lines.Decode(&w) != nil {
				break
			}
			if w.counts() {
				c.answered.Store(int64(w.Answered))
			} else {
				c.words <- w
			}
		}
		_ = c.command.Wait() // it is missed when a word is awaited
	}()
	return c, nil
}

func (c *crewProcess) tell(o order) error { return json.NewEncoder(c.orders).Encode(o) }

// longestWord is how long a crew may take to say what is wanted: its hands are
// patient, and so is their last release.
const longestWord = time.Minute

// hear returns the next word that says more than a count.
func (c *crewProcess) hear() (word, error) {
	select {
	case w, ok := <-c.words:
		if !ok {
			return w, errors.New("a crew has ended by itself")
		}
		return w, nil
	case <-time.After(longestWord):
		return word{}, fmt.Errorf("a crew did not come to an end within %v: some clients are stuck", longestWord)
	}
}

// end kills it, if it has not ended.
func (c *crewProcess) end() {
	_ = c.command.Process.Kill() // it may have ended by itself
	for range c.words {
	}
}

// runCrew is a crew, inside.
func runCrew(args []string) int {
	flags := flag.NewFlagSet(crewMode, flag.ExitOnError)
	nodes := flags.String("nodes", "", "the nodes")
	listen := flags.String("listen", "", "where they reach us")
	number := flags.Int("number", 0, "which crew this is")
	origin := flags.Int64("origin", 0, "when the run began, by the machine's clock")
	seed := flags.Uint64("seed", 0, "what decides what is asked when")
	_ = flags.Parse(args) // it exits
	c := &crewAtWork{number: *number, origin: time.Duration(*origin), out: json.NewEncoder(os.Stdout)}
	for i := range handsOfACrew + 1 {
		client, err := lockstep.Dial(context.Background(), strings.Split(*nodes, ","), lockstep.WithTTL(sessionTTL),
			lockstep.WithListen(*listen), lockstep.WithInsecure())
		if err != nil {
			fmt.Fprintln(os.Stderr, "crew:", err)
			return 1
		}
		h := &crew.Hand{
			ID: *number*100 + i, Client: client, Clerk: client.Clerk(), Random: rand.New(rand.NewPCG(*seed, uint64(i))),
			Longest: longestLease, Rest: longestRest,
		}
		if i == handsOfACrew {
			c.startKeeper(h)
		} else {
			c.hands = append(c.hands, h)
		}
	}
	c.say(word{Ready: true})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			fmt.Fprintln(os.Stderr, "crew:", err)
			return 1
		}
		c.obey(o)
		if o.Retire {
			return 0
		}
	}
	return 0
}

// crewAtWork is the clients of a crew.
type crewAtWork struct {
	number int
	origin time.Duration
	hands  []*crew.Hand

	mu  sync.Mutex
	out *json.Encoder

	recorder *history.Recorder // of the round
	round    int
	stop     context.CancelFunc
	work     sync.WaitGroup

	keeper     *crew.Hand
	stopKeeper context.CancelFunc
	keeping    sync.WaitGroup
}

func (c *crewAtWork) say(w word) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.out.Encode(w); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

func (c *crewAtWork) obey(o order) {
	switch {
	case o.Close:
		c.stop()
		c.work.Wait()
		c.say(word{Round: c.round, Ops: c.recorder.Ops()})
	case o.Retire:
		c.stopKeeper()
		c.keeping.Wait()
		c.say(word{Retired: true, Ops: c.keeper.Recorder.Ops()})
		for _, h := range append(c.hands, c.keeper) {
			h.Client.Close()
		}
	default:
		c.begin(o)
	}
}

// begin lets the hands work on locks that nobody has used before.
func (c *crewAtWork) begin(o order) {
	var ctx context.Context
	ctx, c.stop = context.WithCancel(context.Background())
	c.round, c.recorder = o.Round, history.NewPart(c.now, uint16(c.number))
	names := crew.Names{Leases: numbered(o.Names+"lease/", leaseNames), Lab: numbered(o.Names+"lab/", labNames)}
	for _, h := range c.hands {
		h.Recorder, h.Names = c.recorder, names
		c.work.Go(func() { h.Work(ctx) })
	}
	recorder := c.recorder
	c.work.Go(func() {
		for ctx.Err() == nil {
			select {
			case <-time.After(100 * time.Millisecond):
				c.say(word{Answered: recorder.Count()})
			case <-ctx.Done():
			}
		}
	})
}

// now is the moment by the clock of the whole run.
func (c *crewAtWork) now() int64 { return int64(clock() - c.origin) }

// startKeeper lets a client of its own hold a few locks for long.
func (c *crewAtWork) startKeeper(h *crew.Hand) {
	h.Longest = longestKept
	h.Recorder = history.NewPart(c.now, uint16(c.number))
	h.Names = crew.Names{Leases: numbered("keep/", keeperNames)}
	var ctx context.Context
	ctx, c.stopKeeper = context.WithCancel(context.Background())
	c.keeper = h
	c.keeping.Go(func() { h.Keep(ctx) })
}

func numbered(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i)
	}
	return names
}
