package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Nodes adds a flag that takes addresses with commas between them.
func Nodes(flags *flag.FlagSet, to *[]string, name, def, usage string) {
	add(flags, &value[[]string]{to: to, many: true, parse: func(s string) ([]string, error) {
		nodes := strings.Split(s, ",")
		for i := range nodes {
			nodes[i] = strings.TrimSpace(nodes[i])
		}
		return nodes, CheckNodes(nodes)
	}}, name, def, usage)
}

// The addresses of `lockd pair` and `lockd trio`. lockc asks the first two by
// itself, and learns the third from them; if neither is there, it says whether the
// third is.
const (
	DefaultPrimary = "127.0.0.1:7101"
	DefaultBackup  = "127.0.0.1:7102"
	DefaultThird   = "127.0.0.1:7103"
)

// MaxNodes bounds how many nodes a command line may name.
const MaxNodes = 64

// CheckNodes refuses addresses that cannot be meant.
func CheckNodes(nodes []string) error {
	if len(nodes) > MaxNodes {
		return Misuse("%d nodes are more than the %d that can be named", len(nodes), MaxNodes)
	}
	seen := map[string]bool{}
	for _, node := range nodes {
		if err := CheckAddress(node); err != nil {
			return Misuse("%.60q is no address of a node: %v", node, err)
		}
		if seen[node] {
			return Misuse("%s is named twice: each node has an address of its own", node)
		}
		seen[node] = true
	}
	return nil
}

// unixScheme begins the address of a socket with a path.
const unixScheme = "unix:"

// errDialsBack is why only the public port can be one.
var errDialsBack = errors.New("a socket with a path reaches nobody back: nodes and their clients answer each other by " +
	"connecting to the address that they are told; want host:port, and -api unix:PATH for programs on this machine")

// CheckAddress says what is wrong with an address, as far as that can be seen
// without asking anybody.
func CheckAddress(address string) error {
	const want = "want host:port, such as " + DefaultPrimary
	if address == "" {
		return fmt.Errorf("it is empty; " + want)
	}
	host, port, err := net.SplitHostPort(address)
	switch {
	case strings.HasPrefix(address, unixScheme):
		return errDialsBack
	case err != nil && strings.Contains(address, "://"):
		return fmt.Errorf("an address has no scheme; " + want)
	case err != nil && !strings.Contains(address, ":"):
		return fmt.Errorf("the port is missing; " + want)
	case err != nil:
		return fmt.Errorf("%s; an IPv6 address goes in brackets, as in [::1]:7101", want)
	case host == "":
		return fmt.Errorf("the host is missing; " + want)
	case net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified():
		return fmt.Errorf("%s stands for every address of a machine, so nobody else can use it; name one", host)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("the port %.20q is no number from 1 to 65535", port)
	}
	return checkHost(host)
}

func checkHost(host string) error {
	digits := strings.Trim(host, "0123456789.") == ""
	switch {
	case len(host) > 253:
		return fmt.Errorf("the host is longer than the 253 bytes that a name can have")
	case digits && net.ParseIP(host) == nil:
		return fmt.Errorf("%s is no IP address", host)
	case strings.ContainsFunc(host, func(r rune) bool { return !isHostRune(r) }):
		return fmt.Errorf("the host has a character that no name or address has")
	default:
		return nil
	}
}

func isHostRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_:%", r)
}

// lookup is how long asking for a name's addresses may take.
const lookup = time.Second

// Resolve returns the addresses behind the host of an address, which may be a
// name.
func Resolve(address string) ([]net.IP, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip != nil {
		return []net.IP{ip}, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookup)
	defer cancel()
	return net.DefaultResolver.LookupIP(ctx, "ip", host)
}

// NoSuchHost reports whether an error says that a name does not exist, rather
// than that it could not be looked up.
func NoSuchHost(err error) bool {
	var unresolved *net.DNSError
	return errors.As(err, &unresolved) && unresolved.IsNotFound
}

// NodeMistakes judges addresses of nodes that belong together, each of which has a
// name among the settings.
func NodeMistakes(settings, nodes []string) (found []Mistake) {
	var good []string
	for i, node := range nodes {
		if err := CheckNodes(append(good[:len(good):len(good)], node)); err != nil {
			found = append(found, Mistake{settings[i], err.Error()})
			continue
		}
		good = append(good, node)
	}
	return found
}
