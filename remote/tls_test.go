package remote

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"syscall"
	"testing"
	"time"

	"lockstep/replica"
)

// testCertificates is a certificate and who signed it, in DER.
type testCertificates struct {
	Authority, Certificate, Key []byte
}

func (c *testCertificates) config() *tls.Config {
	if c == nil {
		return nil
	}
	authority, err := x509.ParseCertificate(c.Authority)
	if err != nil {
		panic(err)
	}
	key, err := x509.ParseECPrivateKey(c.Key)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: pool, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{c.Certificate}, PrivateKey: key}},
	}
}

// certify makes an authority, and a certificate of it for each IP address.
func certify(t *testing.T, ips ...string) (all []*testCertificates) {
	t.Helper()
	key := newKey(t)
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	signed, err := x509.CreateCertificate(rand.Reader, authority, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	for i, ip := range ips {
		own := newKey(t)
		leaf := &x509.Certificate{SerialNumber: big.NewInt(int64(i + 2)), IPAddresses: []net.IP{net.ParseIP(ip)}, NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
		certificate, err := x509.CreateCertificate(rand.Reader, leaf, authority, &own.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalECPrivateKey(own)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &testCertificates{signed, certificate, der})
	}
	return all
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// With certificates for their addresses two processes talk, through a restart of
// the node and through a stop; with one for another address they don't.
func TestTLS(t *testing.T) {
	certs := certify(t, "127.0.0.1", "127.0.0.1", "127.0.0.2")
	config := childConfig{Listen: string(freeAddress(t)), TLS: certs[0]}
	node := startChild(t, config)
	client := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{node.address}, TLS: certs[1]})
	client.do("ask %s 1", node.address)
	client.wait(fmt.Sprintf("answer %s 1", node.address), 1)

	downs, ups := client.count("down"), client.count("up")
	node.signal(syscall.SIGSTOP)
	client.do("reset %s", node.address)
	client.wait("down", downs+1)
	node.kill()
	node = startChild(t, config)
	client.wait("up", ups+1)
	client.do("ask %s 2", node.address)
	client.wait(fmt.Sprintf("answer %s 2", node.address), 1)

	stranger := startChild(t, childConfig{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{node.address}, TLS: certs[2]})
	stranger.do("ask %s 3", node.address)
	eventually(t, "the node to refuse the stranger", func() bool {
		node.do("refusals")
		return node.count(`refusals {"certificate is not for the address"`) > 0
	})
	if stranger.count("answer") != 0 {
		t.Error("the stranger was answered")
	}
}
