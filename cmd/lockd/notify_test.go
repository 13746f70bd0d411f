package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/replica"
)

// heard is a herald and the socket that it talks to.
type heard struct {
	*herald
	socket *net.UnixConn
}

func newHeard(t *testing.T, watchdog string, ask func(context.Context) ([]replica.Status, error)) heard {
	t.Helper()
	dir, err := os.MkdirTemp("", "herald") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	environment := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": watchdog}
	h, err := newHerald(func(name string) string { return environment[name] }, ask)
	if err != nil {
		t.Fatal(err)
	}
	return heard{h, socket}
}

// next is what was told last, a word each.
func (h heard) next(t *testing.T) []string {
	t.Helper()
	b := make([]byte, 4096)
	_ = h.socket.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := h.socket.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b[:n]), "\n")
}

func TestAHeraldTellsWhenItIsReadyAndHowItStands(t *testing.T) {
	status := replica.Status{Name: "a", Role: replica.Joining}
	h := newHeard(t, "", func(context.Context) ([]replica.Status, error) { return []replica.Status{status}, nil })
	look := func(want ...string) {
		t.Helper()
		words := h.look()
		if !slices.Equal(words, want) {
			t.Errorf("told %q, want %q", words, want)
		}
	}
	look("STATUS=a is joining")
	look()
	status.Role, status.View = replica.Electing, 3
	look("STATUS=a is electing in view 3")
	status.Role = replica.Backup
	look("STATUS=a is backup in view 3", "READY=1")
	look()
	status.Role, status.View = replica.Primary, 4
	look("STATUS=a is primary in view 4")

	over := make(chan struct{})
	close(over)
	status.View = 5
	h.run(over)
	if told := h.next(t); !slices.Equal(told, []string{"STATUS=a is primary in view 5"}) {
		t.Errorf("told %q", told)
	}
	if told := h.next(t); told[0] != "STOPPING=1" {
		t.Errorf("told %q at the end", told)
	}
}

// TestNobodyPatsTheDogForActorsThatAreStuck: the process must be restarted then.
func TestNobodyPatsTheDogForActorsThatAreStuck(t *testing.T) {
	stuck := false
	h := newHeard(t, "80000", func(ctx context.Context) ([]replica.Status, error) {
		if stuck {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return []replica.Status{{Name: "a", Role: replica.Joining}}, nil
	})
	if !slices.Contains(h.look(), "WATCHDOG=1") {
		t.Error("actors answer, and nobody was told")
	}
	if !slices.Contains(h.look(), "WATCHDOG=1") {
		t.Error("actors answer again, and nobody was told")
	}
	stuck = true
	if words := h.look(); !slices.Equal(words, []string{"STATUS=" + context.DeadlineExceeded.Error()}) {
		t.Errorf("actors are stuck, and told was %q", words)
	}
	stuck = false
	if !slices.Contains(h.look(), "WATCHDOG=1") {
		t.Error("actors answer after all, and nobody was told")
	}
}

func TestWhoWantsToBeTold(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for _, test := range []struct {
		micros, pid string
		want        time.Duration
	}{
		{"", "", 0}, {"0", "", 0}, {"-5", "", 0}, {"soon", "", 0},
		{"3000000", "", 3 * time.Second}, {"3000000", self, 3 * time.Second}, {"3000000", self + "0", 0},
	} {
		environment := map[string]string{"WATCHDOG_USEC": test.micros, "WATCHDOG_PID": test.pid}
		if got := watchdog(func(name string) string { return environment[name] }); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
	if h, err := newHerald(func(string) string { return "" }, nil); h != nil || err != nil {
		t.Errorf("nobody wants to be told: got %v, %v", h, err)
	}
	if h, err := newHerald(func(string) string { return "/nowhere/socket" }, nil); h != nil || err == nil {
		t.Errorf("there is no such socket: got %v, %v", h, err)
	}
}
