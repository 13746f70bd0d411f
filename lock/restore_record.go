package lock

import (
	"errors"
	"fmt"
)

// restoreRecord takes the tenures that are over, behind all that lasts.
func (t *Table) restoreRecord(record *Record) error {
	r := &t.recorder
	if record == nil {
		r.whole = t.index == 0
		return nil
	}
	if record.Whole && record.Forgot != 0 {
		return errors.New("it is whole, and something was forgotten")
	}
	r.whole, r.forgot = record.Whole, record.Forgot
	known, err := t.restoreParties(record.Parties)
	if err != nil {
		return err
	}
	for i := range record.Tenures {
		one := &record.Tenures[i]
		if err := t.restoreTenure(one, known); err != nil {
			return fmt.Errorf("tenure %d of %q: %w", one.Token, one.Name, err)
		}
	}
	for _, p := range record.Parties {
		if known[p.ID].uses == 0 {
			return fmt.Errorf("session %d has no tenure", p.ID)
		}
	}
	if r.n > MaxTenures || r.bytes > MaxRecordBytes {
		return fmt.Errorf("%d tenures with %d bytes of texts are too many", r.n, r.bytes)
	}
	return nil
}

// restoreParties returns the sessions that the record names. Those that are open
// go on under their names.
func (t *Table) restoreParties(list []Party) (map[SessionID]*party, error) {
	if !risingBy(list, func(p Party) SessionID { return p.ID }) {
		return nil, errors.New("its sessions are not in order")
	}
	known := make(map[SessionID]*party, len(list))
	for _, p := range list {
		s := t.sessions[p.ID]
		if !t.drew(uint64(p.ID)) || len(p.Info) > MaxInfoBytes || s != nil && s.info != p.Info {
			return nil, fmt.Errorf("session %d was never drawn, or is another one", p.ID)
		}
		known[p.ID] = &party{id: p.ID, info: p.Info}
		if s != nil {
			s.party = known[p.ID]
		}
	}
	return known, nil
}

func (t *Table) restoreTenure(one *Tenure, known map[SessionID]*party) error {
	if err := checkLength(one.Name); err != nil {
		return err
	}
	if l := checkShare(share{one.Mode, one.Permits, one.Of}); l != NoLimit {
		return errors.New(l.String())
	}
	holder, by := known[one.Session], known[one.By]
	switch {
	case !t.drew(uint64(one.Token)):
		return errors.New("its token was never drawn")
	case holder == nil && one.Session != 0 || by == nil && one.By != 0:
		return errors.New("one of its sessions is not there")
	case !one.How.endsTenure() || len(one.Reason) > MaxReasonBytes || len(one.Info) > MaxInfoBytes:
		return fmt.Errorf("it cannot have ended by %d, or its texts are too long", one.How)
	case t.current(one.Name, one.Token):
		return errors.New("it has not ended")
	}
	l := t.kept(one.Name)
	p := t.pastOf(l)
	if l.idle() {
		t.retire(p)
	}
	if p.has(one.Token) || p.n == MaxLockTenures || p.n > 0 && one.Forgot != 0 {
		return errors.New("it comes twice, or too late")
	}
	if p.n == 0 {
		p.forgot = one.Forgot
	}
	e := t.recorder.spareTenures.get()
	*e = tenure{
		past: p, holder: holder, by: by, token: one.Token, since: one.Since, until: one.Until, waited: one.Waited,
		info: one.Info, reason: one.Reason, permits: one.Permits, of: one.Of, mode: one.Mode, how: one.How,
	}
	t.recorder.add(e)
	return nil
}

// has reports whether one of the lock's tenures was under a token.
func (p *past) has(token Token) bool {
	for e := p.first; e != nil; e = e.later {
		if e.token == token {
			return true
		}
	}
	return false
}

// endsTenure reports whether a Tenure can have ended so.
func (k EventKind) endsTenure() bool {
	return k >= LockReleased && k <= LockOverheld || k == SessionClosed
}
