package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/trust"
)

// examination is how long looking at a silent node may take.
const examination = 300 * time.Millisecond

// listens is what the symptoms of a node begin with that is there, and silent is
// one that does not speak.
const (
	listens = "takes connections, but "
	silent  = listens + "did not answer"
)

// examine says of each node what can be seen of it from here, so that a typing
// mistake, a dead node and a silent one can be told apart.
func (p *program) examine(nodes []string) []string {
	found := make([]string, len(nodes))
	var all sync.WaitGroup
	for i, node := range nodes {
		all.Go(func() { found[i] = p.symptom(node) })
	}
	all.Wait()
	return found
}

func (p *program) symptom(node string) string {
	ctx, cancel := context.WithTimeout(context.Background(), examination)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", node)
	var unresolved *net.DNSError
	switch {
	case err == nil:
		defer conn.Close()
		return p.distrust(ctx, conn, node)
	case cli.NoSuchHost(err):
		return "no such host"
	case errors.As(err, &unresolved):
		return "its name cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	default:
		return "cannot be reached"
	}
}

// distrust says what keeps this client and a node that listens from talking.
func (p *program) distrust(ctx context.Context, conn net.Conn, node string) string {
	var own trust.Source
	if keeper, err := trust.Open(p.tls, nil); err == nil {
		own = keeper
	}
	host, _, _ := net.SplitHostPort(node)
	err := trust.Probe(ctx, own, conn, host)
	switch {
	case err == nil:
		return silent
	case errors.Is(err, trust.ErrSpeaksTLS):
		return listens + "wants certificates: give -tls-cert, -tls-key and -tls-ca"
	default:
		return listens + err.Error()
	}
}

// mistyped refuses nodes of which not one has a name that exists: that is no
// fault that time heals. As long as one may exist, the other may come back.
func mistyped(nodes []string) error {
	for _, node := range nodes {
		if _, err := cli.Resolve(node); !cli.NoSuchHost(err) {
			return nil
		}
	}
	return cli.Misuse("%s: no such host", strings.Join(nodes, ", "))
}

// blame says why there was no answer: the nodes said so, or what can be seen of
// them from here.
func (p *program) blame(err error, nodes []string) string {
	if errors.Is(err, lockstep.ErrNoQuorum) {
		return "no quorum: the nodes that can be reached know of no primary, since no majority of them hears each other; lockc status shows more"
	}
	return "asked " + p.describe(nodes)
}

// describe lists nodes with their symptoms, and the way out where one can be
// guessed.
func (p *program) describe(nodes []string) string {
	found := p.examine(nodes)
	var b strings.Builder
	for i, node := range nodes {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%s)", node, found[i])
	}
	b.WriteString(p.advice(nodes, found))
	return b.String()
}

func (p *program) advice(nodes, found []string) string {
	host, _, err := net.SplitHostPort(p.listen)
	switch {
	case !slices.ContainsFunc(found, there) && p.thirdLives(nodes):
		return "; but " + cli.DefaultThird + " takes connections: is it the third of three? -nodes " + strings.Join([]string{cli.DefaultPrimary, cli.DefaultBackup, cli.DefaultThird}, ",") + " asks it, too"
	case !slices.ContainsFunc(found, there):
		return "; are the nodes running? lockd trio starts three, lockd pair two"
	case !slices.Contains(found, silent):
		return ""
	case err == nil && isLoopback(host) && !allLoopback(nodes):
		return "; nodes on other machines cannot answer to " + p.listen + ": set -listen to an address of this machine that they reach"
	default:
		return "; lockc status shows where they stand"
	}
}

// there reports whether a symptom is that of a node which can be reached.
func there(symptom string) bool { return strings.HasPrefix(symptom, listens) }

// thirdLives reports whether there may be a third node beside the two that are asked
// if none are named. It is not asked by itself: beside a pair it is another service.
func (p *program) thirdLives(asked []string) bool {
	return slices.Equal(asked, []string{cli.DefaultPrimary, cli.DefaultBackup}) && there(p.symptom(cli.DefaultThird))
}

func allLoopback(nodes []string) bool {
	for _, node := range nodes {
		if host, _, err := net.SplitHostPort(node); err != nil || !isLoopback(host) {
			return false
		}
	}
	return true
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
