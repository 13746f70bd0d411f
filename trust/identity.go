package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Source gives the identity that counts now.
type Source interface{ Identity() Identity }

// Identity is what a process shows of itself, and whom it believes.
type Identity struct {
	Certificate tls.Certificate
	Authorities *x509.CertPool
}

// Identity makes one that never changes a Source.
func (i Identity) Identity() Identity { return i }

// Party is who the identity says that this process is.
func (i Identity) Party() Party { return Party{i.Certificate.Leaf} }

// Listening is how connections of others are taken: each must show a certificate
// that an authority has signed for clients.
func (i Identity) Listening() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.Certificate},
		ClientCAs: i.Authorities, ClientAuth: tls.RequireAndVerifyClientCert,
		// Who comes again is looked at again.
		SessionTicketsDisabled: true,
	}
}

// Dialling is how others are connected to. The library would insist on a server's
// certificate for the host that was dialled, which a client that is called back
// does not have: check decides about whoever an authority has signed.
func (i Identity) Dialling(check func(Party) error) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{i.Certificate},
		InsecureSkipVerify: true, // VerifyConnection verifies
		VerifyConnection: func(s tls.ConnectionState) error {
			if err := i.verify(s.PeerCertificates); err != nil {
				return err
			}
			return check(Party{s.PeerCertificates[0]})
		},
	}
}

// verify checks that an authority has signed the first certificate of a chain,
// for whatever use, and that it is valid now.
func (i Identity) verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("no certificate was shown")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: i.Authorities, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		return fmt.Errorf("its certificate for %s is signed by no authority that counts here", Party{chain[0]})
	}
	return err
}

// Party is who a certificate speaks for.
type Party struct{ leaf *x509.Certificate }

// PartyOf returns the party of a verified chain.
func PartyOf(chain []*x509.Certificate) (Party, bool) {
	if len(chain) == 0 {
		return Party{}, false
	}
	return Party{chain[0]}, true
}

// Name is the principal: what rules and logs know the party by.
func (p Party) Name() string { return p.leaf.Subject.CommonName }

// IsClient reports whether the certificate is a client's. A usage that is left
// open includes that of servers.
func (p Party) IsClient() bool {
	serves := len(p.leaf.ExtKeyUsage) == 0 && len(p.leaf.UnknownExtKeyUsage) == 0 ||
		slices.Contains(p.leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(p.leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
	return !serves
}

// IsNode reports whether the certificate is a node's at this host.
func (p Party) IsNode(host string) bool {
	// The zone of an address is this machine's business, and in no certificate.
	host, _, _ = strings.Cut(host, "%")
	return !p.IsClient() && p.leaf.VerifyHostname(host) == nil
}

// String says for people whom the certificate is for.
func (p Party) String() string {
	if p.IsClient() {
		return fmt.Sprintf("client %q", p.Name())
	}
	hosts := slices.Clone(p.leaf.DNSNames)
	for _, ip := range p.leaf.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	return fmt.Sprintf("%q at %s", p.Name(), strings.Join(hosts, ", "))
}
