package main

import "time"

// usage is what the nodes have used so far, as far as it can be seen.
type usage struct {
	at       time.Time
	pids     []int
	cpu      cpuTimes
	resident map[int]int64 // bytes, by process id
}

func usageOf(pids []int) usage {
	return usage{time.Now(), pids, cpuOf(pids), residentOf(pids)}
}

// nodeUsage is what holding has cost one node.
type nodeUsage struct {
	PID          int     `json:"pid"`
	Before       int64   `json:"resident_bytes_before"`
	After        int64   `json:"resident_bytes_after"` // when all were held for a while
	BytesPerLock float64 `json:"bytes_per_lock"`
	Share        float64 `json:"share_of_a_core"` // of processor time, while they were held
}

// costs compares three moments: before, when all locks were held, and after a
// while.
func costs(before, full, after usage, locks int) (nodes []nodeUsage) {
	used, took := after.cpu.since(full.cpu), after.at.Sub(full.at).Seconds()
	for _, pid := range after.pids {
		n := nodeUsage{PID: pid, Before: before.resident[pid], After: after.resident[pid]}
		if n.Before == 0 || n.After == 0 {
			continue // it cannot be seen
		}
		n.BytesPerLock = float64(n.After-n.Before) / float64(max(1, locks))
		n.Share = used[pid] / max(took, 1e-9)
		nodes = append(nodes, n)
	}
	return nodes
}
