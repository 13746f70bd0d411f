package lockstep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lockstep/lock"
)

// History is who had a lock when, as far as the nodes remember: all who have it
// now, and of those who had it the last 16 at least, unless there are very many
// locks. It outlives failovers and, where there is a log on disk, restarts. All its
// times are by the clocks of the nodes that took in the requests, so that those
// of two lines may not quite fit; their order does.
type History struct {
	Name string `json:"name"`
	// Complete says that nothing is missing. Else whoever had the lock at Begins or
	// later is in it, and of those before perhaps some; a zero Begins is not known yet.
	Complete bool      `json:"complete"`
	Begins   time.Time `json:"begins,omitzero"`
	Tenures  []Tenure  `json:"tenures"` // in the order in which they were granted
}

// Tenure is the time for which somebody had a lock.
type Tenure struct {
	Session string    `json:"session,omitempty"` // empty: of an ownerless lock
	Token   Token     `json:"token"`
	Mode    Mode      `json:"mode"`
	Permits int       `json:"permits,omitempty"` // of those that the lock had, if it was held by permits
	Of      int       `json:"of,omitempty"`
	Granted time.Time `json:"granted,omitzero"`
	Waited  Span      `json:"waited_ms"` // before that
	Ended   time.Time `json:"ended,omitzero"`
	How     Ending    `json:"how,omitempty"` // empty while it lasts
	Reason  string    `json:"reason,omitempty"`
	// By is the session that ended it, if that is another: it revoked the lock, or
	// unlocked one that belongs to nobody.
	By      string            `json:"by,omitempty"`
	ByOwner map[string]string `json:"by_owner,omitempty"` // what that session says of itself
	Info    map[string]string `json:"info,omitempty"`     // of the grant: see Info
	Owner   map[string]string `json:"owner,omitempty"`    // what the holder's session says of itself
}

// Ending says how a Tenure ended.
type Ending string

// The endings.
const (
	EndReleased Ending = "released"
	EndClosed   Ending = "closed"   // released with its session, which its client closed
	EndExpired  Ending = "expired"  // the session ended in silence
	EndRevoked  Ending = "revoked"  // taken away by By, for Reason
	EndOverheld Ending = "overheld" // its MaxHold was over
)

var endings = map[lock.EventKind]Ending{
	lock.LockReleased:  EndReleased,
	lock.SessionClosed: EndClosed,
	lock.LockExpired:   EndExpired,
	lock.LockRevoked:   EndRevoked,
	lock.LockOverheld:  EndOverheld,
}

// Lasts reports whether the tenure has not ended.
func (t Tenure) Lasts() bool { return t.How == "" }

// At returns the tenures of a moment, and whether there can have been no others.
// Of a moment before the history begins only a holder that was alone makes sure of
// that.
func (h History) At(when time.Time) (had []Tenure, sure bool) {
	for _, t := range h.Tenures {
		if !t.Granted.After(when) && (t.Lasts() || t.Ended.After(when)) {
			had = append(had, t)
		}
	}
	alone := slices.ContainsFunc(had, func(t Tenure) bool { return t.Mode == ModeExclusive })
	return had, alone || h.Complete || !h.Begins.IsZero() && !when.Before(h.Begins)
}

// History returns who had the named lock, and when. Nodes of a version that keeps
// no history bring ErrIncompatible.
func (c *Client) History(ctx context.Context, name string) (History, error) {
	h := History{Name: name, Tenures: []Tenure{}}
	for page, err := range c.caller.Pages(ctx, lock.Query{Kind: lock.QueryTenures, Name: name}) {
		if err != nil {
			return h, explainInquiry("history of", name, c.known(), err)
		}
		if page.Record == nil {
			return h, fmt.Errorf("lockstep: history of %q: %w: the primary's version keeps none", name, ErrIncompatible)
		}
		// The last page knows best what was forgotten meanwhile.
		h.Complete, h.Begins = page.Record.Whole, moment(page.Record.Forgot)
		owners := map[lock.SessionID]lock.Info{}
		for _, p := range page.Record.Parties {
			owners[p.ID] = p.Info
		}
		for _, t := range page.Record.Tenures {
			h.Tenures = append(h.Tenures, tenureInfo(t, owners))
		}
	}
	return h, nil
}

func tenureInfo(t lock.Tenure, owners map[lock.SessionID]lock.Info) Tenure {
	return Tenure{
		Session: sessionText(t.Session), Token: Token(t.Token), Mode: modeOf(t.Mode), Permits: int(t.Permits), Of: int(t.Of),
		Granted: moment(t.Since), Waited: span(t.Waited), Ended: moment(t.Until), How: endings[t.How], Reason: t.Reason,
		By: sessionText(t.By), ByOwner: owners[t.By].Map(), Info: t.Info.Map(), Owner: owners[t.Session].Map(),
	}
}
