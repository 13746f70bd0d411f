package trust

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func issue(t *testing.T, dir string, to ...Grantee) {
	t.Helper()
	if _, err := Issue(dir, to); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, files Files) *Keeper {
	t.Helper()
	k, err := Open(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// replaced counts, so that no two files have the same time.
var replaced atomic.Int64

// replace puts a file in the place of another, later than whatever was there.
func replace(t *testing.T, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
	age := time.Now().Add(time.Duration(replaced.Add(1)) * time.Second)
	if err := os.Chtimes(to, age, age); err != nil {
		t.Fatal(err)
	}
}

// kept are the files of a keeper, others that could take their place, and what the
// keeper says.
func kept(t *testing.T) (files, newer Files, k *Keeper, said *bytes.Buffer) {
	t.Helper()
	dir, other := t.TempDir(), t.TempDir()
	issue(t, dir, Grantee{Name: "alice"})
	issue(t, other, Grantee{Name: "alice"})
	files, newer, said = FilesIn(dir, "alice"), FilesIn(other, "alice"), new(bytes.Buffer)
	k, err := Open(files, slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return files, newer, k, said
}

// TestNewFilesCountWithoutARestart: the certificate is there before its key, and
// meanwhile the old ones count.
func TestNewFilesCountWithoutARestart(t *testing.T) {
	files, newer, k, said := kept(t)
	before := k.Identity().Certificate.Leaf.SerialNumber
	steps := []struct {
		to, from, want string
		changed        bool
	}{
		{files.Certificate, newer.Certificate, "private key does not match public key", false},
		{files.Key, newer.Key, "would refuse the certificate", false},
		{files.Authorities, newer.Authorities, "new certificates: they count", true},
		{files.Authorities, newer.Key, "no certificate of an authority", true},
	}
	for _, s := range steps {
		said.Reset()
		replace(t, s.to, s.from)
		k.Look()
		if !strings.Contains(said.String(), s.want) {
			t.Errorf("%s: said %q, want %q", s.to, said, s.want)
		}
		if changed := k.Identity().Certificate.Leaf.SerialNumber.Cmp(before) != 0; changed != s.changed {
			t.Errorf("%s: changed is %v", s.to, changed)
		}
		if strings.Contains(said.String(), "PRIVATE") {
			t.Errorf("a key is in the log: %s", said)
		}
		said.Reset()
		if k.Look(); said.Len() > 0 {
			t.Errorf("said again: %s", said)
		}
	}
}

// TestWhatIsNotValidYet counts as soon as it is, without a change of the files; that
// it is not is said once.
func TestWhatIsNotValidYet(t *testing.T) {
	files, newer, k, said := kept(t)
	replace(t, files.Certificate, newer.Certificate)
	replace(t, files.Key, newer.Key)
	replace(t, files.Authorities, newer.Authorities)
	wanted := open(t, newer).Identity().Certificate.Leaf
	for ahead := 3; ahead > 0; ahead-- {
		k.lookLocked(wanted.NotBefore.Add(-time.Duration(ahead) * time.Second))
	}
	if lines := strings.Count(said.String(), "\n"); lines != 1 || k.current.Load().Certificate.Leaf.Equal(wanted) {
		t.Errorf("before it is valid: %d lines: %s", lines, said)
	}
	k.lookLocked(time.Now())
	if !k.current.Load().Certificate.Leaf.Equal(wanted) {
		t.Errorf("it is valid, and does not count: %s", said)
	}
}

// TestConnectionsSeeNewFiles: without being asked to look.
func TestConnectionsSeeNewFiles(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	issue(t, dir, Grantee{Name: "alice"})
	issue(t, other, Grantee{Name: "alice"})
	files, newer := FilesIn(dir, "alice"), FilesIn(other, "alice")
	k := open(t, files)
	replace(t, files.Certificate, newer.Certificate)
	replace(t, files.Key, newer.Key)
	replace(t, files.Authorities, newer.Authorities)
	if k.Identity().Party().leaf.SerialNumber.Cmp(open(t, newer).Identity().Party().leaf.SerialNumber) == 0 {
		t.Fatal("the files are looked at more often than once a second")
	}
	k.looked.Add(-int64(lookEvery))
	if k.Identity().Party().leaf.SerialNumber.Cmp(open(t, newer).Identity().Party().leaf.SerialNumber) != 0 {
		t.Error("the new certificate was not seen")
	}
}

// TestFilesThatCannotBeUsed: each gets one line that names the file.
func TestFilesThatCannotBeUsed(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	issue(t, dir, Grantee{Name: "alice"}, Grantee{Name: "a", Hosts: []string{"h"}})
	issue(t, other, Grantee{Name: "alice"})
	good := FilesIn(dir, "alice")
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, mostBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		files Files
		want  string
	}{
		{Files{filepath.Join(dir, "none.crt"), good.Key, good.Authorities}, "none.crt: no such file"},
		{Files{good.Certificate, filepath.Join(dir, "none.key"), good.Authorities}, "none.key: no such file"},
		{Files{good.Certificate, good.Key, dir}, "this is no file"},
		{Files{huge, good.Key, good.Authorities}, "more than certificates have"},
		{Files{good.Key, good.Certificate, good.Authorities}, "are no certificate and its private key"},
		{Files{good.Certificate, FilesIn(dir, "a").Key, good.Authorities}, "private key does not match"},
		{Files{good.Certificate, good.Key, good.Key}, "no certificate of an authority in"},
		{Files{good.Certificate, good.Key, filepath.Join(other, AuthorityFile)}, "would refuse the certificate in"},
	} {
		_, err := Open(test.files, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %q", test.files, err, test.want)
		}
	}
	k := open(t, good)
	leaf := k.Identity().Certificate.Leaf
	for instant, want := range map[time.Time]string{
		leaf.NotBefore.Add(-time.Second): "is valid from", leaf.NotBefore: "", leaf.NotAfter: "", leaf.NotAfter.Add(time.Second): "was valid until",
	} {
		_, err := good.read(instant)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("at %v: %v, want %q", instant, err, want)
		}
	}
}

// TestAnOpenKeyIsSpokenOf: whoever can read it can be this process.
func TestAnOpenKeyIsSpokenOf(t *testing.T) {
	dir := t.TempDir()
	issue(t, dir, Grantee{Name: "alice"})
	files := FilesIn(dir, "alice")
	for mode, warns := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true, 0o602: true} {
		if err := os.Chmod(files.Key, mode); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if _, err := Open(files, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(said.String(), "chmod 600"); warned != warns {
			t.Errorf("%o: said %q", mode, &said)
		}
	}
}

// TestBothSidesLook: at the chain, the time and the use, and then at the party.
func TestBothSidesLook(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	issue(t, dir, Grantee{Name: "a", Hosts: []string{"127.0.0.1"}}, Grantee{Name: "alice"})
	issue(t, other, Grantee{Name: "a", Hosts: []string{"127.0.0.1"}}, Grantee{Name: "alice"})
	a, alice := open(t, FilesIn(dir, "a")), open(t, FilesIn(dir, "alice"))
	strangerA, strangerAlice := open(t, FilesIn(other, "a")), open(t, FilesIn(other, "alice"))
	anybody := func(Party) error { return nil }
	isA := func(p Party) error { return p.CheckNode("127.0.0.1") }
	for _, test := range []struct {
		name          string
		dials, listen *tls.Config
		good          bool
	}{
		{"a client and a node", alice.Identity().Dialling(isA), a.Identity().Listening(), true},
		{"a node and a client", a.Identity().Dialling(anybody), alice.Identity().Listening(), true},
		{"a client that is not the node it should be", a.Identity().Dialling(isA), alice.Identity().Listening(), false},
		{"a node of another authority", alice.Identity().Dialling(anybody), strangerA.Identity().Listening(), false},
		{"a client of another authority", &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{strangerAlice.Identity().Certificate}}, a.Identity().Listening(), false},
		{"nobody", &tls.Config{InsecureSkipVerify: true}, a.Identity().Listening(), false},
		{"an older TLS", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{alice.Identity().Certificate}}, a.Identity().Listening(), false},
	} {
		if err := shake(t, test.dials, test.listen); (err == nil) != test.good {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// shake lets two sides meet, and returns what either has against the other.
func shake(t *testing.T, dials, listens *tls.Config) error {
	t.Helper()
	one, two := connected(t)
	ended := make(chan error, 1)
	go func() {
		defer two.Close()
		server := tls.Server(two, listens)
		err := server.Handshake()
		if err == nil {
			_, err = server.Write([]byte{1})
		}
		ended <- err
	}()
	_, err := io.ReadFull(tls.Client(one, dials), make([]byte, 1))
	one.Close()
	if server := <-ended; server != nil {
		return server
	}
	return err
}

// connected returns both ends of a connection, whose system takes what is written
// although nobody reads it: both sides of TLS may have something to say at once.
func connected(t *testing.T) (one, two net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if one, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if two, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{one, two} {
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	}
	return one, two
}
