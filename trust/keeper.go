package trust

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Files name what a process is: PEM files.
type Files struct {
	Certificate string // its own, with those between it and the authority behind it
	Key         string // the private key
	Authorities string // whose signatures count
}

// Given reports whether any of them is named.
func (f Files) Given() bool { return f != Files{} }

// lookEvery is how often the files are looked at, if anybody connects at all.
const lookEvery = time.Second

// Keeper is the identity in some files. It looks whether they have changed when
// somebody connects, so that new certificates need no restart.
type Keeper struct {
	files Files
	log   *slog.Logger

	current atomic.Pointer[Identity]
	looked  atomic.Int64 // when, in Unix nanoseconds

	mu   sync.Mutex // of who looks, which may take long
	seen stamps     // of the files that count
	said string     // what was wrong the last time
}

var _ Source = (*Keeper)(nil)

// Open reads the files. A nil log discards what becomes of them later.
func Open(files Files, log *slog.Logger) (*Keeper, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	now := time.Now()
	k := &Keeper{files: files, log: log, seen: files.stamps()}
	identity, err := files.read(now)
	if err != nil {
		return nil, err
	}
	k.current.Store(&identity)
	k.looked.Store(now.UnixNano())
	if info, err := os.Stat(files.Key); err == nil && info.Mode()&0o007 != 0 {
		log.Warn("every user of this machine can read or change the private key: chmod 600 it", "file", files.Key)
	}
	return k, nil
}

// Identity is the newest that could be read. While somebody looks, it is the one of
// before: files may be where reading takes long.
func (k *Keeper) Identity() Identity {
	now := time.Now()
	if now.UnixNano()-k.looked.Load() >= int64(lookEvery) && k.mu.TryLock() {
		defer k.mu.Unlock()
		k.lookLocked(now)
	}
	return *k.current.Load()
}

// Public is how a port for everybody takes connections: who shows a certificate
// is known by it, and who shows none may be known otherwise. An authority must
// have signed what is shown.
func (k *Keeper) Public() *tls.Config {
	return &tls.Config{
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			i := k.Identity()
			return &tls.Config{
				MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{i.Certificate}, NextProtos: []string{"h2", "http/1.1"},
				ClientCAs: i.Authorities, ClientAuth: tls.VerifyClientCertIfGiven, SessionTicketsDisabled: true,
			}, nil
		},
	}
}

// Look looks at the files now.
func (k *Keeper) Look() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lookLocked(time.Now())
}

// lookLocked reads the files if they are not those that count. What cannot be used
// is said once, and changes nothing: a new certificate is often there before its
// key. It is looked at again each time: files that could not be read, and
// certificates that are not valid yet, become good without a change.
func (k *Keeper) lookLocked(at time.Time) {
	k.looked.Store(at.UnixNano())
	now := k.files.stamps()
	if now == k.seen {
		k.said = ""
		return
	}
	identity, err := k.files.read(at)
	if err != nil {
		reason := err.Error()
		said := reason
		if invalid := (x509.CertificateInvalidError{}); errors.As(err, &invalid) {
			said = fmt.Sprint(invalid.Reason, now) // its text has the time
		}
		if said != k.said {
			k.said = said
			k.log.Error("the new certificates cannot be used: this process goes on with those that it has", "reason", reason)
		}
		return
	}
	k.seen, k.said = now, ""
	k.current.Store(&identity)
	k.log.Info("new certificates: they count for every connection from now on",
		"certificate", identity.Party().String(), "until", identity.Certificate.Leaf.NotAfter.UTC().Format(time.RFC3339))
}

// stamps tell files from what was in their places before.
type stamps [3]stamp

type stamp struct {
	size    int64
	changed int64
}

func (f Files) stamps() (all stamps) {
	for i, name := range []string{f.Certificate, f.Key, f.Authorities} {
		if info, err := os.Stat(name); err == nil {
			all[i] = stamp{info.Size(), info.ModTime().UnixNano()}
		}
	}
	return all
}

// mostBytes bounds a file of certificates.
const mostBytes = 1 << 20

// read reads the files, and refuses what others would refuse.
func (f Files) read(now time.Time) (i Identity, err error) {
	certificate, err := slurp(f.Certificate)
	if err != nil {
		return i, fmt.Errorf("the certificate cannot be read: %w", err)
	}
	key, err := slurp(f.Key)
	if err != nil {
		return i, fmt.Errorf("the private key cannot be read: %w", err)
	}
	authorities, err := slurp(f.Authorities)
	if err != nil {
		return i, fmt.Errorf("the authorities cannot be read: %w", err)
	}
	if i.Certificate, err = tls.X509KeyPair(certificate, key); err != nil {
		return i, fmt.Errorf("%s and %s are no certificate and its private key: %w", f.Certificate, f.Key, err)
	}
	i.Authorities = x509.NewCertPool()
	if !i.Authorities.AppendCertsFromPEM(authorities) {
		return i, fmt.Errorf("there is no certificate of an authority in %s", f.Authorities)
	}
	return i, f.check(i, now)
}

func (f Files) check(i Identity, now time.Time) error {
	leaf := i.Certificate.Leaf
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate in %s was valid until %s: get a new one", f.Certificate, leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		// Without the time that is now: it is said once.
		return fmt.Errorf("the certificate in %s is valid from %s on, and not yet by this machine's clock", f.Certificate, leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	between := x509.NewCertPool()
	for _, der := range i.Certificate.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Certificate, err)
		}
		between.AddCert(c)
	}
	// Whoever we connect to asks for a client's certificate.
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: i.Authorities, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return fmt.Errorf("others with the authorities in %s would refuse the certificate in %s: %w", f.Authorities, f.Certificate, err)
	}
	if i.Party().IsClient() && i.Party().Name() == "" {
		return fmt.Errorf("the client's certificate in %s has no common name: nobody would know whose it is", f.Certificate)
	}
	return nil
}

// slurp reads a file that is as small as it should be.
func slurp(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("this is no file")}
	case info.Size() > mostBytes:
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes are more than certificates have", info.Size())}
	}
	return os.ReadFile(name)
}
