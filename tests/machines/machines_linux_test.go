package machines

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The test program is also what runs on the machines: it echoes.
const echoOn = "LOCKSTEP_TEST_ECHO"

func TestMain(m *testing.M) {
	if address := os.Getenv(echoOn); address != "" {
		echo(address)
	}
	os.Exit(m.Run())
}

func echo(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		if c, err := l.Accept(); err == nil {
			go io.Copy(c, c)
		}
	}
}

// indoors runs the test again where machines can be made, and reports whether
// this is that run.
func indoors(t *testing.T) bool {
	t.Helper()
	if Inside() {
		return true
	}
	switch said, err := Rerun(t.Name()); {
	case err == nil:
	case Refused(err):
		t.Skip("no machines here: it takes root, or user namespaces:", err)
	default:
		t.Errorf("%v\n%s", err, said)
	}
	return false
}

// startEcho starts a program that echoes on a machine.
func startEcho(t *testing.T, m *Machine) string {
	t.Helper()
	address := net.JoinHostPort(m.Address.String(), "7000")
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), echoOn+"="+address)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(command); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	return address
}

// says sends a word and returns how long its echo took.
func says(c net.Conn, word string, within time.Duration) (time.Duration, error) {
	began := time.Now()
	_ = c.SetDeadline(began.Add(within))
	if _, err := io.WriteString(c, word); err != nil {
		return 0, err
	}
	heard := make([]byte, len(word))
	_, err := io.ReadFull(c, heard)
	if err == nil && string(heard) != word {
		err = fmt.Errorf("heard %q for %q", heard, word)
	}
	return time.Since(began), err
}

func TestMachines(t *testing.T) {
	if !indoors(t) {
		return
	}
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	here, err := n.Here("here")
	if err != nil {
		t.Fatal(err)
	}
	there, err := n.Join("there")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", startEcho(t, there), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := says(c, "hello", 10*time.Second); err != nil {
		t.Fatal("a whole network:", err)
	}

	const delay = 30 * time.Millisecond
	n.Slow(here, there, delay, 0)
	n.Slow(there, here, delay, 0)
	if took, err := says(c, "slow", 10*time.Second); took < 2*delay || err != nil {
		t.Errorf("a slow network: %v, %v", took, err)
	}
	n.Mend()

	// The way there is cut: the word is not heard, and TCP brings it when it can.
	n.Cut(here, there)
	if _, err := says(c, "cut", 300*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a network cut one way: %v", err)
	}
	n.Heal(here, there)
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if heard := make([]byte, 3); readFull(c, heard) != nil || string(heard) != "cut" {
		t.Errorf("after healing: %q", heard)
	}
}

func readFull(c net.Conn, to []byte) error {
	_, err := io.ReadFull(c, to)
	return err
}

func TestDisk(t *testing.T) {
	if !indoors(t) {
		return
	}
	if _, err := New(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := Disk(dir, 1<<20); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("two megabytes on a disk of one: %v", err)
	}
}
