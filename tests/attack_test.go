package tests

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// helper is a process of the attacker program.
type helper struct {
	command *exec.Cmd
	input   io.WriteCloser
	lines   chan string
}

func startHelper(t *testing.T, program string, args ...string) *helper {
	t.Helper()
	h := &helper{command: exec.Command(program, args...), lines: make(chan string, 1000)}
	var err error
	if h.input, err = h.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := h.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors strings.Builder
	h.command.Stderr = &errors
	if err := h.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(h.lines)
		for s := bufio.NewScanner(output); s.Scan(); {
			h.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		h.command.Process.Kill()
		h.command.Wait()
		if errors.Len() > 0 {
			t.Logf("%v:\n%.4000s", args, errors.String())
		}
	})
	return h
}

// line waits for the next line of output that has a prefix.
func (h *helper) line(t *testing.T, prefix string) string {
	t.Helper()
	for timeout := time.After(30 * time.Second); ; {
		select {
		case line, ok := <-h.lines:
			if !ok {
				t.Fatalf("%v ended before it printed %q", h.command.Args[1:], prefix)
			}
			if strings.HasPrefix(line, "fooled") {
				t.Fatalf("%v: %s", h.command.Args[1:], line)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
			t.Logf("%v: %s", h.command.Args[1:], line)
		case <-timeout:
			t.Fatalf("%v did not print %q", h.command.Args[1:], prefix)
		}
	}
}

// Whatever a stranger sends to a node's port, the node goes on to serve: those
// who are connected, and those who come new.
func TestAttacks(t *testing.T) {
	// The program is built behind the back of `go test`, which would otherwise
	// believe an old result: what a test has looked at counts.
	for _, source := range []string{"attacker", "../remote", "../messages", "../actors"} {
		if _, err := os.ReadDir(source); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(t.TempDir(), "attacker")
	if out, err := exec.Command("go", "build", "-o", program, "./attacker").CombinedOutput(); err != nil {
		t.Fatalf("building the attacker: %v\n%s", err, out)
	}
	victim := startHelper(t, program, "victim")
	address := strings.TrimPrefix(victim.line(t, "ready "), "ready ")
	steady := startHelper(t, program, "steady", address)
	steady.line(t, "ready")

	serves := func(t *testing.T) {
		t.Helper()
		out, err := exec.Command(program, "check", address).CombinedOutput()
		if err != nil {
			t.Fatalf("the victim does not serve: %v\n%s", err, out)
		}
		t.Logf("a new client was %s", out)
		io.WriteString(victim.input, "\n")
		t.Log(victim.line(t, "refusals"))
	}
	serves(t)
	for _, attack := range []string{"system", "forge", "indexes", "types", "calls", "garbage", "huge"} {
		t.Run(attack, func(t *testing.T) {
			began := time.Now()
			if out, err := exec.Command(program, attack, address).CombinedOutput(); err != nil {
				t.Errorf("the attack itself failed: %v\n%s", err, out)
			}
			t.Logf("the attack took %v", time.Since(began))
			serves(t)
		})
	}
	t.Run("idle", func(t *testing.T) {
		idle := startHelper(t, program, "idle", address)
		t.Log(idle.line(t, "holding"))
		serves(t)
		idle.input.Close()
		idle.command.Wait()
		serves(t)
	})
	steady.input.Close()
	t.Log("meanwhile:", steady.line(t, ""))
}
