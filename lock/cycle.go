package lock

import (
	"fmt"
	"slices"
	"strings"
)

// step is a wait on the way through those that depend on each other.
type step struct {
	wait *claim
	from int        // the step before
	via  *ownedLock // for which that one waits
}

// path returns a shortest way from a stuck wait back to itself, or nil if there
// is none: then it merely waits for others who are in a deadlock. Its first step
// is w, whose via is what the last one waits for.
func (o *outlook) path(w *claim) []step {
	steps := []step{{wait: w}}
	found := map[*claim]bool{}
	looked := map[*ownedLock]looked{}
	for i := 0; i < len(steps); i++ {
		at := steps[i].wait
		for p := range at.parts() {
			for _, next := range o.dependence(at, p, looked) {
				if next == w {
					return trace(steps, step{w, i, p.lock})
				}
				if !found[next] {
					found[next] = true
					steps = append(steps, step{next, i, p.lock})
				}
			}
		}
	}
	return nil
}

// looked is how much of what keeps others from a lock has been seen on the way:
// once is enough, and without it a long queue would cost its square.
type looked struct {
	holders bool
	queue   int
}

// dependence returns the stuck waits, not yet looked at, that keep w from one of
// its locks.
func (o *outlook) dependence(w *claim, p part, all map[*ownedLock]looked) []*claim {
	var keepers []*claim
	s, done := o.scenes[p.lock], all[p.lock]
	if !done.holders && !s.taken.admits(p.share) {
		done.holders = true
		keepers = append(keepers, s.keepers...)
	}
	if from, to := max(done.queue, s.next), s.place(w); from < to {
		done.queue = to
		keepers = append(keepers, s.queue[from:to]...)
	}
	all[p.lock] = done
	return slices.DeleteFunc(keepers, func(k *claim) bool { return !o.stuck[k] })
}

// place returns how many of the outlook's waits are ahead of one of them.
func (s *scene) place(w *claim) int {
	i, _ := slices.BinarySearchFunc(s.queue, w, byQueued)
	return i
}

// trace goes back from the step that is at the first one's wait again.
func trace(steps []step, closing step) []step {
	path := []step{closing}
	for s := steps[closing.from]; s.via != nil; s = steps[s.from] {
		path = append(path, s)
	}
	slices.Reverse(path[1:])
	return path
}

// spell says who waits for whom along a path.
func spell(path []step) Cycle {
	cycle := make(Cycle, 0, len(path))
	for i, s := range path {
		next := path[(i+1)%len(path)]
		cycle = append(cycle, CycleStep{
			Session: s.wait.session.id, Info: s.wait.session.info,
			Holds: s.via.name, Waits: next.via.name, Possible: !s.wait.keepsFrom(s.via),
		})
	}
	return cycle
}

// keepsFrom reports whether a wait certainly keeps others from a lock: it queues
// for it, or was asked under a grant of it.
func (c *claim) keepsFrom(l *ownedLock) bool {
	for p := range c.parts() {
		if p.lock == l {
			return true
		}
	}
	for g := range c.keeps() {
		for p := range g.parts() {
			if p.lock == l {
				return true
			}
		}
	}
	return false
}

// String spells a cycle out for people, in MaxCycleBytes at most.
func (c Cycle) String() string {
	const end, cut = ", behind session %016x", ", and so on"
	text := fmt.Sprintf("session %016x waits for %q", c[0].Session, c[0].Waits)
	for _, s := range c[1:] {
		more := fmt.Sprintf(", behind session %016x%s, who waits for %q", s.Session, s.Info.brief(), s.Waits)
		if len(text)+len(more)+len(end)+maxDigits > MaxCycleBytes {
			return text + cut
		}
		text += more
	}
	return text + fmt.Sprintf(end, c[0].Session)
}

// maxDigits is how long a session's id is, in hexadecimal.
const maxDigits = 16

// brief returns the beginning of an Info in parentheses, in one line.
func (i Info) brief() string {
	const most = 80
	if i == "" {
		return ""
	}
	line := strings.ReplaceAll(string(i), "\n", " ")
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "…"
	}
	return " (" + line + ")"
}
