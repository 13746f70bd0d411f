package sim

import (
	"slices"

	"lockstep/lock"
)

// ended is a tenure that is over, as an event told it.
type ended struct {
	n     int // the entry, counted from 1
	name  string
	token lock.Token
	how   lock.EventKind
}

// endings are the tenures that the last entry has ended.
func endings(t *table, n int, e lock.Entry) []ended {
	var all []ended
	for _, event := range t.locks.Events() {
		switch event.Kind {
		case lock.LockReleased, lock.LockExpired, lock.LockRevoked, lock.LockOverheld:
			how := event.Kind
			if e.Command.Verb == lock.CloseSession {
				how = lock.SessionClosed
			}
			all = append(all, ended{n, event.Name, event.Token, how})
		}
	}
	return all
}

// records checks that what an entry has ended is in the record of the node.
func (c *checker) records(t *table, over []ended) {
	for _, o := range over {
		report := t.locks.Report(lock.Query{Kind: lock.QueryTenures, Name: o.name, Token: o.token - 1}, reportRoom)
		first := report.Record.Tenures
		if len(first) == 0 || first[0].Token != o.token || first[0].How != o.how {
			c.w.fail("record", "%s does not remember how %q under %x ended: %+v", t.p.node.name, o.name, o.token, first)
		}
	}
}

// remembers checks the record of a table that came as a snapshot: it is what one has
// that applied every entry.
func (c *checker) remembers(t *table) {
	at := t.place
	if at.in == nil {
		return
	}
	var want []ended
	kept := map[string]int{}
	for _, o := range slices.Backward(at.in.ended) {
		if o.n <= at.n && kept[o.name] < lock.MaxLockTenures {
			kept[o.name]++
			want = append(want, o)
		}
	}
	slices.Reverse(want)
	var got []lock.Tenure
	if record := t.locks.Snapshot().Record; record != nil {
		got = record.Tenures
	}
	same := len(want) == len(got)
	for i := 0; same && i < len(want); i++ {
		one := got[i]
		same = one.Name == want[i].name && one.Token == want[i].token && one.How == want[i].how
	}
	if !same {
		c.w.fail("record", "%s remembers %+v by a snapshot of %d, and it was %+v", t.p.node.name, got, at.n, want)
	}
}
