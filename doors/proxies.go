package doors

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of those who pass on what others ask for, and say for
// whom: they write where a request comes from at the end of its X-Forwarded-For.
// Nobody else's word counts there.
type Proxies []netip.Prefix

// maxProxies is how many networks can be named. Each request is held against them.
const maxProxies = 64

// ParseProxies reads networks and addresses with commas between them.
func ParseProxies(text string) (all Proxies, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := parseNetwork(part)
		if err != nil {
			return nil, err
		}
		if all = append(all, network); len(all) > maxProxies {
			return nil, fmt.Errorf("more than the %d networks that can be named", maxProxies)
		}
	}
	return all, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil || network.Addr().Is4In6():
		return network, fmt.Errorf("%.60q is no network: want an address such as 10.0.0.7, or a network such as 10.0.0.0/24", text)
	case network.Bits() == 0:
		return network, fmt.Errorf("%s is every address: then anybody could say where he comes from; name the proxies", text)
	case network != network.Masked():
		return network, fmt.Errorf("%s is an address and no network: want %s for the network, or %s for the address", text, network.Masked(), network.Addr())
	}
	return network, nil
}

// String is the networks with commas between them.
func (p Proxies) String() string {
	all := make([]string, len(p))
	for i, network := range p {
		all[i] = network.String()
	}
	return strings.Join(all, ",")
}

func (p Proxies) has(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// Has reports whether somebody who has connected is one of them.
func (p Proxies) Has(from net.Addr) bool {
	at, err := netip.ParseAddrPort(from.String())
	return err == nil && p.has(at.Addr())
}

// origin is where a request comes from: the last one on its way who is no proxy. What
// stands before that he may have written himself. A proxy that does not say for whom
// it asks, asks for itself.
func (p Proxies) origin(r *http.Request) (string, error) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if len(p) == 0 || err != nil || !p.has(at.Addr()) {
		return r.RemoteAddr, nil
	}
	from := r.RemoteAddr
	way := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(way) {
		if hop = strings.TrimSpace(hop); hop == "" {
			continue
		}
		address, err := parseHop(hop)
		if err != nil {
			return r.RemoteAddr, fmt.Errorf("the proxy says in X-Forwarded-For that this comes from %.60q, which is no address: have it write there who has connected", hop)
		}
		if from = netip.AddrPortFrom(address, 0).String(); !p.has(address) {
			break
		}
	}
	return from, nil
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(text string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr(), nil
	}
	return netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
}
