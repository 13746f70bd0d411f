package doors

import (
	"context"
	"slices"

	"lockstep/doors/access"
	"lockstep/lock"
)

// sight is what somebody may see of what the nodes show: of locks that he may not
// read not even the names, wherever they stand.
type sight struct {
	all  bool
	sees func(name string) bool
}

func (g *guarded) sight(ctx context.Context) sight {
	who, policy := guestOf(ctx).name, g.doors.policy()
	return sight{
		all:  policy.MayAll(who, access.Read, ""),
		sees: func(name string) bool { return policy.May(who, access.Read, name) },
	}
}

// report leaves out of a report what is not to be seen. What the nodes gave stays
// as it is: others may be shown it, too.
func (s sight) report(r lock.Report) lock.Report {
	if s.all {
		return r
	}
	r.Locks = s.cards(r.Locks)
	r.Cycles = slices.DeleteFunc(slices.Clone(r.Cycles), func(c lock.Cycle) bool {
		return slices.ContainsFunc(c, func(step lock.CycleStep) bool { return !s.sees(step.Holds) || !s.sees(step.Waits) })
	})
	return r
}

// cards leaves locks out, and of each queue for which other locks somebody waits.
func (s sight) cards(all []lock.LockCard) []lock.LockCard {
	if s.all {
		return all
	}
	all = slices.DeleteFunc(slices.Clone(all), func(l lock.LockCard) bool { return !s.sees(l.Name) })
	for i := range all {
		all[i].Queue = slices.Clone(all[i].Queue)
		for j := range all[i].Queue {
			w := &all[i].Queue[j]
			w.Names = slices.DeleteFunc(slices.Clone(w.Names), func(name string) bool { return !s.sees(name) })
		}
	}
	return all
}

// result leaves out who else is in a deadlock.
func (s sight) result(r lock.Result) lock.Result {
	if !s.all && r.Cycle != "" {
		r.Cycle = "whoever has what is asked for waits for what this session holds, perhaps by way of others"
	}
	return r
}
