package lockstep

import (
	"context"
	"iter"
	"time"

	"lockstep/lock"
)

// EventKind says what an Event tells.
type EventKind string

// The kinds of events.
const (
	// EventBegan comes first: what happens after it is told. Whoever lists the
	// locks now and follows the events misses nothing.
	EventBegan EventKind = "began"
	// EventMissed says that more has happened than the nodes remember. Whoever
	// keeps a picture of the locks has to list them again.
	EventMissed EventKind = "missed"

	EventAcquired      EventKind = "acquired"
	EventReleased      EventKind = "released"
	EventExpired       EventKind = "expired"  // the holder's session ended in silence
	EventRevoked       EventKind = "revoked"  // by an operator, for Reason
	EventOverheld      EventKind = "overheld" // the holder's MaxHold was over
	EventReopened      EventKind = "reopened" // the lock-delay was over
	EventWaitBegan     EventKind = "wait_began"
	EventWaitEnded     EventKind = "wait_ended" // without a grant
	EventSessionOpened EventKind = "session_opened"
	EventSessionClosed EventKind = "session_closed"
	EventSessionEnded  EventKind = "session_ended" // in silence
)

// Event is a change that was made to a lock or to a session. The fields that say
// nothing about its kind are empty.
type Event struct {
	Kind    EventKind `json:"kind"`
	Index   uint64    `json:"index"`          // its place in the order of all changes; several may share one
	At      time.Time `json:"at,omitzero"`    // by a node's clock
	Name    string    `json:"name,omitempty"` // of the lock
	Session string    `json:"session,omitempty"`
	Token   Token     `json:"token,omitzero"` // of the grant
	Mode    Mode      `json:"mode,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	// Span is the session's TTL, the grant's MaxHold, or the lock-delay that
	// begins.
	Span Span `json:"span_ms,omitzero"`
}

var eventKinds = map[lock.EventKind]EventKind{
	lock.LockAcquired:  EventAcquired,
	lock.LockReleased:  EventReleased,
	lock.LockExpired:   EventExpired,
	lock.LockRevoked:   EventRevoked,
	lock.LockOverheld:  EventOverheld,
	lock.LockReopened:  EventReopened,
	lock.WaitBegan:     EventWaitBegan,
	lock.WaitEnded:     EventWaitEnded,
	lock.SessionOpened: EventSessionOpened,
	lock.SessionClosed: EventSessionClosed,
	lock.SessionEnded:  EventSessionEnded,
}

// Watch yields what happens to the locks whose names begin with prefix, and with
// an empty prefix to sessions too, from the moment at which it yields
// EventBegan. It goes on through the death of a node, and ends with ctx, whose
// error it yields. A watcher that falls behind further than the nodes remember
// gets EventMissed instead, and what comes after.
func (c *Client) Watch(ctx context.Context, prefix string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		began := false
		for report, err := range c.caller.Watch(ctx, prefix, 0) {
			switch {
			case err != nil:
				yield(Event{}, explainInquiry("watch", prefix, c.known(), err))
				return
			case !began:
				began = true
				if !yield(Event{Kind: EventBegan, Index: uint64(report.Index)}, nil) {
					return
				}
			case !yieldEvents(report, yield):
				return
			}
		}
	}
}

func yieldEvents(report lock.Report, yield func(Event, error) bool) bool {
	if report.Missed && !yield(Event{Kind: EventMissed, Index: uint64(report.Index)}, nil) {
		return false
	}
	for _, e := range report.Events {
		if !yield(eventInfo(e), nil) {
			return false
		}
	}
	return true
}

func eventInfo(e lock.Event) Event {
	info := Event{
		Kind: eventKinds[e.Kind], Index: uint64(e.Index), At: moment(e.At), Name: e.Name,
		Session: sessionText(e.Session), Token: Token(e.Token), Reason: e.Reason, Span: span(e.Span),
	}
	if e.Name != "" {
		info.Mode = modeOf(e.Mode)
	}
	return info
}
