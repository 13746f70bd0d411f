package actors

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/muster"
	"lockstep/replica"
)

// tell sends the client something as a node would.
func tell(s *stand, c *Caller, messages ...any) {
	for _, m := range messages {
		s.Root().Send(c.pid, m)
	}
	synctest.Wait()
}

func members(addresses ...replica.NodeID) (all []replica.Member) {
	for _, address := range addresses {
		all = append(all, replica.Member{Name: "n-" + string(address), Address: address, Voter: true})
	}
	return all
}

// The client asks a node that it reaches who the others are, has them dialled, and
// asks them.
func TestClientLearnsWhoTheNodesAre(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		tell(s, c, &LinkUp{Node: "node"})
		sent := s.taken()
		if len(sent) != 1 || sent[0].to != "node" || !slices.Equal(sent[0].parcel.MemberQueries, []messages.ClientID{7}) {
			t.Fatalf("sent %+v", sent)
		}
		tell(s, c, &ToldByNode{From: "node", Told: replica.Told{View: 1, Members: members("node", "other")}, Version: 3})
		if want := []replica.NodeID{"node", "other"}; !slices.Equal(s.known, want) || !slices.Equal(c.Known(), want) {
			t.Errorf("to be dialled: %v, known: %v", s.known, c.Known())
		}
		go c.Call(t.Context(), c.NewClerk(), lock.Lock, "a")
		synctest.Wait()
		s.taken()
		tell(s, c, &LinkDown{Node: "node"})
		if sent := s.taken(); len(sent) != 1 || sent[0].to != "other" || len(sent[0].parcel.Requests) != 1 {
			t.Errorf("sent %+v", sent)
		}
		closeQuietly(t, s, c, ticker)
	})
}

// A call that ends while nobody knows of a primary says so, for as long as that
// was heard lately.
func TestACallSaysThatThereWasNoPrimary(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		ticker := SpawnTicker(s, ClientTick)
		c := SpawnClient(s, ticker, 7, replica.ClientConfig{Nodes: []replica.NodeID{"node"}, Seed: 1}, WithClock(Monotonic()))
		call := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			_, err := c.Call(ctx, c.NewClerk(), lock.Lock, "a")
			return err
		}
		ended := make(chan error, 1)
		go func() { ended <- call() }()
		for range 300 { // twelve seconds: the call ends before
			for _, p := range s.taken() {
				for _, r := range p.parcel.Requests {
					tell(s, c, &FromNode{From: p.to, Answers: []replica.Answer{{Request: r.Command.ID(), Kind: replica.NoQuorum}}})
				}
			}
			time.Sleep(40 * time.Millisecond)
		}
		if err := <-ended; !errors.Is(err, replica.ErrNoQuorum) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call ended with %v", err)
		}
		if err := call(); errors.Is(err, replica.ErrNoQuorum) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call that heard nothing ended with %v", err)
		}
		closeQuietly(t, s, c, ticker)
	})
}

// instructing gives an order in a goroutine of its own.
func instructing(ctx context.Context, c *Caller, only replica.NodeID, progress func(string)) chan error {
	ended := make(chan error, 1)
	go func() {
		answer, err := c.Instruct(ctx, replica.Order{Kind: replica.RemoveMember, Name: "a"}, only, progress)
		if err == nil && answer.Outcome != replica.OrderDone {
			err = errors.New(answer.Text)
		}
		ended <- err
	}()
	synctest.Wait()
	return ended
}

// obey answers the orders that were sent.
func obey(t *testing.T, s *stand, c *Caller, to replica.NodeID, outcome replica.OrderOutcome, text string) {
	t.Helper()
	given := 0
	for _, p := range s.taken() {
		for _, o := range p.parcel.Orders {
			given++
			if p.to != to || o.Client != 7 || o.Order.Kind != replica.RemoveMember {
				t.Fatalf("to %s: %+v", p.to, o)
			}
			tell(s, c, &OrderedFromNode{From: p.to, Ordered: []replica.Ordered{
				{ID: o.ID, Kind: replica.Executed, Outcome: outcome, Text: text},
			}})
		}
	}
	if given != 1 {
		t.Fatalf("%d orders were given", given)
	}
}

func TestAnOrderTellsHowFarItIs(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		told := make(chan string, 10)
		ended := instructing(t.Context(), c, "", func(text string) { told <- text })
		for _, text := range []string{"first", "second", "second"} {
			obey(t, s, c, "node", replica.OrderWorking, text)
			time.Sleep(350 * time.Millisecond) // until it is given again
		}
		obey(t, s, c, "node", replica.OrderDone, "")
		if err := <-ended; err != nil {
			t.Error(err)
		}
		close(told)
		var all []string
		for text := range told {
			all = append(all, text)
		}
		if !slices.Equal(all, []string{"first", "second"}) {
			t.Errorf("told %v", all)
		}
		closeQuietly(t, s, c, ticker)
	})
}

func TestAnOrderEndsWithItsContext(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := instructing(ctx, c, "elsewhere", nil)
		obey(t, s, c, "elsewhere", replica.OrderWorking, "begun")
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if sent := s.taken(); len(sent) > 0 {
			t.Errorf("it goes on: %+v", sent)
		}
		if err := <-instructing(ctx, c, "", nil); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		closeQuietly(t, s, c, ticker)
		if err := <-instructing(t.Context(), c, "", nil); !errors.Is(err, replica.ErrClosed) {
			t.Error(err)
		}
	})
}

// surveyed lets nodes answer what inquiries ask, until done.
func surveyed(s *stand, done <-chan struct{}, answer func(to replica.NodeID) any) {
	for {
		for _, p := range s.taken() {
			if m := answer(p.to); m != nil && len(p.parcel.StatusQueries)+len(p.parcel.MemberQueries) > 0 {
				s.Root().Send(s.enrolled(), m)
			}
		}
		synctest.Wait()
		select {
		case <-done:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// The status of all members comes back, of each once, by whatever name it is
// asked.
func TestStatusFindsAllMembers(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		done := make(chan struct{})
		var reports []muster.Told
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			reports = c.AskStatus(ctx)
			close(done)
		}()
		synctest.Wait()
		var statuses []replica.MemberStatus
		for _, m := range members("a", "b", "c") {
			statuses = append(statuses, replica.MemberStatus{Member: m})
		}
		surveyed(s, done, func(to replica.NodeID) any {
			self := map[replica.NodeID]replica.NodeID{"node": "a", "a": "a", "b": "b"}[to]
			if self == "" {
				return nil
			}
			return &StatusTold{From: to, Status: replica.Status{Node: self, Members: statuses}, Reigns: []muster.Reign{{Primary: self}}}
		})
		var got []string
		for _, r := range reports {
			word := "silent"
			if r.Status != nil {
				word = string(r.Status.Node) + " saw " + string(r.Reigns[0].Primary)
			}
			got = append(got, string(r.Node)+" "+r.Name+" "+word)
		}
		if want := []string{"node  a saw a", "b n-b b saw b", "c n-c silent"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		closeQuietly(t, s, c, ticker)
	})
}

// Of several lists of members the newest counts.
func TestTheNewestListOfMembersCounts(t *testing.T) {
	onStand(t, func(t *testing.T, s *stand) {
		c, ticker := clientOnStand(t, s)
		tell(s, c, &ToldByNode{From: "node", Told: replica.Told{View: 1, Members: members("a", "b", "c")}})
		done := make(chan struct{})
		var told replica.Told
		go func() {
			told, _ = c.AskMembers(t.Context())
			close(done)
		}()
		synctest.Wait()
		surveyed(s, done, func(to replica.NodeID) any {
			switch to {
			case "a":
				return &ToldByNode{From: to, Told: replica.Told{View: 9}} // it has no log
			case "b":
				return &ToldByNode{From: to, Told: replica.Told{View: 3, Members: members("b")}}
			case "c":
				return &ToldByNode{From: to, Told: replica.Told{View: 2, Members: members("c")}}
			default:
				return nil
			}
		})
		if told.View != 3 {
			t.Errorf("told %+v", told)
		}
		closeQuietly(t, s, c, ticker)
	})
}
