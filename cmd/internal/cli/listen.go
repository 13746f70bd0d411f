package cli

import (
	"flag"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Listen adds a flag that takes an address to bind. There, unlike in the address
// of a node, the host may stand for all of this machine, and port 0, if allowed,
// for a free one.
func Listen(flags *flag.FlagSet, to *string, name, def, usage string, least int) {
	Var(flags, to, name, def, usage, func(s string) (string, error) {
		if s == "" && def == "" {
			return "", nil
		}
		return s, CheckBind(s, least)
	})
}

// CheckBind says what is wrong with the form of an address to bind.
func CheckBind(address string, least int) error {
	host, port, err := net.SplitHostPort(address)
	switch {
	case strings.HasPrefix(address, unixScheme):
		return errDialsBack
	case err != nil:
		return fmt.Errorf("want host:port, such as %s", DefaultPrimary)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || int(n) < least {
		return fmt.Errorf("the port %.20q is no number from %d to 65535", port, least)
	}
	if host == "" {
		return nil
	}
	return checkHost(host)
}

// CheckListen refuses an address that cannot be meant, or that would open the
// service to the network without anybody having said so. Protected is whether
// there are certificates, or -insecure says that none are wanted.
func CheckListen(listen string, protected bool) error {
	if !everywhere(listen) {
		switch _, err := Resolve(listen); {
		case NoSuchHost(err):
			return Misuse("cannot listen on %s: no such host", listen)
		case err != nil:
			return Misuse("cannot listen on %s: %v", listen, err)
		}
	}
	return CheckOpen(listen, protected)
}

// CheckOpen does the same for an address that may be another machine's: whether
// its host exists is no matter.
func CheckOpen(listen string, protected bool) error {
	if protected {
		return nil
	}
	ips, _ := Resolve(listen)
	if everywhere(listen) || slices.ContainsFunc(ips, func(ip net.IP) bool { return !ip.IsLoopback() }) {
		return Misuse("%s can be reached from other machines, and nothing that goes there is checked or encrypted: use 127.0.0.1, give certificates with -tls-cert, -tls-key and -tls-ca, or allow it with -insecure", listen)
	}
	return nil
}

// CheckReachable refuses an address that stands for all of this machine where
// others are to be told it.
func CheckReachable(listen string) error {
	if everywhere(listen) {
		return Misuse("-listen %s stands for every address of this machine: name one that the nodes reach", listen)
	}
	return nil
}

func everywhere(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	return host == "" || net.ParseIP(host) != nil && net.ParseIP(host).IsUnspecified()
}
