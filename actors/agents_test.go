package actors

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// agentsOnStand starts agents that ask one node, which answers as respond says.
func agentsOnStand(t *testing.T, test func(t *testing.T, s *stand, a *Agents)) {
	t.Helper()
	onStand(t, func(t *testing.T, s *stand) {
		next := uint64(0)
		nonce := func() uint64 { next++; return next }
		a := StartAgents(s, AgentsConfig{Nodes: []replica.NodeID{"node"}, Nonce: nonce, Clock: Monotonic()})
		test(t, s, a)
		a.Kill()
		synctest.Wait()
	})
}

const agentsSession lock.SessionID = 5

// respond answers what was asked so far, and returns it.
func respond(s *stand, a *Agents, result lock.Result) (asked []lock.Command) {
	synctest.Wait()
	for _, p := range s.taken() {
		for _, r := range p.parcel.Requests {
			asked = append(asked, r.Command)
			with := result
			if r.Command.Verb == lock.KeepAlive && result.Outcome != lock.SessionExpired {
				with = lock.Result{Outcome: lock.Alive}
			}
			s.Root().Send(a.caller.pid, &FromNode{From: p.to, Answers: []replica.Answer{{
				Request: r.Command.ID(), Kind: replica.Executed, Result: with,
			}}})
		}
		for _, q := range p.parcel.Queries {
			report := lock.Report{Sessions: []lock.SessionCard{{ID: q.Query.Session, TTL: 30_000}}}
			s.Root().Send(a.caller.pid, &ReportsFromNode{From: p.to, Reports: []replica.Reported{{
				ID: q.ID, Kind: replica.Executed, Report: report,
			}}})
		}
	}
	synctest.Wait()
	return asked
}

type asked struct {
	lock.Result
	err error
}

func (a *Agents) asking(ctx context.Context, c lock.Command) <-chan asked {
	c.Session = agentsSession
	done := make(chan asked, 1)
	go func() {
		result, err := a.Ask(ctx, c, 0)
		done <- asked{result, err}
	}()
	return done
}

func (a *Agents) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// An agent without work goes, and the next one draws higher numbers.
func TestIdleAgentsRetire(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		first := a.asking(t.Context(), lock.Command{Verb: lock.Acquire, Name: "x"})
		before := respond(s, a, lock.Result{Outcome: lock.Held})
		if got := <-first; got.Outcome != lock.Held {
			t.Fatalf("%+v", got)
		}
		waits := a.asking(t.Context(), lock.Command{Verb: lock.Acquire, Name: "x", Wait: true})
		respond(s, a, lock.Result{Outcome: lock.Waiting})
		time.Sleep(5 * idleSweep)
		if a.count() != 1 {
			t.Fatal("an agent has gone that somebody waits for")
		}
		respond(s, a, lock.Result{Outcome: lock.Granted, Token: 9}) // a repeat's answer
		if got := <-waits; got.Outcome != lock.Granted {
			t.Fatalf("%+v", got)
		}
		time.Sleep(3 * idleSweep)
		if n := a.count(); n != 0 {
			t.Fatalf("%d agents are left without work", n)
		}
		s.taken()
		again := a.asking(t.Context(), lock.Command{Verb: lock.Acquire, Name: "y"})
		after := respond(s, a, lock.Result{Outcome: lock.Held})
		<-again
		if after[0].Slot != before[0].Slot || after[0].Number <= before[0].Number {
			t.Errorf("%+v after %+v", after[0], before[0])
		}
	})
}

// What is granted in the very moment in which its caller goes is given back.
func TestAgentGivesBackWhatNobodyTakes(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		entry, err := a.hold(agentsSession)
		if err != nil {
			t.Fatal(err)
		}
		one := &agentCall{command: lock.Command{Verb: lock.Acquire, Name: "x"}, done: make(chan replica.Finished, 1)}
		s.Root().Send(entry.pid, one)
		respond(s, a, lock.Result{Outcome: lock.Granted, Token: 9})
		s.Root().Send(entry.pid, callerGone{one}) // who has not looked yet
		a.letGo(entry)
		back := respond(s, a, lock.Result{Outcome: lock.Released})
		if len(back) != 1 || back[0].Verb != lock.Release || back[0].Name != "x" || back[0].Token != 9 {
			t.Errorf("%+v", back)
		}
	})
}

// The agent of a session that is over goes at once, and so does each that is made
// for it since.
func TestAgentsOfADeadSessionGo(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		for range 2 {
			got := a.asking(t.Context(), lock.Command{Verb: lock.Acquire, Name: "x"})
			respond(s, a, lock.Result{Outcome: lock.SessionExpired})
			if end := <-got; !errors.Is(end.err, replica.ErrSessionExpired) {
				t.Fatalf("%+v", end)
			}
			synctest.Wait()
			if n := a.count(); n != 0 {
				t.Fatalf("%d agents", n)
			}
		}
	})
}

// A keep-alive of a session that there is not leaves no agent behind.
func TestAnInventedSessionHasNoAgent(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		ended := make(chan error, 1)
		go func() {
			_, err := a.KeepAlive(t.Context(), agentsSession)
			ended <- err
		}()
		synctest.Wait()
		for _, p := range s.taken() {
			for _, q := range p.parcel.Queries {
				s.Root().Send(a.caller.pid, &ReportsFromNode{From: p.to, Reports: []replica.Reported{{ID: q.ID, Kind: replica.Executed}}})
			}
		}
		if err := <-ended; !errors.Is(err, replica.ErrSessionExpired) {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := a.count(); n != 0 {
			t.Errorf("%d agents", n)
		}
	})
}

// The TTL is asked for once, and a keep-alive begins after that was known.
func TestKeepAliveTellsTheTTL(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		for round := range 3 {
			done := make(chan lock.Millis, 1)
			go func() {
				ttl, err := a.KeepAlive(t.Context(), agentsSession)
				if err != nil {
					t.Error(err)
				}
				done <- ttl
			}()
			if round == 0 && len(respond(s, a, lock.Result{})) != 0 {
				t.Error("a keep-alive left before the TTL was known")
			}
			if asked := respond(s, a, lock.Result{}); len(asked) != 1 || asked[0].Verb != lock.KeepAlive {
				t.Errorf("%+v", asked)
			}
			if ttl := <-done; ttl != 30_000 {
				t.Errorf("%d", ttl)
			}
		}
	})
}

// What is asked at once leaves at once, in few parcels.
func TestAgentsShareParcels(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		const sessions = 50
		for i := range sessions {
			go func() {
				_, _ = a.Ask(t.Context(), lock.Command{Session: agentsSession + lock.SessionID(i), Verb: lock.Acquire, Name: "x"}, 0)
			}()
		}
		synctest.Wait()
		parcels, requests := 0, 0
		for _, p := range s.taken() {
			if len(p.parcel.Requests) > 0 {
				parcels++
				requests += len(p.parcel.Requests)
			}
		}
		if requests != 2*sessions || parcels > sessions { // each with a sign of life
			t.Errorf("%d requests in %d parcels", requests, parcels)
		}
	})
}

// Each node draws from slots of its own, by its place among the members.
func TestAgentsKnowTheirPlace(t *testing.T) {
	agentsOnStand(t, func(t *testing.T, s *stand, a *Agents) {
		told := replica.Told{View: 3, Members: []replica.Member{
			{Name: "c", Address: "elsewhere:1"}, {Name: "b", Address: s.Address()}, {Name: "a", Address: "elsewhere:2"},
		}}
		s.Root().Send(a.caller.pid, &ToldByNode{From: "node", Told: told, Version: messages.Version})
		synctest.Wait()
		if place := a.place(); place != 1 {
			t.Errorf("place %d", place)
		}
	})
}
