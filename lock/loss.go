package lock

import "slices"

// revoke takes a lock away from the grant with the command's token, or from all
// who have it, also if no session owns it.
func (t *Table) revoke(by *session, c *Command) Result {
	end := byForce("", by)
	if c.Terms != nil {
		end.reason = string(c.Terms.Info.own())
	}
	any := false
	if was, held := t.locks[c.Name]; held && c.means(was.token) {
		t.free(c.Name, was, &end)
		any = true
	}
	if l, used := t.owned[c.Name]; used {
		for _, g := range slices.Clone(l.holders()) {
			if c.means(g.token) {
				t.deprive(g, &end)
				any = true
			}
		}
	}
	if !any {
		return Result{Outcome: NotHeld}
	}
	return Result{Outcome: Released}
}

func (c *Command) means(token Token) bool { return c.Token == 0 || c.Token == token }

// endHold takes back a grant that has lasted for its MaxHold.
func (t *Table) endHold(name string, token Token) Result {
	g := t.find(name, token)
	if g == nil {
		return Result{Outcome: NotHeld}
	}
	t.deprive(g, &byMaxHold)
	return Result{Outcome: Released}
}

// deprive takes a grant from a session that lives on.
func (t *Table) deprive(g *claim, end *finish) {
	t.note(g.session, Revocation{Token: g.token, Kind: end.kind, Reason: end.reason})
	t.take(g, end)
}

// shut closes a lock until Reopen says that the delay is over (T6). Nobody is
// granted it meanwhile, so it has no more delays than it had holders.
func (t *Table) shut(l *ownedLock, lost Token, span Millis) {
	l.gather().delays++
	t.delays[Holding{l.name, lost}] = span
	t.digest.add(ofDelay(l.name, lost, span))
}

// reopen ends a lock-delay.
func (t *Table) reopen(name string, lost Token) Result {
	span, shut := t.delays[Holding{name, lost}]
	if !shut {
		return Result{Outcome: NotHeld}
	}
	l := t.owned[name]
	l.crowd().delays--
	delete(t.delays, Holding{name, lost})
	t.digest.remove(ofDelay(name, lost, span))
	t.tell(Event{Kind: LockReopened, Name: l.name, Token: lost})
	t.touch(l)
	return Result{Outcome: Released}
}
