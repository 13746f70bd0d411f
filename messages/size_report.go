package messages

import "lockstep/lock"

// Size is how many bytes the report takes on the wire, or some more.
func (r *Report) Size() int {
	report := &r.Reported.Report
	size := smallSize + len(r.Reported.Hint)
	for i := range report.Locks {
		size += sizeOfLockCard(&report.Locks[i])
	}
	for i := range report.Sessions {
		size += sizeOfSessionCard(&report.Sessions[i])
	}
	for _, cycle := range report.Cycles {
		size += sizeOfCycle(cycle)
	}
	for i := range report.Events {
		size += smallSize + len(report.Events[i].Name) + len(report.Events[i].Reason)
	}
	for i := range report.Revocations {
		size += sizeOfRevocation(&report.Revocations[i])
	}
	return size + sizeOfRecord(report.Record)
}

func sizeOfLockCard(c *lock.LockCard) int {
	size := smallSize + len(c.Name)
	for i := range c.Holders {
		h := &c.Holders[i]
		size += smallSize + len(h.Info) + sizeOfSessionCard(&h.Owner)
	}
	for i := range c.Queue {
		size += sizeOfWaiterCard(&c.Queue[i])
	}
	return size
}

func sizeOfWaiterCard(c *lock.WaiterCard) int {
	const perName = 3 // tag and length
	size := smallSize + len(c.Info) + sizeOfSessionCard(&c.Owner) + len(c.Names)*perName
	for _, name := range c.Names {
		size += len(name)
	}
	return size
}

func sizeOfSessionCard(c *lock.SessionCard) int { return sessionSize + len(c.Info) }

func sizeOfRevocation(v *lock.Revocation) int { return stepSize + len(v.Reason) }

func sizeOfCycle(cycle lock.Cycle) int {
	size := stepSize
	for i := range cycle {
		size += stepSize + len(cycle[i].Holds) + len(cycle[i].Waits) + len(cycle[i].Info)
	}
	return size
}
