package actors

import (
	"context"
	"iter"

	"lockstep/lock"
)

// Pages asks for one page after the other of locks, sessions or tenures, each behind the
// last one's end. After an error it ends.
func (c *Caller) Pages(ctx context.Context, q lock.Query) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		for {
			page, err := c.Inquire(ctx, q)
			if !yield(page, err) || err != nil || !page.More {
				return
			}
			if n := len(page.Locks); n > 0 {
				q.After = page.Locks[n-1].Name
			}
			if n := len(page.Sessions); n > 0 {
				q.Session = page.Sessions[n-1].ID
			}
			if r := page.Record; r != nil && len(r.Tenures) > 0 {
				q.Token = r.Tenures[len(r.Tenures)-1].Token
			}
		}
	}
}

// Watch yields reports of what happens to locks whose names begin with prefix, and
// with an empty prefix to sessions too, behind an entry, or with zero from now on.
// The first has no events; the Index of each is where to go on. It ends with ctx,
// whose error it yields.
func (c *Caller) Watch(ctx context.Context, prefix string, behind lock.Index) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		now, err := c.present(ctx) // also for who knows where it is: it hears if nobody tells it anything
		if err != nil {
			yield(lock.Report{}, err)
			return
		}
		first := lock.Report{Index: behind}
		if behind == 0 {
			first.Index = now
		}
		if !yield(first, nil) {
			return
		}
		q := lock.Query{Kind: lock.QueryEvents, Name: prefix, Index: first.Index}
		for {
			report, err := c.Inquire(ctx, q)
			if err != nil {
				yield(lock.Report{}, err)
				return
			}
			report.Index = knownAfter(&report)
			if (len(report.Events) > 0 || report.Missed) && !yield(report, nil) {
				return
			}
			q.Index = report.Index
		}
	}
}

// present returns the place in the order at which the nodes are. Any question
// would do, and this one is cheap.
func (c *Caller) present(ctx context.Context) (lock.Index, error) {
	report, err := c.Inquire(ctx, lock.Query{Kind: lock.QueryToken, Name: "now"})
	return report.Index, err
}

// knownAfter is the last entry whose events a report has told. One that was cut
// ends with all the events of an entry.
func knownAfter(report *lock.Report) lock.Index {
	if n := len(report.Events); report.More && n > 0 {
		return report.Events[n-1].Index
	}
	return report.Index
}
