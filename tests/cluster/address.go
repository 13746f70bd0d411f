package cluster

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
)

// Ports below those that the system gives to outgoing connections: else a
// client's connection could take a node's port while the node is down.
const (
	firstPort = 12_000
	ports     = 20_000
)

var addresses struct {
	mu   sync.Mutex
	next int
}

// FreeAddress returns an address of this machine that nobody listens on, and
// that no other call in this process returns. Each process begins its search
// elsewhere, so that test runs side by side rarely meet.
func FreeAddress() (string, error) {
	addresses.mu.Lock()
	defer addresses.mu.Unlock()
	if addresses.next == 0 {
		addresses.next = os.Getpid() * 257
	}
	for range ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+addresses.next%ports))
		addresses.next++
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address, nil
		}
	}
	return "", errors.New("no free port on 127.0.0.1")
}
