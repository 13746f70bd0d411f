package main

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/api"
	"lockstep/cmd/internal/cli"
)

// pairNames are what a file calls the nodes of a pair.
var pairNames = []string{"primary", "backup"}

// What settings cannot mean together, for each command. Whether a file exists or
// an address can be bound is seen when the node starts, on its machine.

// checkMember is for a node of a cluster.
func (p *program) checkMember([]string) []cli.Mistake {
	wrong := append(p.checkSelf(nil), p.checkDoors()...)
	at := p.place()
	if at < 0 {
		return append(wrong, p.checkOpen("listen", p.listen)...)
	}
	told := p.peers[at].Address
	if p.quiet && len(p.peers) == 1 {
		wrong = append(wrong, mistake("quiet", "a quiet node serves nobody, and -peers lists no other: list the others too, or leave -quiet out"))
	}
	if p.listen == "" {
		return append(wrong, p.checkOpen("peers", told)...)
	}
	if !found(p.listen, told) {
		wrong = append(wrong, mistake("listen", "-listen %s is not the address of this node in -peers, %s, where the others look for it: make them the same, or leave -listen out", p.listen, told))
	}
	return append(wrong, p.checkOpen("listen", p.listen)...)
}

// place is where this node stands in the list, or below zero.
func (p *program) place() int {
	return slices.IndexFunc(p.peers, func(peer cli.Peer) bool { return peer.Name == p.name })
}

// checkSelf finds this node in the list.
func (p *program) checkSelf([]string) (wrong []cli.Mistake) {
	mistyped := func(text string) bool { return strings.HasPrefix(text, p.name+"=") }
	switch {
	case len(p.peers) == 0:
		wrong = append(wrong, mistake("peers", "say with -peers which nodes there are, this one among them: a=ADDR,b=ADDR,c=ADDR"))
	case p.name == "":
		wrong = append(wrong, mistake("name", "say with -name which of %s this node is", peerNames(p.peers)))
	case p.place() < 0 && !slices.ContainsFunc(p.Refused("peers"), mistyped):
		wrong = append(wrong, mistake("name", "-peers lists %s, and not this node, %s: a node lists itself too, with its address", peerNames(p.peers), p.name))
	}
	if p.found && len(p.peers) > 1 {
		wrong = append(wrong, mistake("found", "-found is for a node that founds a cluster alone, and -peers lists %s: several found one by themselves, as soon as all of them are there", peerNames(p.peers)))
	}
	return wrong
}

// checkAddresses is for the commands whose names are addresses of nodes. Bound are
// those that this process listens on, if nothing else is said.
func (p *program) checkAddresses(keys []string, bound ...int) func([]string) []cli.Mistake {
	return func(names []string) []cli.Mistake {
		wrong := append(cli.NodeMistakes(keys, names), p.checkDoors()...)
		if p.listen != "" {
			return append(wrong, p.checkOpen("listen", p.listen)...)
		}
		for _, i := range bound {
			if len(wrong) == 0 && i < len(names) {
				wrong = p.checkOpen(keys[i], names[i])
			}
		}
		return wrong
	}
}

// checkOpen refuses what others can reach and nobody has allowed. Whether a name
// exists is left to the start: the configuration may be for another machine.
func (p *program) checkOpen(setting, listen string) []cli.Mistake {
	if listen == "" || len(p.Refused("insecure")) > 0 {
		return nil
	}
	if err := cli.CheckOpen(listen, p.insecure || p.tls.Given()); err != nil {
		return []cli.Mistake{mistake(setting, "%v", err)}
	}
	return nil
}

// checkDoors refuses certificates that are not all there, or not wanted, a public
// port that is open to all, and what is about one that is not there.
func (p *program) checkDoors() (wrong []cli.Mistake) {
	if err := cli.CheckTLS(p.tls, p.insecure); err != nil {
		at := slices.IndexFunc(cli.TLSFlags, p.Given)
		wrong = append(wrong, mistake(cli.TLSFlags[at], "%v", err))
	}
	if p.access != "" && p.api == "" && !p.tls.Given() {
		wrong = append(wrong, mistake("access", "-access is about the public API, and about clients with certificates, of which this node has neither: add -api ADDRESS or -tls-cert, or leave it out"))
	}
	_, local := api.UnixPath(p.api)
	if !local {
		wrong = append(wrong, p.checkOpen("api", p.api)...)
	}
	if len(p.proxies) > 0 && (local || p.api == "") {
		wrong = append(wrong, mistake("api-proxies", "-api-proxies is about who comes to the API over the network, and nobody does: add -api HOST:PORT, or leave it out"))
	}
	return wrong
}

func mistake(setting, format string, args ...any) cli.Mistake {
	return cli.Mistake{Setting: setting, Text: fmt.Sprintf(format, args...)}
}

// checkImport is for a node that takes a pair over.
func (p *program) checkImport([]string) []cli.Mistake {
	wrong := p.checkSelf(nil)
	if p.from == "" {
		wrong = append(wrong, mistake("from", "say with -from where the nodes of the pair had their state"))
	}
	return wrong
}

func parseNodeName(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if err := cli.CheckNodeName(s); err != nil {
		return "", fmt.Errorf("it is no name of a node: %w", err)
	}
	return s, nil
}

// unsaid is what settings come to that nobody has made. Own has the address and
// the state directory of the node.
func (p *program) unsaid(def durability, own func(names []string) (address, dir string)) func([]string, string) string {
	return func(names []string, setting string) string {
		address, dir := own(names)
		return map[string]string{"durability": durabilityName(def == fsync), "listen": address, "data": dir}[setting]
	}
}

func (p *program) ownMember([]string) (address, dir string) {
	self := p.self()
	dir, _ = namedDir("", self, p.Getenv) // without a HOME there is none
	return self.Address, dir
}

func (p *program) ownPart(i int) func(names []string) (address, dir string) {
	return func(names []string) (string, string) {
		dir, _ := stateDir("", names[i], p.Getenv)
		return names[i], dir
	}
}

func unsaidTrio(_ []string, setting string) string {
	return map[string]string{"durability": "fsync", "a": cli.DefaultPrimary, "b": cli.DefaultBackup, "c": cli.DefaultThird}[setting]
}

func unsaidPair(_ []string, setting string) string {
	return map[string]string{
		"durability": "memory", "primary": cli.DefaultPrimary, "backup": cli.DefaultBackup,
		"trust-refused": "true", // both nodes are on this machine
	}[setting]
}
