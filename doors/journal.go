package doors

import (
	"log/slog"
	"maps"
	"sync"
	"time"
)

// Why somebody was refused. The words are those of the audit log and of metrics.
type Refusal string

// The refusals.
const (
	Unknown   Refusal = "unauthenticated"   // nobody is known by what was shown, if anything was
	Forbids   Refusal = "permission_denied" // the rules do not allow it
	Foreign   Refusal = "foreign_session"   // the session is somebody else's
	TooFast   Refusal = "rate"              // more requests a second than are due
	TooMany   Refusal = "open_requests"     // more requests at once than are due
	Sessions  Refusal = "sessions"          // more sessions than are due
	Rebound   Refusal = "foreign_host"      // open doors, asked for by another machine's name
	Elsewhere Refusal = "cross_site"        // asked for by a page of another site
	Misled    Refusal = "forwarded"         // a proxy does not say for whom it asks
	Crowded   Refusal = "connections"       // no room for one more
)

// Journal is the audit log: what administrators did, and whom a door refused. It
// never has a token, a key, or anything of a request but what it was about.
type Journal struct {
	log *slog.Logger // nil: nowhere

	mu     sync.Mutex
	counts map[Refusal]uint64
	said   map[Refusal]*utterance
	nobody deeds // of those who did not have to say who they are
}

// deeds are what was written in the second that began last, and how many were not.
type deeds struct {
	began        time.Time
	said, unsaid uint64
}

// nobodysDeeds is how many of them are written in a second: where everybody may do
// everything, everybody could fill a disk. Of who is known all are.
const nobodysDeeds = 100

// utterance is when a kind of refusal was written last, and how many were not
// since then: who is refused must not be able to fill a disk.
type utterance struct {
	at     time.Time
	unsaid uint64
}

// refusalEvery is how often each kind of refusal is written.
const refusalEvery = time.Second

// NewJournal returns a journal that writes to a log, or only counts if there is
// none.
func NewJournal(log *slog.Logger) *Journal {
	return &Journal{log: log, counts: map[Refusal]uint64{}, said: map[Refusal]*utterance{}}
}

// Refusals is how many there were of each kind.
func (j *Journal) Refusals() map[Refusal]uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.counts)
}

// refused counts a refusal, and writes it down if none of its kind was a moment
// ago.
func (j *Journal) refused(why Refusal, who guest, what string, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.counts[why]++
	if j.log == nil {
		return
	}
	u := j.said[why]
	if u == nil {
		u = &utterance{}
		j.said[why] = u
	} else if now.Sub(u.at) < refusalEvery {
		u.unsaid++
		return
	}
	j.log.Warn("refused", "why", string(why), "principal", who.name, "from", who.from, "what", brief(what), "more", u.unsaid)
	u.at, u.unsaid = now, 0
}

// NotAdmitted takes note of somebody whom the port of the nodes does not serve.
func (j *Journal) NotAdmitted(principal, from string) {
	j.refused(Forbids, guest{name: principal, from: from}, "the port of the nodes", time.Now())
}

// Did writes down what an administrator has done, or has tried to do: who that was,
// if it is known, from where, and what, with more about it in keys and values.
func (j *Journal) Did(principal, from, what string, more ...any) {
	j.did(principal, from, what, more, time.Now())
}

func (j *Journal) did(principal, from, what string, more []any, now time.Time) {
	if j.log == nil {
		return
	}
	line := []any{"principal", principal, "from", from}
	if principal == "" {
		unsaid, may := j.nobodyDid(now)
		if !may {
			return
		}
		if unsaid > 0 {
			more = append(more, "more", unsaid)
		}
	}
	for _, one := range more {
		if text, is := one.(string); is {
			one = brief(text)
		}
		line = append(line, one)
	}
	j.log.Info(what, line...)
}

// changed writes down that a file says something else. Who made it do so, it does
// not say.
func (j *Journal) changed(file, what, reason string) {
	if j.log != nil {
		j.log.Info(what, "principal", "", "from", file, "reason", reason)
	}
}

// nobodyDid reports whether one more of those deeds is written, and how many before
// it were not.
func (j *Journal) nobodyDid(now time.Time) (unsaid uint64, may bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	d := &j.nobody
	if now.Sub(d.began) >= time.Second {
		d.began, d.said = now, 0
	}
	if d.said == nobodysDeeds {
		d.unsaid++
		return 0, false
	}
	d.said++
	unsaid, d.unsaid = d.unsaid, 0
	return unsaid, true
}

// brief is as much of what somebody sent as goes into a line.
func brief(text string) string {
	const most = 300
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
