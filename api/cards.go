package api

import (
	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// How what the table shows is shown to clients.

func each[From, To any](list []From, turn func(From) To) []To {
	turned := make([]To, len(list))
	for i, one := range list {
		turned[i] = turn(one)
	}
	return turned
}

// free reports whether an exclusive holder could have the lock at once.
func free(c lock.LockCard) bool { return len(c.Holders) == 0 && c.Waiters == 0 && !c.Delayed }

func lockCard(c lock.LockCard) *pb.LockCard {
	return &pb.LockCard{
		Name: c.Name, Free: free(c), Ownerless: c.Ownerless, Delayed: c.Delayed, Of: c.Of,
		Holders: each(c.Holders, holderCard), Waiters: c.Waiters, Queue: each(c.Queue, waiterCard),
	}
}

func holderCard(c lock.HolderCard) *pb.HolderCard {
	return &pb.HolderCard{
		Session: sessionText(c.Session), Token: uint64(c.Token), Mode: modeCard(c.Mode), Permits: c.Permits, Count: c.Count,
		Since: moment(c.Since), MaxHold: span(c.MaxHold), Info: c.Info.Map(), Owner: ownerCard(c.Owner),
	}
}

func waiterCard(c lock.WaiterCard) *pb.WaiterCard {
	return &pb.WaiterCard{
		Session: sessionText(c.Session), Mode: modeCard(c.Mode), Permits: c.Permits, Since: moment(c.Since),
		Names: c.Names, Info: c.Info.Map(), Owner: ownerCard(c.Owner),
	}
}

// ownerCard is absent for what nobody's session holds.
func ownerCard(c lock.SessionCard) *pb.SessionCard {
	if c.ID == 0 {
		return nil
	}
	return sessionCard(c)
}

func sessionCard(c lock.SessionCard) *pb.SessionCard {
	return &pb.SessionCard{
		Session: sessionText(c.ID), Ttl: span(c.TTL), Info: c.Info.Map(), Since: moment(c.Since),
		Holds: c.Holds, Waits: c.Waits, Heard: span(c.Heard),
	}
}

func deadlockCard(c lock.Cycle) *pb.Deadlock {
	return &pb.Deadlock{Steps: each(c, func(s lock.CycleStep) *pb.Deadlock_Step {
		return &pb.Deadlock_Step{
			Session: sessionText(s.Session), Holds: s.Holds, Waits: s.Waits, Info: s.Info.Map(), Possible: s.Possible,
		}
	})}
}

// eventCard relies on the kinds having the same numbers on both wires.
func eventCard(e lock.Event) *pb.Event {
	card := &pb.Event{
		Kind: pb.Event_Kind(e.Kind), Index: uint64(e.Index), At: moment(e.At), Name: e.Name,
		Session: sessionText(e.Session), Token: uint64(e.Token), Reason: e.Reason, Span: span(e.Span),
	}
	if e.Name != "" {
		card.Mode = modeCard(e.Mode)
	}
	return card
}

// endings are how a tenure ended; one that lasts has not.
var endings = map[lock.EventKind]pb.Tenure_Ending{
	lock.LockReleased: pb.Tenure_ENDING_RELEASED, lock.SessionClosed: pb.Tenure_ENDING_CLOSED, lock.LockExpired: pb.Tenure_ENDING_EXPIRED,
	lock.LockRevoked: pb.Tenure_ENDING_REVOKED, lock.LockOverheld: pb.Tenure_ENDING_OVERHELD,
}

// tenureCards shows tenures with what the sessions say of themselves.
func tenureCards(tenures []lock.Tenure, parties []lock.Party) []*pb.Tenure {
	owners := map[lock.SessionID]lock.Info{}
	for _, p := range parties {
		owners[p.ID] = p.Info
	}
	return each(tenures, func(t lock.Tenure) *pb.Tenure {
		return &pb.Tenure{
			Session: sessionText(t.Session), Token: uint64(t.Token), Mode: modeCard(t.Mode), Permits: t.Permits, Of: t.Of,
			Granted: moment(t.Since), Waited: span(t.Waited), Ended: moment(t.Until), How: endings[t.How], Reason: t.Reason,
			By: sessionText(t.By), Info: t.Info.Map(), Owner: owners[t.Session].Map(), ByOwner: owners[t.By].Map(),
		}
	})
}
