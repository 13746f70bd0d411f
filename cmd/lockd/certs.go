package main

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"lockstep/cmd/internal/cli"
	"lockstep/trust"
)

// holder is a node that gets a certificate. Its hosts may have ports, so that the
// list of -peers can be given.
type holder struct {
	name  string
	hosts []string
	port  string // empty if none was given
}

func (p *program) addCertsFlags() {
	cli.Var(p.Flags, &p.nodes, "nodes", "",
		"the `nodes` that get a certificate, a=HOST,b=HOST, or the list of -peers; a\nnode with several names stands there once for each", parseHolders)
	cli.Var(p.Flags, &p.clients, "clients", "", "the `names` of the clients that get one, with commas", parseClients)
}

const aboutCerts = `Makes an authority in DIR, if there is none, and signs with it a certificate for each node
and each client. With it, nodes and clients find out whether they talk to each other, and
what they say is encrypted. A node's certificate is for its hosts; a client's for its name,
which is what rules know it by. They are good for a year. Nothing is overwritten.

Whoever has ca.key can be everybody: move it away when all are made. A company's own
authority does as well: nodes need certificates for servers and clients, with their hosts;
clients need those for clients, with their names as common names.`

func (p *program) certs() cli.Command {
	return cli.Command{
		Verb: "certs", Names: []string{"DIR"}, Flags: []string{"nodes", "clients"},
		About: "make certificates for a trial\n\n" + aboutCerts,
		Examples: []string{
			"lockd certs tls -nodes a=10.0.0.1,b=10.0.0.2,c=10.0.0.3 -clients alice",
			"lockd certs tls -nodes a=127.0.0.1:7101,b=127.0.0.1:7102,c=127.0.0.1:7103 -clients alice,bob",
			"lockd certs tls -clients carol   # later, by the same authority",
		},
		Codes: []cli.Code{
			{Code: cli.OK, Meaning: "made"},
			{Code: cli.Usage, Meaning: "the command line is wrong; nothing was made"},
			{Code: cli.CantCreate, Meaning: "a file cannot be made, or is there already"},
			{Code: cli.IOError, Meaning: "made, but that could not be printed"},
		},
		Run: func(names []string) error { return p.runCerts(names[0]) },
	}
}

func (p *program) runCerts(dir string) error {
	if len(p.nodes)+len(p.clients) == 0 {
		return cli.Misuse("say whom the certificates are for: -nodes a=HOST,b=HOST,c=HOST or -clients NAME,NAME")
	}
	var to []trust.Grantee
	for _, n := range p.nodes {
		to = append(to, trust.Grantee{Name: n.name, Hosts: n.hosts})
	}
	for _, name := range p.clients {
		if slices.ContainsFunc(to, func(g trust.Grantee) bool { return g.Name == name }) {
			return cli.Misuse("%s is named twice: nodes and clients have names of their own", name)
		}
		to = append(to, trust.Grantee{Name: name})
	}
	founded, err := trust.Issue(dir, to)
	if err != nil {
		return cli.Fail(cli.CantCreate, "%s", cli.Plain(err))
	}
	return p.tellCerts(dir, founded)
}

// tellCerts says what to type next.
func (p *program) tellCerts(dir string, founded bool) error {
	var b strings.Builder
	if founded {
		fmt.Fprintf(&b, "%s signs for these nodes and clients only. Whoever has %s can be\neverybody: move it away when all certificates are made.\n",
			filepath.Join(dir, trust.AuthorityFile), filepath.Join(dir, "ca.key"))
	}
	var peers, addresses []string
	for i, n := range p.nodes {
		port := n.port
		if port == "" {
			port = strconv.Itoa(7101 + i)
		}
		address := net.JoinHostPort(n.hosts[0], port)
		addresses = append(addresses, address)
		peers = append(peers, n.name+"="+address)
	}
	if len(peers) > 0 {
		b.WriteString("Start the nodes, each where it is:\n")
	}
	for _, n := range p.nodes {
		fmt.Fprintf(&b, "    lockd node -name %s -peers %s %s\n", n.name, strings.Join(peers, ","), typed(dir, n.name))
	}
	if len(p.clients) > 0 {
		b.WriteString("Ask them:\n")
	}
	nodes := ""
	if len(addresses) > 0 {
		nodes = " -nodes " + strings.Join(addresses, ",")
	}
	for _, name := range p.clients {
		fmt.Fprintf(&b, "    lockc status%s %s\n", nodes, typed(dir, name))
	}
	if _, err := fmt.Fprint(p.Stdout, b.String()); err != nil {
		return cli.Fail(cli.IOError, "cannot print: %v", err)
	}
	return nil
}

func typed(dir, name string) string {
	f := trust.FilesIn(dir, name)
	return fmt.Sprintf("-tls-cert %s -tls-key %s -tls-ca %s", f.Certificate, f.Key, f.Authorities)
}

// parseHolders reads a=HOST,b=HOST.
func parseHolders(s string) (all []holder, err error) {
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		name, host, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%.60q is no node: want NAME=HOST, such as a=10.0.0.1", part)
		}
		if err := checkGrantee(name); err != nil {
			return nil, err
		}
		port := ""
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		if err := cli.CheckAddress(net.JoinHostPort(host, "1")); err != nil {
			return nil, fmt.Errorf("%.60q is no host of node %s: %v", host, name, err)
		}
		at := slices.IndexFunc(all, func(h holder) bool { return h.name == name })
		if at < 0 {
			all = append(all, holder{name: name, port: port})
			at = len(all) - 1
		}
		for _, h := range aliases(host) {
			if !slices.Contains(all[at].hosts, h) {
				all[at].hosts = append(all[at].hosts, h)
			}
		}
	}
	if len(all) > cli.MaxNodes {
		return nil, fmt.Errorf("%d nodes are more than the %d that can be named", len(all), cli.MaxNodes)
	}
	return all, nil
}

// aliases are the names under which a host is this machine: who tries things out
// uses one as well as another.
func aliases(host string) []string {
	if ip := net.ParseIP(host); host == "localhost" || ip.IsLoopback() {
		return []string{host, "localhost", "127.0.0.1", "::1"}
	}
	return []string{host}
}

// mostClients bounds how many certificates are made at once.
const mostClients = 1000

func parseClients(s string) (names []string, err error) {
	if s == "" {
		return nil, nil
	}
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		if err := checkGrantee(name); err != nil {
			return nil, err
		}
		if slices.Contains(names, name) {
			return nil, fmt.Errorf("%s is named twice", name)
		}
		names = append(names, name)
	}
	if len(names) > mostClients {
		return nil, fmt.Errorf("%d clients are more than the %d that can be named at once", len(names), mostClients)
	}
	return names, nil
}

// checkGrantee refuses a name that no file can be called by.
func checkGrantee(name string) error {
	if err := cli.CheckNodeName(name); err != nil {
		return fmt.Errorf("%.60q is no name for a certificate: %v", name, err)
	}
	if name == "ca" {
		return fmt.Errorf("ca is what the files of the authority are called: take another name")
	}
	return nil
}
