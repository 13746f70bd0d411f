package cli

import (
	"flag"
	"fmt"
	"strings"
)

// Peer is a node of a cluster with its name.
type Peer struct{ Name, Address string }

// Peers adds a flag that takes nodes with names and commas between them.
func Peers(flags *flag.FlagSet, to *[]Peer, name, usage string) {
	add(flags, &value[[]Peer]{to: to, many: true, parse: func(s string) ([]Peer, error) {
		if s == "" {
			return nil, nil
		}
		var peers []Peer
		for part := range strings.SplitSeq(s, ",") {
			peer, err := ParsePeer(strings.TrimSpace(part))
			if err != nil {
				return nil, err
			}
			peers = append(peers, peer)
		}
		return peers, CheckPeers(peers)
	}}, name, "", usage)
}

// ParsePeer reads NAME=ADDRESS.
func ParsePeer(s string) (Peer, error) {
	name, address, ok := strings.Cut(s, "=")
	if !ok {
		return Peer{}, Misuse("%.60q is no node: want NAME=ADDRESS, such as a=%s", s, DefaultPrimary)
	}
	if err := CheckNodeName(name); err != nil {
		return Peer{}, Misuse("%.60q is no name of a node: %v", name, err)
	}
	if err := CheckAddress(address); err != nil {
		return Peer{}, Misuse("%.60q is no address of node %s: %v", address, name, err)
	}
	return Peer{name, address}, nil
}

// CheckPeers refuses nodes that could not be told apart.
func CheckPeers(peers []Peer) error {
	if len(peers) > MaxNodes {
		return Misuse("%d nodes are more than the %d that can be named", len(peers), MaxNodes)
	}
	names, addresses := map[string]bool{}, map[string]string{}
	for _, p := range peers {
		if names[p.Name] {
			return Misuse("two nodes are called %s: each has a name of its own", p.Name)
		}
		if other, taken := addresses[p.Address]; taken {
			return Misuse("%s is the address of %s and of %s: each node has an address of its own", p.Address, other, p.Name)
		}
		names[p.Name], addresses[p.Address] = true, p.Name
	}
	return nil
}

// longestName bounds a node's name: it stands in tables and in names of folders.
const longestName = 32

// CheckNodeName says what is wrong with a node's name. It can be told from an
// address, and a folder can be called like it.
func CheckNodeName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("it is empty")
	case len(name) > longestName:
		return fmt.Errorf("it is longer than %d characters", longestName)
	case strings.Trim(name, ".") == "" || name[0] == '-':
		return fmt.Errorf("it begins with a letter or a digit")
	case strings.ContainsFunc(name, func(r rune) bool { return !isHostRune(r) || r == ':' || r == '%' }):
		return fmt.Errorf("want letters, digits, dots, dashes and underscores")
	default:
		return nil
	}
}
