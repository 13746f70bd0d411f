package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lockstep"
	"lockstep/doors/access"
	"lockstep/trust"
)

// friend may do everything, and is held to no limit.
const friend = "friend"

// ratePerFlood is what is due in a second to who makes a flood of requests. Who attacks
// in another way has the limits of everybody.
const ratePerFlood = 100

// gate is what nodes with doors are started with, and what opens them, in a folder:
// certificates, tokens, rules.
type gate struct {
	dir    string
	tokens map[string]string // of those who attack, by the attack
}

// newGate makes one for nodes of this machine.
func newGate(dir string) (*gate, error) {
	g := &gate{dir: dir, tokens: map[string]string{}}
	if _, err := trust.Issue(dir, []trust.Grantee{{Name: "node", Hosts: []string{"127.0.0.1"}}, {Name: friend}}); err != nil {
		return nil, err
	}
	if _, err := trust.Issue(g.elsewhere(), []trust.Grantee{{Name: friend}}); err != nil {
		return nil, err
	}
	var rules strings.Builder
	for _, a := range attacks {
		secret, line, err := access.NewToken(a.name)
		if err != nil {
			return nil, err
		}
		g.tokens[a.name] = secret
		fmt.Fprintf(&rules, "%s\nallow %s lock *\n", line, a.name)
		if a.flood {
			fmt.Fprintf(&rules, "limit %s rate=%d burst=%d open=64\n", a.name, ratePerFlood, ratePerFlood)
		}
	}
	fmt.Fprintf(&rules, "allow %s admin *\nlimit %s open=%d\n", friend, friend, maxCallers)
	return g, os.WriteFile(g.rules(), []byte(rules.String()), 0o600)
}

func (g *gate) rules() string { return filepath.Join(g.dir, "access") }

// elsewhere is the folder of an authority that nobody here knows.
func (g *gate) elsewhere() string { return filepath.Join(g.dir, "elsewhere") }

// files are those of a certificate that counts.
func (g *gate) files(name string) trust.Files { return trust.FilesIn(g.dir, name) }

// args are what a node is started with.
func (g *gate) args() []string {
	if g == nil {
		return nil
	}
	f := g.files("node")
	return []string{"-tls-cert", f.Certificate, "-tls-key", f.Key, "-tls-ca", f.Authorities, "-access", g.rules()}
}

// options are those of a client of Go that is a friend.
func (g *gate) options() []lockstep.Option {
	if g == nil {
		return nil
	}
	f := g.files(friend)
	return []lockstep.Option{lockstep.WithTLS(f.Certificate, f.Key, f.Authorities)}
}

// encrypted is how somebody reaches the public port who knows its authority, and
// shows a certificate of a folder, if one is named.
func (g *gate) encrypted(shows string) (*tls.Config, error) {
	known, err := trust.Open(g.files(friend), nil)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{RootCAs: known.Identity().Authorities}
	if shows != "" {
		other, err := trust.Open(trust.FilesIn(shows, friend), nil)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{other.Identity().Certificate}
	}
	return cfg, nil
}
