package lockstep

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"lockstep/lock"
)

// Mode says how a lock is held or wanted.
type Mode string

// The modes.
const (
	ModeExclusive Mode = "exclusive" // alone
	ModeShared    Mode = "shared"    // beside other shared holders
	ModePermits   Mode = "permits"   // some of the lock's permits
)

func modeOf(m lock.Mode) Mode {
	switch m {
	case lock.Shared:
		return ModeShared
	case lock.Counted:
		return ModePermits
	default:
		return ModeExclusive
	}
}

// Span is a length of time, which JSON shows in whole milliseconds.
type Span struct{ time.Duration }

// MarshalJSON writes a number of milliseconds.
func (s Span) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, s.Milliseconds(), 10), nil
}

// UnmarshalJSON reads a number of milliseconds.
func (s *Span) UnmarshalJSON(text []byte) error {
	var n int64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	s.Duration = time.Duration(n) * time.Millisecond
	return nil
}

// LockInfo shows a lock. One that nobody holds or waits for, and that no
// lock-delay closes, has nothing but its name.
type LockInfo struct {
	Name string `json:"name"`
	// Ownerless is set for what a Clerk has locked: nobody's session holds it.
	Ownerless bool `json:"ownerless,omitempty"`
	// Delayed is set while the lock stays closed because its holder was lost.
	Delayed bool         `json:"delayed,omitempty"`
	Of      int          `json:"of,omitempty"` // the permits that the lock has, if it is held by permits
	Holders []HolderInfo `json:"holders"`
	Waiters int          `json:"waiters"`         // how many wait
	Queue   []WaiterInfo `json:"queue,omitempty"` // first come first, if asked for
}

// Free reports whether an exclusive holder could have the lock at once.
func (l LockInfo) Free() bool { return len(l.Holders) == 0 && l.Waiters == 0 && !l.Delayed }

// HolderInfo shows one grant of a lock.
type HolderInfo struct {
	Session string            `json:"session,omitempty"` // empty: of an ownerless lock
	Token   Token             `json:"token"`
	Mode    Mode              `json:"mode"`
	Permits int               `json:"permits,omitempty"`
	Count   int               `json:"count,omitempty"` // how often it was granted: see Reentrant
	Since   time.Time         `json:"since,omitzero"`  // by a node's clock
	MaxHold Span              `json:"max_hold_ms,omitzero"`
	Info    map[string]string `json:"info,omitempty"` // of the grant: see Info
	Owner   SessionInfo       `json:"owner,omitzero"` // who holds it
}

// WaiterInfo shows one wait for a lock.
type WaiterInfo struct {
	Session string            `json:"session"`
	Mode    Mode              `json:"mode"`
	Permits int               `json:"permits,omitempty"`
	Since   time.Time         `json:"since,omitzero"`
	Names   []string          `json:"names,omitempty"` // all that it waits for, if several
	Info    map[string]string `json:"info,omitempty"`
	Owner   SessionInfo       `json:"owner,omitzero"`
}

// SessionInfo shows a session, the presence of one client.
type SessionInfo struct {
	ID    string            `json:"id"`
	TTL   Span              `json:"ttl_ms"`
	Info  map[string]string `json:"info,omitempty"` // host, pid, user, command, and what WithInfo added
	Since time.Time         `json:"since,omitzero"`
	Holds int               `json:"holds"`        // grants
	Waits int               `json:"waits"`        // requests that wait
	Heard Span              `json:"heard_ms_ago"` // since its last keep-alive
}

// Cycle is a deadlock: each step's session waits for the next one's, and the
// last one's for the first's.
type Cycle []CycleStep

// CycleStep is one session of a Cycle.
type CycleStep struct {
	Session string            `json:"session"`
	Holds   string            `json:"holds"` // what the one before waits for
	Waits   string            `json:"waits"` // what it waits for itself
	Info    map[string]string `json:"info,omitempty"`
	// Possible says that the session may let go of Holds although it waits: its
	// request was made neither under that lock nor with Sequential. A cycle with
	// such a step may be none.
	Possible bool `json:"possible,omitempty"`
}

func lockInfo(card lock.LockCard) LockInfo {
	return LockInfo{
		Name: card.Name, Ownerless: card.Ownerless, Delayed: card.Delayed, Of: int(card.Of),
		Holders: each(card.Holders, holderInfo), Waiters: int(card.Waiters), Queue: each(card.Queue, waiterInfo),
	}
}

func holderInfo(card lock.HolderCard) HolderInfo {
	return HolderInfo{
		Session: sessionText(card.Session), Token: Token(card.Token),
		Mode: modeOf(card.Mode), Permits: int(card.Permits), Count: int(card.Count),
		Since: moment(card.Since), MaxHold: span(card.MaxHold),
		Info: card.Info.Map(), Owner: sessionInfo(card.Owner),
	}
}

func waiterInfo(card lock.WaiterCard) WaiterInfo {
	return WaiterInfo{
		Session: sessionText(card.Session), Mode: modeOf(card.Mode), Permits: int(card.Permits),
		Since: moment(card.Since), Names: card.Names,
		Info: card.Info.Map(), Owner: sessionInfo(card.Owner),
	}
}

func sessionInfo(card lock.SessionCard) SessionInfo {
	return SessionInfo{
		ID: sessionText(card.ID), TTL: span(card.TTL), Info: card.Info.Map(), Since: moment(card.Since),
		Holds: int(card.Holds), Waits: int(card.Waits), Heard: span(card.Heard),
	}
}

func cycleInfo(cycle lock.Cycle) Cycle {
	return each(cycle, func(step lock.CycleStep) CycleStep {
		return CycleStep{sessionText(step.Session), step.Holds, step.Waits, step.Info.Map(), step.Possible}
	})
}

// each is never nil, so that JSON shows an empty list as one.
func each[From, To any](list []From, turn func(From) To) []To {
	turned := make([]To, len(list))
	for i, one := range list {
		turned[i] = turn(one)
	}
	return turned
}

func span(m lock.Millis) Span { return Span{time.Duration(m) * time.Millisecond} }

// moment is zero if it is not known.
func moment(m lock.Millis) time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// millis rounds up: what was asked for is the least that is meant.
func millis(d time.Duration) lock.Millis {
	return lock.Millis((d + time.Millisecond - 1) / time.Millisecond)
}

// infoText refuses a map that cannot be written.
func infoText(info map[string]string) (lock.Info, error) {
	text, err := lock.NewInfo(info)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return text, nil
}
