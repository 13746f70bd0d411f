package trust

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// The files of an authority, in its directory.
const (
	AuthorityFile = "ca.crt"
	authorityKey  = "ca.key"
)

// How long what is made here is good, and how far behind a clock may be.
const (
	validFor = 365 * 24 * time.Hour
	behind   = time.Hour
)

// Grantee is whom a certificate is made for: a node if it has hosts, else a
// client.
type Grantee struct {
	Name  string
	Hosts []string
}

// FilesIn says where the certificate of a name is, in an authority's directory.
func FilesIn(dir, name string) Files {
	return Files{
		Certificate: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key"),
		Authorities: filepath.Join(dir, AuthorityFile),
	}
}

// Issue makes certificates and their keys, signed by the authority in dir, which
// is made if there is none. It overwrites nothing: if one of the files is there
// already, none is made.
func Issue(dir string, to []Grantee) (founded bool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	for _, g := range to {
		files := FilesIn(dir, g.Name)
		for _, name := range []string{files.Certificate, files.Key} {
			if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
				return false, fmt.Errorf("%s is there already: remove it if it is not needed any more, or choose another directory", name)
			}
		}
	}
	a, founded, err := openAuthority(dir)
	if err != nil {
		return false, err
	}
	for _, g := range to {
		if err := a.issue(dir, g); err != nil {
			return founded, err
		}
	}
	return founded, nil
}

// authority signs.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// openAuthority reads the authority in a directory, or makes one.
func openAuthority(dir string) (a authority, founded bool, err error) {
	certFile, keyFile := filepath.Join(dir, AuthorityFile), filepath.Join(dir, authorityKey)
	_, certErr := os.Lstat(certFile)
	_, keyErr := os.Lstat(keyFile)
	switch hasCert, hasKey := !errors.Is(certErr, fs.ErrNotExist), !errors.Is(keyErr, fs.ErrNotExist); {
	case !hasCert && !hasKey:
		a, err = foundAuthority(certFile, keyFile)
		return a, true, err
	case !hasKey:
		return a, false, fmt.Errorf("%s has no key beside it, %s, to sign more certificates with: choose another directory", certFile, keyFile)
	case !hasCert:
		return a, false, fmt.Errorf("%s has no certificate beside it, %s: choose another directory", keyFile, certFile)
	}
	certificate, err := readBlock(certFile, "CERTIFICATE", x509.ParseCertificate)
	if err != nil {
		return a, false, err
	}
	key, err := readBlock(keyFile, "PRIVATE KEY", x509.ParsePKCS8PrivateKey)
	if err != nil {
		return a, false, err
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok || !signer.PublicKey.Equal(certificate.PublicKey) {
		return a, false, fmt.Errorf("%s is not the key of the authority in %s: choose another directory", keyFile, certFile)
	}
	if time.Now().After(certificate.NotAfter) {
		return a, false, fmt.Errorf("the authority in %s was valid until %s: choose another directory", certFile, certificate.NotAfter.UTC().Format(time.RFC3339))
	}
	return authority{certificate, signer}, false, nil
}

func foundAuthority(certFile, keyFile string) (a authority, err error) {
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return a, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "lockstep"}, NotBefore: now.Add(-behind), NotAfter: now.Add(validFor),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		return a, err
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return a, err
	}
	return a, write(certFile, keyFile, der, a.key)
}

// issue makes one certificate.
func (a authority) issue(dir string, g Grantee) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: g.Name}, NotBefore: now.Add(-behind), NotAfter: a.certificate.NotAfter,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(g.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range g.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	files := FilesIn(dir, g.Name)
	return write(files.Certificate, files.Key, der, key)
}

// write writes a certificate and its key where nothing is yet, the key first: a
// certificate without one is of no use.
func write(certFile, keyFile string, der []byte, key *ecdsa.PrivateKey) error {
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := create(keyFile, "PRIVATE KEY", plain, 0o600); err != nil {
		return err
	}
	return create(certFile, "CERTIFICATE", der, 0o644)
}

func create(name, kind string, der []byte, mode fs.FileMode) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if err := pem.Encode(file, &pem.Block{Type: kind, Bytes: der}); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func readBlock[T any](name, kind string, parse func([]byte) (T, error)) (v T, err error) {
	text, err := slurp(name)
	if err != nil {
		return v, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return v, fmt.Errorf("%s is no %s in PEM", name, kind)
	}
	if v, err = parse(block.Bytes); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return v, err
}
