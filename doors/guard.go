package doors

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	"lockstep/doors/access"
	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
	"lockstep/words"
)

// principalKey is the line of a session's info that says who opened it.
const principalKey = "principal"

// Guard returns a backend that does what the rules allow whoever asks, and leaves
// it to the one behind it.
func (d *Doors) Guard(behind api.Backend) api.Backend {
	return &guarded{behind: behind, doors: d, lookAgain: lookAgain, owners: map[lock.SessionID]string{},
		opened: map[string][]lock.SessionID{}, opening: map[string]int{}, counted: map[string]time.Time{}}
}

// guarded is a Backend. It has a method of its own for each: what a Backend may
// learn to do one day is for nobody until somebody has thought about it.
type guarded struct {
	behind api.Backend
	doors  *Doors

	lookAgain time.Duration // how often who waits is looked at

	mu      sync.Mutex
	owners  map[lock.SessionID]string   // no session ever changes hands, and no id is used twice
	opened  map[string][]lock.SessionID // here, by principals with a limit on sessions
	opening map[string]int              // how many more each of them is about to have
	counted map[string]time.Time        // when they were asked which of theirs are over
}

var _ api.Backend = (*guarded)(nil)

// mostOwners is how many sessions are known by their owners; of others the nodes
// are asked.
const mostOwners = 100_000

// Open stamps the session with its owner.
func (g *guarded) Open(ctx context.Context, nonce lock.Number, terms lock.Terms) (lock.SessionCard, error) {
	who := guestOf(ctx)
	if most := g.doors.limitsOf(g.doors.policy(), who).Sessions; most > 0 {
		if err := g.mayOpen(ctx, who, most); err != nil {
			return lock.SessionCard{}, err
		}
		defer g.hasOpened(who)
	}
	info, err := stampFor(terms.Info, who)
	if err != nil {
		return lock.SessionCard{}, api.Denied(connect.CodeInvalidArgument, err)
	}
	terms.Info = info
	card, err := g.behind.Open(ctx, g.doors.ownNonce(who, nonce), terms)
	if err != nil || !g.doors.closed {
		return card, err
	}
	if nonce != 0 {
		// Whoever talks to the nodes without doors may have used it before.
		if err := g.owns(ctx, card.ID); err != nil {
			return lock.SessionCard{}, err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rememberLocked(card.ID, who.name)
	if g.opening[who.name] > 0 && !slices.Contains(g.opened[who.name], card.ID) {
		g.opened[who.name] = append(g.opened[who.name], card.ID)
	}
	return card, nil
}

// ownNonce makes a nonce one of who uses it: so with that of somebody else nothing
// is found, and nothing taken.
func (d *Doors) ownNonce(who guest, nonce lock.Number) lock.Number {
	if nonce == 0 || !d.closed {
		return nonce
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(who.name), uint64(nonce)))
	return max(1, lock.Number(binary.BigEndian.Uint64(sum[:])))
}

func stampedBy(info lock.Info) string { return info.Map()[principalKey] }

// stampFor puts the owner into an info, and nobody else's name.
func stampFor(info lock.Info, who guest) (lock.Info, error) {
	lines := info.Map()
	if lines == nil {
		lines = map[string]string{}
	}
	delete(lines, principalKey)
	if who.known {
		lines[principalKey] = who.name
	}
	return lock.NewInfo(lines)
}

// withoutStamp is an Acquire that does not say who asks: its session does.
func withoutStamp(c lock.Command) (lock.Command, error) {
	if c.Verb != lock.Acquire || c.Terms == nil {
		return c, nil
	}
	if _, claims := c.Terms.Info.Map()[principalKey]; !claims {
		return c, nil
	}
	terms := *c.Terms
	var err error
	if terms.Info, err = stampFor(terms.Info, guest{}); err != nil {
		return c, api.Denied(connect.CodeInvalidArgument, err)
	}
	c.Terms = &terms
	return c, nil
}

// mayOpen holds a principal to its number of sessions. Which of those that it has
// opened are over is found out when there seem to be too many, and not at each
// request that is one too many.
func (g *guarded) mayOpen(ctx context.Context, who guest, most int) error {
	if g.reserve(who, most, nil) {
		return nil
	}
	var over []lock.SessionID
	for _, id := range g.toCount(who, time.Now()) {
		if _, err := g.behind.Session(ctx, id); errors.Is(err, replica.ErrSessionExpired) {
			over = append(over, id)
		} else if err != nil {
			return err
		}
	}
	if g.reserve(who, most, over) {
		return nil
	}
	return g.deny(Sessions, who, "a session", connect.CodeResourceExhausted,
		fmt.Errorf("%s has the %d sessions that are due to it at this node: close some", who.name, most))
}

// countEvery is how often the sessions of a principal are looked through.
const countEvery = time.Second

// toCount are the sessions of a principal, unless they were looked through a moment
// ago.
func (g *guarded) toCount(who guest, now time.Time) []lock.SessionID {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.counted[who.name]) < countEvery {
		return nil
	}
	g.counted[who.name] = now
	return slices.Clone(g.opened[who.name])
}

// closed makes room for another session.
func (g *guarded) closed(who guest, id lock.SessionID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened[who.name] = slices.DeleteFunc(g.opened[who.name], func(one lock.SessionID) bool { return one == id })
	if len(g.opened[who.name]) == 0 {
		delete(g.opened, who.name)
	}
}

// reserve makes room for one more session, if there is any without those that are
// over. hasOpened ends it.
func (g *guarded) reserve(who guest, most int, over []lock.SessionID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.opened[who.name] = slices.DeleteFunc(g.opened[who.name], func(id lock.SessionID) bool { return slices.Contains(over, id) })
	if len(g.opened[who.name])+g.opening[who.name] >= most {
		return false
	}
	g.opening[who.name]++
	return true
}

func (g *guarded) hasOpened(who guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opening[who.name]--; g.opening[who.name] == 0 {
		delete(g.opening, who.name)
	}
}

func (g *guarded) rememberLocked(id lock.SessionID, owner string) {
	for one := range g.owners {
		if len(g.owners) < mostOwners {
			break
		}
		delete(g.owners, one)
	}
	g.owners[id] = owner
}

// owns returns an error if a session is not that of whoever asks.
func (g *guarded) owns(ctx context.Context, id lock.SessionID) error {
	if !g.doors.closed {
		return nil
	}
	who := guestOf(ctx)
	g.mu.Lock()
	owner, known := g.owners[id]
	g.mu.Unlock()
	if !known {
		card, err := g.behind.Session(ctx, id)
		if err != nil {
			return err
		}
		owner = stampedBy(card.Info)
		g.mu.Lock()
		g.rememberLocked(id, owner)
		g.mu.Unlock()
	}
	if who.known && owner != "" && owner == who.name {
		return nil
	}
	return g.deny(Foreign, who, fmt.Sprintf("session %016x", uint64(id)), connect.CodePermissionDenied,
		fmt.Errorf("session %016x was not opened by %s: each uses sessions of its own", uint64(id), who.name))
}

// may returns an error if whoever asks has no such right to one of some locks.
func (g *guarded) may(ctx context.Context, right access.Right, names ...string) error {
	who, policy := guestOf(ctx), g.doors.policy()
	for _, name := range names {
		if !policy.May(who.name, right, name) {
			return g.forbid(who, fmt.Sprintf("%s %q", right, name))
		}
	}
	return nil
}

// mayAll is the same for all locks whose names begin alike.
func (g *guarded) mayAll(ctx context.Context, right access.Right, prefix string) error {
	who := guestOf(ctx)
	if g.doors.policy().MayAll(who.name, right, prefix) {
		return nil
	}
	return g.forbid(who, fmt.Sprintf("%s %q", right, prefix+"*"))
}

func (g *guarded) forbid(who guest, what string) error {
	return g.deny(Forbids, who, what, connect.CodePermissionDenied, fmt.Errorf("the rules do not allow %s to %s", who.name, what))
}

func (g *guarded) deny(why Refusal, who guest, what string, code connect.Code, err error) error {
	g.doors.journal.refused(why, who, what, time.Now())
	return api.Denied(code, err)
}

// Session shows its owner a session, and those who may look at everything.
func (g *guarded) Session(ctx context.Context, id lock.SessionID) (lock.SessionCard, error) {
	if !g.doors.policy().MayAll(guestOf(ctx).name, access.Read, "") {
		if err := g.owns(ctx, id); err != nil {
			return lock.SessionCard{}, err
		}
	}
	return g.behind.Session(ctx, id)
}

func (g *guarded) KeepAlive(ctx context.Context, id lock.SessionID) (lock.Millis, error) {
	if err := g.owns(ctx, id); err != nil {
		return 0, err
	}
	return g.behind.KeepAlive(ctx, id)
}

func (g *guarded) CloseSession(ctx context.Context, id lock.SessionID) error {
	err := g.owns(ctx, id)
	if errors.Is(err, replica.ErrSessionExpired) {
		return nil // it is closed already
	}
	if err != nil {
		return err
	}
	if err := g.behind.CloseSession(ctx, id); err != nil {
		return err
	}
	g.closed(guestOf(ctx), id)
	return nil
}

func (g *guarded) Ask(ctx context.Context, c lock.Command, patience time.Duration) (lock.Result, error) {
	if c.Session != 0 {
		if err := g.owns(ctx, c.Session); err != nil {
			return lock.Result{}, err
		}
	}
	if err := g.Judge(ctx, c); err != nil {
		return lock.Result{}, err
	}
	c, err := withoutStamp(c)
	if err != nil {
		return lock.Result{}, err
	}
	c, err = g.under(ctx, c)
	if err != nil {
		return lock.Result{}, err
	}
	result, err := g.ask(ctx, c, patience)
	if c.Verb == lock.Revoke {
		g.revoked(ctx, c, result, err)
	}
	return g.sight(ctx).result(result), err
}

// under looks whose grant a command is asked under: with that of somebody else it
// could be made to look as if he waited for what he does not. One that nobody holds
// is left out, as the nodes would: its token may be drawn a moment later.
func (g *guarded) under(ctx context.Context, c lock.Command) (lock.Command, error) {
	if !g.doors.closed || c.Terms == nil || c.Terms.Under == (lock.Holding{}) {
		return c, nil
	}
	report, err := g.behind.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: c.Terms.Under.Name})
	if err != nil {
		return c, err
	}
	for _, l := range report.Locks {
		for _, h := range l.Holders {
			if h.Token == c.Terms.Under.Token && h.Session != 0 {
				return c, g.owns(ctx, h.Session)
			}
		}
	}
	terms := *c.Terms
	terms.Under = lock.Holding{}
	c.Terms = &terms
	return c, nil
}

// Judge holds a command to the rules; whose session it is in is another matter.
func (g *guarded) Judge(ctx context.Context, c lock.Command) error {
	switch c.Verb {
	case lock.Cancel:
		return nil // it names no lock, and undoes what its session was allowed
	case lock.Revoke:
		return g.may(ctx, access.Admin, namesOf(c)...)
	default:
		return g.may(ctx, access.Lock, namesOf(c)...)
	}
}

// namesOf are all locks that a command is about.
func namesOf(c lock.Command) []string {
	names := []string{c.Name}
	if c.Terms != nil {
		if c.Terms.Under != (lock.Holding{}) {
			names = append(names, c.Terms.Under.Name)
		}
		for _, w := range c.Terms.And {
			names = append(names, w.Name)
		}
	}
	return names
}

// revoked writes down that an administrator has taken somebody's lock.
func (g *guarded) revoked(ctx context.Context, c lock.Command, result lock.Result, err error) {
	outcome := words.Revoked(result.Outcome)
	if err != nil {
		outcome = err.Error()
	}
	reason := ""
	if c.Terms != nil {
		reason = string(c.Terms.Info)
	}
	who := guestOf(ctx)
	g.doors.journal.Did(who.name, who.from, "revoke", "lock", c.Name, "token", fmt.Sprint(c.Token), "reason", reason, "outcome", outcome)
}

// Blockers are shown to who may take the locks.
func (g *guarded) Blockers(ctx context.Context, c lock.Command) []lock.LockCard {
	if g.may(ctx, access.Lock, namesOf(c)...) != nil {
		return nil
	}
	return g.sight(ctx).cards(g.behind.Blockers(ctx, c))
}

// mayAsk holds a question to the rules.
func (g *guarded) mayAsk(ctx context.Context, q lock.Query) error {
	switch q.Kind {
	case lock.QueryLock, lock.QueryToken, lock.QueryTenures:
		return g.may(ctx, access.Read, q.Name)
	case lock.QueryLocks, lock.QueryEvents:
		return g.mayAll(ctx, access.Read, q.Name)
	case lock.QuerySession:
		if g.doors.policy().MayAll(guestOf(ctx).name, access.Read, "") {
			return nil
		}
		return g.owns(ctx, q.Session)
	case lock.QueryDeadlocks:
		return nil // who may see none of them is told that there is none
	default: // what all sessions do
		return g.mayAll(ctx, access.Read, "")
	}
}

func (g *guarded) Inquire(ctx context.Context, q lock.Query) (lock.Report, error) {
	if err := g.mayAsk(ctx, q); err != nil {
		return lock.Report{}, err
	}
	visitOf(ctx).written() // or what was shown before: this may take a while
	report, err := g.behind.Inquire(ctx, q)
	if err == nil {
		err = g.shows(ctx, report)
	}
	return g.sight(ctx).report(report), err
}

// Watch looks at the rules again whenever there is something to tell: it goes on
// for longer than they may.
func (g *guarded) Watch(ctx context.Context, prefix string, behind lock.Index) iter.Seq2[lock.Report, error] {
	if err := g.mayAll(ctx, access.Read, prefix); err != nil {
		return nothingBut(err)
	}
	return func(yield func(lock.Report, error) bool) {
		for report, err := range g.behind.Watch(ctx, prefix, behind) {
			if err == nil {
				err = g.still(ctx, prefix)
			}
			if err == nil {
				err = g.goesOn(ctx, report)
			}
			if err != nil {
				yield(lock.Report{}, err)
				return
			}
			if !yield(report, nil) {
				return
			}
		}
	}
}

// still returns an error if who came in a while ago would not be let in now.
func (g *guarded) still(ctx context.Context, prefix string) error {
	if err := g.valid(ctx, "watch"); err != nil {
		return err
	}
	return g.mayAll(ctx, access.Read, prefix)
}

// Status and Members are for everybody who is known: where the nodes stand, and
// who they are.
func (g *guarded) Status(ctx context.Context) []muster.Told { return g.behind.Status(ctx) }

// Here is no secret: the node's name is in its certificate.
func (g *guarded) Here() replica.NodeID { return g.behind.Here() }

func (g *guarded) Members(ctx context.Context) (replica.Told, bool) { return g.behind.Members(ctx) }

func nothingBut(err error) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) { yield(lock.Report{}, err) }
}
