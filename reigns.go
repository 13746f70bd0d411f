package lockstep

import (
	"context"
	"fmt"
	"time"

	"lockstep/muster"
)

// Reign is the time for which a node was the primary. It lasts until the next one
// begins, or a little less: Idle says of that how long nobody had served.
type Reign struct {
	View    uint64    `json:"view"` // rises from one to the next
	Node    string    `json:"node"` // its name in the cluster; a node of a pair goes by its address
	Address string    `json:"address"`
	Began   time.Time `json:"began"` // by its own clock if it answers, else by another node's
	Idle    Span      `json:"idle_ms"`
	Why     Why       `json:"why"`
}

// Why says why a reign began.
type Why string

// The reasons.
const (
	WhyUnseen     Why = "unseen"      // not known: who tells of it came later, and saw it at Began for the first time
	WhyStarted    Why = "started"     // nobody was known to serve before
	WhyHandedOver Why = "handed_over" // the one before gave it up: a switch-over, or an orderly stop
	WhySuspected  Why = "suspected"   // the one before was not heard any more
	WhyWentOn     Why = "went_on"     // the one before was the same: its backup came or went, or it had no majority for a while
)

// Reigns is the timeline of failovers, the oldest reign first. Each node remembers
// the last 64 that it has seen since it was started, and these are the last 64 of
// what those say that answer before ctx ends, which should have a deadline. If
// nobody does it returns ErrNoAnswer; nodes of older versions answer and know of none.
func (c *Client) Reigns(ctx context.Context) ([]Reign, error) {
	told := c.caller.AskStatus(ctx)
	for _, t := range told {
		if t.Status != nil {
			return each(muster.Timeline(told), reign), nil
		}
	}
	return nil, fmt.Errorf("lockstep: reigns: %w from %v", ErrNoAnswer, c.known())
}

func reign(r muster.Reign) Reign {
	one := Reign{
		View: uint64(r.View), Node: r.Name, Address: string(r.Primary), Began: moment(r.Began), Idle: span(r.Idle), Why: Why(r.Why.String()),
	}
	if one.Node == "" {
		one.Node = one.Address
	}
	return one
}
