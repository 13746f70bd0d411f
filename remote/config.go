package remote

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/messages"
	"lockstep/replica"
	"lockstep/trust"
)

// Config says where a process listens and whom it talks to.
type Config struct {
	// Listen is the host and port to bind. Port 0 takes a free one.
	Listen string
	// Advertise is the address under which others reach this process. Empty means
	// Listen, with the port that was bound.
	Advertise string
	// Incarnation tells the lives of this process apart: each start must have a
	// higher one. A client may use the Unix time in milliseconds.
	Incarnation replica.Incarnation
	// Peers are the nodes that the protocol is spoken with, until Befriend names
	// others; none for a client.
	Peers []replica.NodeID
	// Nodes are the addresses that are dialled until they answer: a client's
	// nodes. Peers are always among them, and Know adds to them.
	Nodes []replica.NodeID
	// Insecure allows a Listen that others than this machine can reach, without
	// TLS: whoever can reach it may then ask for locks and read what is sent.
	Insecure bool
	// TLS makes every connection mutually authenticated, if not nil. A node's
	// certificate must be for the host of its address; a client's need not.
	TLS trust.Source
	// Admit decides, with TLS, whether a client is served, by the name in its
	// certificate; the error says why it is not. Nil admits everybody. It is asked
	// about each frame, so that it may change its mind, and told where it comes from.
	Admit func(principal string, from replica.NodeID) error
	// Log takes what people should know; nil discards it.
	Log *slog.Logger
	// Tick is the period of the links' upkeep; 0 means 50 ms.
	Tick time.Duration
	// Version makes this process behave as if it knew no newer version of the
	// protocol, for tests; 0 means messages.Version.
	Version uint32
}

// NotAdmitted is what the reason of a refusal begins with that Admit has caused.
const NotAdmitted = "not allowed: "

const defaultTick = 50 * time.Millisecond

// complete fills in what was left out and refuses what cannot work.
func (c Config) complete() (Config, error) {
	if c.Tick == 0 {
		c.Tick = defaultTick
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Incarnation == 0 {
		return c, errors.New("remote: a process needs an incarnation other than zero")
	}
	if c.Version == 0 {
		c.Version = messages.Version
	}
	for _, n := range slices.Concat(c.Nodes, c.Peers) {
		if err := checkAddress(string(n)); err != nil {
			return c, fmt.Errorf("remote: node %q: %w", n, err)
		}
	}
	if c.Advertise != "" {
		if err := checkAddress(c.Advertise); err != nil {
			return c, fmt.Errorf("remote: address to advertise %q: %w", c.Advertise, err)
		}
	}
	return c, nil
}

// checkListen refuses an address that would open the service to the network
// without anybody having said so.
func (c Config) checkListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("remote: cannot listen on %q: %w (want host:port, such as 127.0.0.1:7001)", c.Listen, err)
	}
	if c.Advertise == "" && isUnspecified(host) {
		return fmt.Errorf("remote: %q listens on every address of this machine, so others cannot know where to reach this process: name one of its addresses", c.Listen)
	}
	if c.TLS == nil && !c.Insecure && !isLoopback(host) {
		return fmt.Errorf("remote: %q can be reached from other machines, and without TLS anybody there could use the service: listen on 127.0.0.1, give certificates, or allow it with -insecure", c.Listen)
	}
	return nil
}

// checkOwn refuses a certificate that everybody would refuse here.
func checkOwn(source trust.Source, address string) error {
	if source == nil {
		return nil
	}
	own := source.Identity().Party()
	host, _, err := net.SplitHostPort(address)
	if err != nil || own.IsClient() || own.IsNode(host) {
		return err
	}
	return fmt.Errorf("remote: the certificate is for %s, and others reach this process at %s: give it one for that host", own, host)
}

// checkNode refuses a node the certificate of a client: no other node would take
// its word.
func checkNode(source trust.Source) error {
	if source == nil || !source.Identity().Party().IsClient() {
		return nil
	}
	return fmt.Errorf("remote: the certificate is for %s, and a node needs one that servers may use, for its host", source.Identity().Party())
}

func isUnspecified(host string) bool {
	if host == "" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsUnspecified()
}

// isLoopback reports whether every address behind a host is this machine only.
func isLoopback(host string) bool {
	if host == "" {
		return false
	}
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	ips, err := net.LookupIP(host)
	if err != nil || len(ips) == 0 {
		return false
	}
	return !slices.ContainsFunc(ips, func(ip net.IP) bool { return !ip.IsLoopback() })
}

const maxAddressBytes = 262 // a name of 253 bytes, brackets, a colon and a port

// gRPC takes what stands before the colon for a URL scheme if it knows one of
// that name: a host that is called so would be dialled by other rules.
var schemes = []string{"dns", "passthrough", "unix", "unix-abstract", "xds"}

// checkAddress refuses what is not a plain host:port. Addresses also come from
// strangers, and end up in dials and logs.
func checkAddress(address string) error {
	if len(address) > maxAddressBytes {
		return fmt.Errorf("longer than %d bytes", maxAddressBytes)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("want host:port: %w", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port must be a number from 1 to 65535")
	}
	if host == "" || slices.Contains(schemes, host) {
		return errors.New("the host is missing or is a reserved word")
	}
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_:%", r))
	}
	if strings.ContainsFunc(host, odd) {
		return errors.New("the host has a character that no name or address has")
	}
	return nil
}
