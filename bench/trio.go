package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep"
)

const nodesOfQuorum = 3

// startTrio runs three lockd processes with their default settings, durable or in
// memory.
func startTrio(ctx context.Context, lockd, dir string, durable bool) (trio *lockstepNodes, err error) {
	ports, err := freePorts(nodesOfQuorum)
	if err != nil {
		return nil, err
	}
	trio = &lockstepNodes{}
	var peers []string
	for i, port := range ports {
		trio.addresses = append(trio.addresses, fmt.Sprintf("127.0.0.1:%d", port))
		peers = append(peers, fmt.Sprintf("n%d=%s", i, trio.addresses[i]))
	}
	defer func() {
		if err != nil {
			trio.stop()
		}
	}()
	home, err := os.MkdirTemp(dir, "lockstep-trio-")
	if err != nil {
		return nil, err
	}
	trio.home = home
	for i, address := range trio.addresses {
		p, err := start(filepath.Join(home, fmt.Sprintf("n%d.log", i)), lockd, "node", "-name", fmt.Sprintf("n%d", i),
			"-listen", address, "-peers", strings.Join(peers, ","), "-data", filepath.Join(home, fmt.Sprintf("n%d", i)), "-durability", durability(durable))
		if err != nil {
			return nil, err
		}
		trio.processes = append(trio.processes, p)
	}
	if err := trio.await(ctx, whole); err != nil {
		return nil, fmt.Errorf("the three lockd did not become a cluster: %w", err)
	}
	return trio, nil
}

func durability(durable bool) string {
	if durable {
		return "fsync"
	}
	return "memory"
}

// whole reports whether one node serves and the others follow.
func whole(nodes []lockstep.NodeStatus) bool {
	roles := map[string]int{}
	for _, n := range nodes {
		roles[n.Role]++
	}
	return roles["primary"] == 1 && roles["backup"] == len(nodes)-1
}

// paired reports whether both nodes hold the same locks.
func paired(nodes []lockstep.NodeStatus) bool { return nodes[0].Paired && nodes[1].Paired }

// await returns when the nodes stand as wanted.
func (l *lockstepNodes) await(ctx context.Context, wanted func([]lockstep.NodeStatus) bool) error {
	client, err := lockstep.Dial(ctx, l.addresses)
	if err != nil {
		return err
	}
	defer client.Close()
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline) && ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		asking, cancel := context.WithTimeout(ctx, time.Second)
		nodes := client.Status(asking)
		cancel()
		if wanted(nodes) {
			return nil
		}
	}
	return fmt.Errorf("the first said last: %s", l.processes[0].lastWords())
}
