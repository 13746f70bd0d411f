package screen

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"lockstep/tests/pty"
)

// seat is a terminal that a test sits at.
type seat struct {
	t      *testing.T
	person *os.File // what the test types into
	device *os.File // what the program has

	mu  sync.Mutex
	all strings.Builder // that it has shown
}

func sitDown(t *testing.T, columns, rows uint16) *seat {
	t.Helper()
	person, device, err := pty.Open()
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	one := &seat{t: t, person: person, device: device}
	t.Cleanup(func() { device.Close(); person.Close() })
	one.resize(columns, rows)
	go func() {
		piece := make([]byte, 4096)
		for {
			n, err := person.Read(piece)
			if err != nil {
				return
			}
			one.mu.Lock()
			one.all.Write(piece[:n])
			one.mu.Unlock()
		}
	}()
	return one
}

func (o *seat) resize(columns, rows uint16) {
	o.t.Helper()
	if err := pty.Resize(o.person, columns, rows); err != nil {
		o.t.Fatal(err)
	}
}

func (o *seat) types(keys string) {
	o.t.Helper()
	if _, err := o.person.WriteString(keys); err != nil {
		o.t.Fatal(err)
	}
}

// sees waits until it has shown a text.
func (o *seat) sees(text string) {
	o.t.Helper()
	for end := time.Now().Add(watchdog); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		all := o.all.String()
		o.mu.Unlock()
		switch {
		case strings.Contains(all, text):
			return
		case time.Now().After(end):
			o.t.Fatalf("waited in vain for %q; there is %q", text, all)
		}
	}
}

func (o *seat) modes() unix.Termios {
	o.t.Helper()
	modes, err := unix.IoctlGetTermios(int(o.device.Fd()), getTermios)
	if err != nil {
		o.t.Fatal(err)
	}
	return *modes
}

const watchdog = 30 * time.Second

func next[T any](t *testing.T, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(watchdog):
		t.Fatal("nothing came")
	}
	return got
}

// TestAScreenGivesTheTerminalBack as it was, and shows pages and tells keys until
// then.
func TestAScreenGivesTheTerminalBack(t *testing.T) {
	o := sitDown(t, 40, 5)
	before := o.modes()
	s, err := Open(o.device, o.device)
	if err != nil {
		t.Fatal(err)
	}
	o.sees(enter)
	if now := o.modes(); now.Lflag&(unix.ICANON|unix.ECHO) != 0 || now.Lflag&unix.ISIG == 0 {
		t.Errorf("the terminal has the modes %+v", now)
	}
	if columns, rows := s.Size(); columns != 40 || rows != 5 {
		t.Errorf("it has %d columns and %d rows", columns, rows)
	}
	if err := s.Show([]string{"hello", strings.Repeat("x", 100)}); err != nil {
		t.Fatal(err)
	}
	o.sees("hello\x1b[K")
	o.sees("\n" + strings.Repeat("x", 40) + endFrame)
	o.types("a\x1b[A\r")
	for _, want := range []Key{"a", Up, Enter} {
		if got := next(t, s.Keys()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	o.types("\x1b") // alone, it is a key after a moment
	if got := next(t, s.Keys()); got != Escape {
		t.Errorf("got %q", got)
	}
	s.Close()
	o.sees(leave)
	if after := o.modes(); after != before {
		t.Errorf("it was %+v and is %+v", before, after)
	}
}

// TestAScreenTellsOfItsSize: the signal comes to the process that has the terminal.
func TestAScreenTellsOfItsSize(t *testing.T) {
	o := sitDown(t, 40, 5)
	s, err := Open(o.device, o.device)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	o.resize(20, 3)
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	next(t, s.Changed())
	if columns, rows := s.Size(); columns != 20 || rows != 3 {
		t.Errorf("it has %d columns and %d rows", columns, rows)
	}
	o.resize(0, 0) // as terminals say that do not know
	if columns, rows := s.Size(); columns != 80 || rows != 24 {
		t.Errorf("it has %d columns and %d rows", columns, rows)
	}
}

// TestAScreenNeedsNoKeyboard: its input may be a file.
func TestAScreenNeedsNoKeyboard(t *testing.T) {
	o := sitDown(t, 40, 5)
	nothing, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer nothing.Close()
	s, err := Open(nothing, o.device)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Show([]string{"hello"}); err != nil {
		t.Fatal(err)
	}
	o.sees("hello")
	s.Close()
	o.sees(leave)
}
