package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/replica"
	"lockstep/trust"
)

// certify makes an authority in a directory, and certificates of it.
func certify(t *testing.T, to ...trust.Grantee) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := trust.Issue(dir, to); err != nil {
		t.Fatal(err)
	}
	return dir
}

func node(name string, hosts ...string) trust.Grantee { return trust.Grantee{Name: name, Hosts: hosts} }

func clientNamed(name string) trust.Grantee { return trust.Grantee{Name: name} }

func papers(dir, name string) *trust.Files {
	f := trust.FilesIn(dir, name)
	return &f
}

// With certificates for their addresses two processes talk, through a restart of
// the node and through a stop. A client may be anywhere.
func TestTLS(t *testing.T) {
	dir := certify(t, node("a", "127.0.0.1"), clientNamed("alice"), clientNamed("bob"))
	config := childConfig{Listen: string(freeAddress(t)), TLS: papers(dir, "a")}
	a := startChild(t, config)
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{a.address}, TLS: papers(dir, "alice")})
	client.do("ask %s 1", a.address)
	client.wait(fmt.Sprintf("answer %s 1", a.address), 1)

	downs, ups := client.count("down"), client.count("up")
	a.signal(syscall.SIGSTOP)
	client.do("reset %s", a.address)
	client.wait("down", downs+1)
	a.kill()
	a = startChild(t, config)
	client.wait("up", ups+1)
	client.do("ask %s 2", a.address)
	client.wait(fmt.Sprintf("answer %s 2", a.address), 1)
}

// Who may not be where it says it is gets no answer, and is counted.
func TestTLSRefusesWhoItIsNot(t *testing.T) {
	dir := certify(t, node("a", "127.0.0.1"), node("b", "127.0.0.2"), clientNamed("alice"))
	peer := freeAddress(t)
	for _, test := range []struct {
		name, reason string
		stranger     childConfig
	}{
		{"a node of another host", "certificate is not for the address", childConfig{Listen: "127.0.0.1:0", TLS: papers(dir, "alice"), ThenTLS: papers(dir, "b")}},
		{"a client at a node's address", errNode.Error(), childConfig{Listen: string(peer), TLS: papers(dir, "alice")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := startChild(t, childConfig{Listen: string(freeAddress(t)), Peer: peer, TLS: papers(dir, "a")})
			test.stranger.Nodes = []replica.NodeID{a.address}
			stranger := startChild(t, test.stranger)
			stranger.do("ask %s 3", a.address)
			eventually(t, "the node to refuse the stranger", func() bool {
				a.do("refusals")
				_, line, _ := a.find("refusals", a.count("refusals"))
				return strings.Contains(line, `"`+test.reason+`"`)
			})
			if stranger.count("answer") != 0 {
				t.Error("the stranger was answered")
			}
		})
	}
}

// Whoever shows no good certificate gets not one byte that it could use. It is
// counted, and the next client is served.
func TestTLSHandshakesThatFail(t *testing.T) {
	dir, elsewhere := certify(t, node("a", "127.0.0.1"), clientNamed("alice")), certify(t, clientNamed("alice"))
	a := startChild(t, childConfig{Listen: string(freeAddress(t)), TLS: papers(dir, "a")})
	for i, test := range []struct {
		name string
		show []tls.Certificate
	}{
		{"no certificate", nil},
		{"of another authority", []tls.Certificate{pair(t, elsewhere, "alice")}},
		{"expired", []tls.Certificate{sign(t, dir, &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, NotAfter: time.Now().Add(-time.Minute),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})}},
		{"for servers only", []tls.Certificate{sign(t, dir, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})}},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", string(a.address), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}, Certificates: test.show})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 || !strings.Contains(err.Error(), "remote error: tls") {
				t.Errorf("read %d bytes, %v; want an alert", n, err)
			}
			want := fmt.Sprintf(`"TLS handshake":%d`, i+1)
			eventually(t, want, func() bool {
				a.do("refusals")
				_, line, _ := a.find("refusals", a.count("refusals"))
				return strings.Contains(line, want)
			})
		})
	}
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{a.address}, TLS: papers(dir, "alice")})
	client.do("ask %s 1", a.address)
	client.wait(fmt.Sprintf("answer %s 1", a.address), 1)
}

func pair(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	p, err := tls.LoadX509KeyPair(papers(dir, name).Certificate, papers(dir, name).Key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sign makes a certificate that trust.Issue would not make, of its authority.
func sign(t *testing.T, dir string, template *x509.Certificate) tls.Certificate {
	t.Helper()
	authority := pair(t, dir, "ca")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A client's certificate is nobody's word but a client's: what nodes say to each
// other and to clients is refused from it, with all that is beside it.
func TestClientsDoNotSpeakAsNodes(t *testing.T) {
	dir := certify(t, node("a", "127.0.0.1"), clientNamed("alice"))
	a := startChild(t, childConfig{Listen: string(freeAddress(t)), Peer: freeAddress(t), TLS: papers(dir, "a")})
	alice := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{a.address}, TLS: papers(dir, "alice")})
	alice.do("ask %s 1", a.address)
	alice.wait(fmt.Sprintf("answer %s 1", a.address), 1)
	alice.do("beat %s 1", a.address)
	eventually(t, "the heartbeat to be refused", func() bool {
		a.do("refusals")
		return a.count(`refusals {"a client speaks as a node"`) > 0
	})
	if a.count("beat") != 0 {
		t.Error("the heartbeat of a client arrived")
	}
}

// Where a node was told to connect to, only that node may be. What goes elsewhere
// goes to who has asked from there.
func TestWhoMayBeDialled(t *testing.T) {
	dir := certify(t, node("a", "127.0.0.1", "localhost"), node("b", "127.0.0.2"), clientNamed("alice"), clientNamed("bob"))
	p := &Process{}
	p.circle.Store(newCircle([]replica.NodeID{"127.0.0.1:1"}, nil))
	m := &mutual{process: p, claims: newClaims()}
	m.claims.add(claim{"127.0.0.1:5000", "alice"})
	for _, test := range []struct {
		address replica.NodeID
		who     string
		may     bool
	}{
		{"127.0.0.1:1", "a", true},
		{"localhost:1", "a", true},
		{"127.0.0.1:1", "b", false},
		{"127.0.0.1:1", "alice", false},
		{"127.0.0.1:5000", "alice", true},
		{"127.0.0.1:5000", "bob", false},
		{"127.0.0.1:5001", "alice", false},
		{"127.0.0.1:5000", "a", true},
		{"nonsense", "a", false},
	} {
		if err := m.check(test.address, party(t, dir, test.who)); (err == nil) != test.may {
			t.Errorf("%s at %s: %v", test.who, test.address, err)
		}
	}
	m.claims.drop(claim{"127.0.0.1:5000", "alice"})
	if m.check("127.0.0.1:5000", party(t, dir, "alice")) == nil || len(m.claims.all) > 0 {
		t.Error("a claim outlives its stream")
	}
}

func party(t *testing.T, dir, name string) trust.Party {
	t.Helper()
	who, ok := trust.PartyOf([]*x509.Certificate{pair(t, dir, name).Leaf})
	if !ok {
		t.Fatal("no party")
	}
	return who
}

// A certificate that everybody would refuse is refused before anybody is asked.
func TestCertificatesThatCannotBeMeant(t *testing.T) {
	dir := certify(t, node("b", "127.0.0.2"), clientNamed("alice"))
	open := func(name string) trust.Source {
		k, err := trust.Open(*papers(dir, name), nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	_, err := Start(Config{Listen: "127.0.0.1:0", Incarnation: 1, TLS: open("b")})
	if err == nil || !strings.Contains(err.Error(), `the certificate is for "b" at 127.0.0.2, and others reach this process at 127.0.0.1:`) {
		t.Errorf("another host's: %v", err)
	}
	_, err = StartNode(NodeConfig{Pair: [2]replica.NodeID{"127.0.0.1:1", "127.0.0.1:2"}, Dir: t.TempDir(), TLS: open("alice")}, Start)
	if err == nil || !strings.Contains(err.Error(), `the certificate is for client "alice", and a node needs one that servers may use`) {
		t.Errorf("a client's for a node: %v", err)
	}
}
