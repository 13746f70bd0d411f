package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"lockstep"
	"lockstep/words"
)

// sessionList is what sessions shows. Its JSON form is stable.
type sessionList struct {
	Sessions []lockstep.SessionInfo `json:"sessions"`
}

// sessions lists the clients.
func (p *program) sessions() error {
	return p.look(func(ctx context.Context) error {
		found, err := answer(p, ctx, p.fetchSessions)
		if err != nil {
			return err
		}
		return p.show(found, sessionsText(found, time.Now(), p.colourful()))
	})
}

func (p *program) fetchSessions(ctx context.Context) (sessionList, error) {
	list := sessionList{Sessions: []lockstep.SessionInfo{}}
	for session, err := range p.client.Sessions(ctx) {
		if err != nil {
			return list, err
		}
		list.Sessions = append(list.Sessions, session)
	}
	return list, nil
}

func sessionsText(list sessionList, now time.Time, paint bool) string {
	t := &table{paint: paint}
	t.add(strong, "SESSION", "FOR", "TTL", "HEARD", "HOLDS", "WAITS", "WHO")
	for _, s := range list.Sessions {
		heard := t.add(plain, s.ID, since(s.Since, now), words.Length(s.TTL.Duration), words.Length(s.Heard.Duration)+" ago",
			strconv.Itoa(s.Holds), strconv.Itoa(s.Waits), strings.TrimSpace(person(s.Info, nil)+" "+extras(s.Info)))
		if s.Heard.Duration > s.TTL.Duration/2 { // one keep-alive is missing at least
			heard.styled(3, bad)
		}
	}
	return t.String()
}

// deadlockList is what deadlocks shows. Its JSON form is stable.
type deadlockList struct {
	Deadlocks []lockstep.Cycle `json:"deadlocks"`
}

// deadlocks lists the circles of those who wait for each other.
func (p *program) deadlocks() error {
	return p.look(func(ctx context.Context) error {
		cycles, err := answer(p, ctx, p.client.Deadlocks)
		if err != nil {
			return err
		}
		if cycles == nil {
			cycles = []lockstep.Cycle{}
		}
		return p.show(deadlockList{cycles}, deadlocksText(cycles))
	})
}

func deadlocksText(cycles []lockstep.Cycle) string {
	if len(cycles) == 0 {
		return "no deadlocks\n"
	}
	var b strings.Builder
	for i, cycle := range cycles {
		if i > 0 {
			b.WriteByte('\n')
		}
		if possible(cycle) {
			b.WriteString("possible, if nobody lets go while it waits: ")
		}
		b.WriteString(count(len(cycle), "session waits for itself:\n", "sessions wait for each other:\n"))
		b.WriteString(cycleText(cycle))
	}
	return b.String()
}
