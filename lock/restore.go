package lock

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Restore returns the table that a snapshot was taken of. A snapshot that is out
// of order or out of range, so that no table can have given it, is refused.
func Restore(snap Snapshot) (*Table, error) {
	t := NewTable()
	t.index, t.last = snap.Index, snap.Last
	t.digest.add(ofCounter(t.last))
	if err := t.restore(snap); err != nil {
		return nil, fmt.Errorf("lock: snapshot at %d: %w", snap.Index, err)
	}
	return t, nil
}

func (t *Table) restore(snap Snapshot) error {
	if err := inOrder(snap); err != nil {
		return err
	}
	t.locks = make(map[string]ownerless, len(snap.Locks))
	t.owned = make(map[string]*ownedLock, len(snap.Grants))
	for _, l := range snap.Locks {
		if err := t.restoreLock(l); err != nil {
			return fmt.Errorf("lock %q: %w", l.Name, err)
		}
	}
	for _, s := range snap.Sessions {
		if err := t.restoreSession(s); err != nil {
			return fmt.Errorf("session %d: %w", s.ID, err)
		}
	}
	for _, g := range snap.Grants {
		if err := t.restoreGrant(g); err != nil {
			return fmt.Errorf("grant %d of %q: %w", g.Token, g.Name, err)
		}
	}
	for _, d := range snap.Delays {
		if err := t.restoreDelay(d); err != nil {
			return fmt.Errorf("delay of %q: %w", d.Name, err)
		}
	}
	for _, w := range snap.Waits {
		if err := t.restoreWait(w); err != nil {
			return fmt.Errorf("wait of entry %d: %w", w.Queued, err)
		}
	}
	if err := t.restoreRecord(snap.Record); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return t.connected()
}

// inOrder checks that nothing comes twice and everything where it belongs.
func inOrder(snap Snapshot) error {
	if len(snap.Locks) > MaxLocks || len(snap.Sessions) > MaxSessions || len(snap.Waits) > MaxWaits {
		return fmt.Errorf("%d locks, %d sessions and %d waits are too many",
			len(snap.Locks), len(snap.Sessions), len(snap.Waits))
	}
	switch {
	case !risingBy(snap.Locks, func(l HeldLock) string { return l.Name }):
		return errors.New("its locks are not in order")
	case !risingBy(snap.Sessions, func(s SessionState) SessionID { return s.ID }):
		return errors.New("its sessions are not in order")
	case !risingBy(snap.Grants, func(g GrantState) Token { return g.Token }):
		return errors.New("its grants are not in order")
	case !risingBy(snap.Waits, func(w WaitState) Index { return w.Queued }):
		return errors.New("its waits are not in order")
	case !rising(snap.Delays, func(a, b DelayState) int {
		return byTokenAndName(Holding{a.Name, a.Token}, Holding{b.Name, b.Token})
	}):
		return errors.New("its delays are not in order")
	default:
		return nil
	}
}

func (t *Table) restoreLock(l HeldLock) error {
	if err := checkLength(l.Name); err != nil {
		return err
	}
	if !t.drew(uint64(l.Token)) {
		return fmt.Errorf("token %d was never drawn", l.Token)
	}
	t.hold(l.Name, ownerless{l.Token, l.Since})
	return nil
}

// checkLength checks no more of a name: which runes are printable may differ
// between two versions of Unicode, and the name has been let in already.
func checkLength(name string) error {
	if len(name) == 0 || len(name) > MaxNameBytes {
		return fmt.Errorf("a name of %d bytes cannot be", len(name))
	}
	return nil
}

func (t *Table) restoreSession(state SessionState) error {
	if !t.drew(uint64(state.ID)) {
		return errors.New("its id was never drawn")
	}
	if _, taken := t.openings[state.Nonce]; taken || state.Nonce == 0 {
		return fmt.Errorf("nonce %d is none, or opened another session", state.Nonce)
	}
	if state.TTL < MinTTL || state.TTL > MaxTTL || len(state.Info) > MaxInfoBytes {
		return fmt.Errorf("a TTL of %d ms and an info of %d bytes cannot be", state.TTL, len(state.Info))
	}
	if uint64(len(state.Revocations)) != min(uint64(state.Revoked), MaxRevocations) {
		return fmt.Errorf("%d grants were revoked, and it remembers %d", state.Revoked, len(state.Revocations))
	}
	for _, r := range state.Revocations {
		if len(r.Reason) > MaxReasonBytes {
			return fmt.Errorf("a reason of %d bytes cannot be", len(r.Reason))
		}
	}
	s := &session{
		id: state.ID, nonce: state.Nonce, ttl: state.TTL, since: state.Since, info: state.Info,
		revoked: state.Revoked, revocations: slices.Clone(state.Revocations),
	}
	t.addSession(s)
	return t.restoreSlots(s, state.Slots)
}

func (t *Table) restoreSlots(s *session, slots []SlotState) error {
	if !risingBy(slots, func(s SlotState) Slot { return s.Slot }) {
		return errors.New("its slots are not in order")
	}
	for _, remembered := range slots {
		if remembered.Slot >= MaxSlots || remembered.Number == 0 || !t.canAnswer(remembered.Answer) {
			return fmt.Errorf("slot %d with number %d and answer %+v cannot be",
				remembered.Slot, remembered.Number, remembered.Answer)
		}
		t.remember(s, remembered.Slot, remembered.Number, remembered.Answer, nil)
	}
	return nil
}

// canAnswer reports whether an answer can stand in a slot: a token that was
// drawn with Granted and none otherwise, and a cycle with Deadlock only.
func (t *Table) canAnswer(answer Result) bool {
	if answer.Session != 0 || answer.Revoked != 0 || (answer.Cycle != "") != (answer.Outcome == Deadlock) {
		return false
	}
	if answer.Outcome == Granted {
		return t.drew(uint64(answer.Token))
	}
	return answer.Outcome != 0 && answer.Token == 0 && len(answer.Cycle) <= MaxCycleBytes
}

func (t *Table) restoreGrant(state GrantState) error {
	if !t.drew(uint64(state.Token)) || state.Count == 0 {
		return fmt.Errorf("it cannot be, drawn at most %d and counted %d times", t.last, state.Count)
	}
	g, err := t.restoreClaim(state.Session, state.Under, Command{Name: state.Name, Mode: state.Mode, Terms: state.Terms})
	if err != nil {
		return err
	}
	for p := range g.parts() {
		if _, held := t.locks[p.lock.name]; held || !p.lock.occupied().admits(p.share) {
			return fmt.Errorf("its lock %q has another holder", p.lock.name) // S1
		}
	}
	g.token, g.since, g.count = state.Token, state.Since, state.Count
	if state.Waited > 0 {
		g.beyond().waited = state.Waited
	}
	t.addGrant(g)
	return nil
}

func (t *Table) restoreWait(state WaitState) error {
	if state.Queued == 0 || state.Queued > t.index {
		return errors.New("it was never queued")
	}
	w, err := t.restoreClaim(state.Session, state.Under,
		Command{Name: state.Name, Mode: state.Mode, Terms: state.Terms, Slot: state.Slot})
	if err != nil {
		return err
	}
	slot := w.session.slots.use(state.Slot)
	if slot.outcome != Waiting || slot.claim != nil {
		return fmt.Errorf("slot %d waits for another", state.Slot)
	}
	slot.claim = w
	w.beyond().queued, w.since = state.Queued, state.Since
	t.addWait(w)
	return nil
}

// restoreClaim returns what a grant and a wait have in common.
func (t *Table) restoreClaim(id SessionID, under []Token, c Command) (*claim, error) {
	s, ok := t.sessions[id]
	if !ok {
		return nil, fmt.Errorf("session %d is not there", id) // S2
	}
	if err := checkClaim(c); err != nil {
		return nil, err
	}
	if len(under) > MaxUnder || slices.ContainsFunc(under, func(token Token) bool { return !t.drew(uint64(token)) }) {
		return nil, fmt.Errorf("it cannot be under %d", under)
	}
	got := t.claim(s, &c)
	if len(under) > 0 {
		for _, token := range under {
			got.beyond().under = append(got.more.under, kept{token: token})
		}
	}
	return got, nil
}

// checkClaim checks the form of what a snapshot says of a claim.
func checkClaim(c Command) error {
	for w := range c.wants() {
		if err := checkLength(w.Name); err != nil {
			return err
		}
		if l := checkShare(w.share()); l != NoLimit {
			return errors.New(l.String())
		}
	}
	if c.Terms == nil {
		return nil
	}
	if l := checkSpans(c.Terms); l != NoLimit {
		return errors.New(l.String())
	}
	t := c.Terms
	if t.TTL != 0 || t.Under != (Holding{}) || t.Reentrant || t.AllowDeadlock || t.Sequential ||
		!distinct(&c) || len(t.Info) > MaxInfoBytes {
		return errors.New("its terms cannot be")
	}
	return nil
}

func (t *Table) restoreDelay(d DelayState) error {
	if err := checkLength(d.Name); err != nil {
		return err
	}
	if !t.drew(uint64(d.Token)) || d.Span == 0 || d.Span > MaxLockDelay {
		return fmt.Errorf("%d ms after the loss of %d cannot be", d.Span, d.Token)
	}
	t.shut(t.known(d.Name), d.Token, d.Span)
	return nil
}

// connected gives the slots the grants that they answered and the claims those
// that they were asked under, and checks that each wait is one that goes on.
func (t *Table) connected() error {
	grants := map[Token]*claim{}
	for _, s := range t.sessions {
		for g := range s.grants.all() {
			grants[g.token] = g
		}
	}
	for id, s := range t.sessions {
		for _, list := range []claims{s.grants, s.waits} {
			for c := range list.all() {
				c.connect(grants)
			}
		}
		for i, slot := range s.slots.all() {
			slot.connect(grants)
			if slot.outcome == Waiting && slot.claim == nil {
				return fmt.Errorf("session %d: slot %d waits for nothing", id, i)
			}
		}
	}
	return t.settled()
}

func (s *slot) connect(grants map[Token]*claim) {
	if s.outcome == Granted {
		s.claim = grants[s.token]
	}
}

func (c *claim) connect(grants map[Token]*claim) {
	if c.more == nil {
		return
	}
	for i := range c.more.under {
		k := &c.more.under[i]
		k.claim = grants[k.token]
	}
}

// settled checks that nobody waits who could go on.
func (t *Table) settled() error {
	for name, l := range t.owned {
		if len(l.queue()) > MaxLockWaits {
			return fmt.Errorf("%d wait for %q", len(l.queue()), name)
		}
		if len(l.queue()) > 0 && t.turnOf(l.queue()[0]) {
			return fmt.Errorf("somebody waits for %q, which can be had", name)
		}
	}
	return nil
}

// drew reports whether a token or a session id can have been drawn so far.
func (t *Table) drew(value uint64) bool { return value != 0 && value <= t.last }

// risingBy reports whether the keys of items strictly rise.
func risingBy[T any, K cmp.Ordered](items []T, key func(T) K) bool {
	return rising(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

func rising[T any](items []T, compare func(a, b T) int) bool {
	for i := 1; i < len(items); i++ {
		if compare(items[i-1], items[i]) >= 0 {
			return false
		}
	}
	return true
}
