package lock

// slot remembers the last request of a slot and its answer, refusals and no-ops
// included (S4). Number zero is a slot never used.
type slot struct {
	number Number
	token  Token // with Granted
	// claim is what an Acquire that answered Waiting or Granted has. A grant may
	// have ended and its claim may stand for another since: see slot.grant.
	claim   *claim
	outcome Outcome
	limit   Limit
}

// request executes a numbered request at most once (S4). A higher number first
// ends the wait that the slot's last request may have left (S6).
func (t *Table) request(c Command) Result {
	s, ok := t.sessions[c.Session]
	if !ok {
		return Result{Outcome: SessionExpired}
	}
	last := s.slots.at(c.Slot)
	switch {
	case c.Number < last.number:
		return Result{Outcome: Stale}
	case c.Number == last.number:
		return s.answer(c.Slot)
	}
	if last.outcome == Waiting {
		t.endWait(last.claim)
		t.serve()
	}
	answer, got := t.execute(s, c, last)
	t.remember(s, c.Slot, c.Number, answer, got)
	return answer
}

// execute runs a verb that S4 has let through. The claim is that of an Acquire.
func (t *Table) execute(s *session, c Command, last slot) (Result, *claim) {
	switch c.Verb {
	case Lock:
		return t.lock(c.Name), nil
	case Unlock:
		return t.unlock(s, c.Name), nil
	case Acquire:
		return t.acquire(s, &c)
	case Release:
		return t.release(s, c.Name, c.Token), nil
	case Cancel:
		return t.cancel(c, last), nil
	default:
		return t.revoke(s, &c), nil
	}
}

// cancel undoes the Acquire whose number comes before the Cancel's. If it was
// still waiting, that has ended already. If it never came, it never will, and
// what the slot remembers is an earlier one, whose grant the client knows of and
// goes on holding.
func (t *Table) cancel(c Command, last slot) Result {
	if g := last.grant(); g != nil && c.Number == last.number+1 {
		t.giveBack(g)
		return Result{Outcome: Released}
	}
	return Result{Outcome: Canceled}
}

// grant returns what the slot's answer granted, if that is still held. No two
// grants share a token, so a claim with the answer's is the one.
func (s slot) grant() *claim {
	if s.outcome == Granted && s.claim != nil && s.claim.token == s.token {
		return s.claim
	}
	return nil
}

// answer returns the answer that a slot remembers.
func (s *session) answer(i Slot) Result {
	last := s.slots.at(i)
	return Result{Outcome: last.outcome, Limit: last.limit, Token: last.token, Cycle: s.cycles[i]}
}

func (t *Table) remember(s *session, i Slot, n Number, answer Result, got *claim) {
	t.digest.remove(ofSlot(s, i))
	*s.slots.use(i) = slot{number: n, token: answer.Token, claim: got, outcome: answer.Outcome, limit: answer.Limit}
	s.rememberCycle(i, answer.Cycle)
	t.digest.add(ofSlot(s, i))
}

// rememberCycle keeps the rare text apart from the many slots.
func (s *session) rememberCycle(i Slot, cycle string) {
	if cycle == "" {
		delete(s.cycles, i)
		return
	}
	if s.cycles == nil {
		s.cycles = map[Slot]string{}
	}
	s.cycles[i] = cycle
}
