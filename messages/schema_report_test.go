package messages

import (
	"lockstep/lock"
	"lockstep/messages/wire"
)

// Queries and what is reported, in terms of the generated code.

func wireQuery(query Query) *wire.Query {
	q := query.Query
	return &wire.Query{
		Client: uint32(query.Client), Id: uint64(query.ID), Kind: uint32(q.Kind), Name: q.Name, After: q.After,
		Session: uint64(q.Session), Token: uint64(q.Token), Index: uint64(q.Index), Waiters: q.Waiters,
	}
}

func wireQueryReport(report Report) *wire.QueryReport {
	told, r := report.Reported, report.Reported.Report
	return &wire.QueryReport{
		Client: uint32(report.Client), Id: uint64(told.ID), Kind: uint32(told.Kind), Hint: string(told.Hint),
		Index: uint64(r.Index), Locks: each(r.Locks, wireLockCard), Sessions: each(r.Sessions, wireSessionCard),
		Cycles: each(r.Cycles, wireCycle), Events: each(r.Events, wireEvent),
		Revocations: each(r.Revocations, wireRevocation), Current: r.Current, More: r.More, Missed: r.Missed,
		Record: wireRecord(r.Record),
	}
}

func wireLockCard(c lock.LockCard) *wire.LockCard {
	return &wire.LockCard{
		Name: c.Name, Ownerless: c.Ownerless, Delayed: c.Delayed, Of: c.Of,
		Holders: each(c.Holders, wireHolderCard), Waiters: c.Waiters, Queue: each(c.Queue, wireWaiterCard),
	}
}

func wireHolderCard(c lock.HolderCard) *wire.HolderCard {
	return &wire.HolderCard{
		Session: uint64(c.Session), Token: uint64(c.Token), Mode: uint32(c.Mode), Permits: c.Permits, Count: c.Count,
		Since: uint64(c.Since), MaxHold: uint64(c.MaxHold), Info: string(c.Info), Owner: wireSessionCard(c.Owner),
	}
}

func wireWaiterCard(c lock.WaiterCard) *wire.WaiterCard {
	return &wire.WaiterCard{
		Session: uint64(c.Session), Mode: uint32(c.Mode), Permits: c.Permits, Since: uint64(c.Since),
		Names: c.Names, Info: string(c.Info), Owner: wireSessionCard(c.Owner),
	}
}

func wireSessionCard(c lock.SessionCard) *wire.SessionCard {
	return &wire.SessionCard{
		Id: uint64(c.ID), Ttl: uint64(c.TTL), Info: string(c.Info), Since: uint64(c.Since),
		Holds: c.Holds, Waits: c.Waits, Heard: uint64(c.Heard),
	}
}

func wireEvent(e lock.Event) *wire.Event {
	return &wire.Event{
		Index: uint64(e.Index), At: uint64(e.At), Session: uint64(e.Session), Token: uint64(e.Token),
		Request: wireRequestID(e.Request), Name: e.Name, Reason: e.Reason,
		Kind: uint32(e.Kind), Mode: uint32(e.Mode), Span: uint64(e.Span),
	}
}

func wireCycle(c lock.Cycle) *wire.Cycle {
	return &wire.Cycle{Steps: each(c, func(s lock.CycleStep) *wire.CycleStep {
		return &wire.CycleStep{Session: uint64(s.Session), Holds: s.Holds, Waits: s.Waits, Info: string(s.Info), Possible: s.Possible}
	})}
}

func wireRevocation(v lock.Revocation) *wire.Revocation {
	return &wire.Revocation{Token: uint64(v.Token), Kind: uint32(v.Kind), Reason: v.Reason}
}

func wireRecord(v *lock.Record) *wire.Record {
	if v == nil {
		return nil
	}
	return &wire.Record{
		Whole: v.Whole, Forgot: uint64(v.Forgot),
		Parties: each(v.Parties, func(p lock.Party) *wire.Party { return &wire.Party{Id: uint64(p.ID), Info: string(p.Info)} }),
		Tenures: each(v.Tenures, func(t lock.Tenure) *wire.Tenure {
			return &wire.Tenure{
				Name: t.Name, Token: uint64(t.Token), Session: uint64(t.Session), Mode: uint32(t.Mode), Permits: t.Permits, Of: t.Of,
				Since: uint64(t.Since), Until: uint64(t.Until), Waited: uint64(t.Waited), How: uint32(t.How),
				Info: string(t.Info), By: uint64(t.By), Reason: t.Reason, Forgot: uint64(t.Forgot),
			}
		}),
	}
}

func wireNotice(n Notice) *wire.Notice {
	return &wire.Notice{Client: uint32(n.Client), Session: uint64(n.Session), Revocation: wireRevocation(n.Revocation)}
}
