//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package screen

import (
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Screen is a terminal. Its methods are for one goroutine.
type Screen struct {
	in, out *os.File
	before  *unix.Termios // of in; nil if that is no terminal
	keys    chan Key
	changed chan struct{}
	quit    chan struct{}
	done    sync.WaitGroup
	mu      sync.Mutex // writing, and leaving for a while
}

// Open takes the terminal that out writes to, and reads keys from in if that is
// one, too.
func Open(in, out *os.File) (*Screen, error) {
	s := &Screen{in: in, out: out, keys: make(chan Key, 64), changed: make(chan struct{}, 1), quit: make(chan struct{})}
	if before, err := unix.IoctlGetTermios(int(in.Fd()), getTermios); err == nil {
		s.before = before
	}
	if err := s.take(); err != nil {
		s.giveBack()
		return nil, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGWINCH, unix.SIGTSTP)
	s.done.Go(func() { s.heed(signals) })
	if s.before != nil {
		go s.read()
	}
	return s, nil
}

// Keys are those that are pressed. There are none without a terminal to read from.
func (s *Screen) Keys() <-chan Key { return s.keys }

// Changed says that the page has to be shown again: the terminal has another size,
// or has shown something else for a while.
func (s *Screen) Changed() <-chan struct{} { return s.changed }

// Size is how many columns and rows there are.
func (s *Screen) Size() (columns, rows int) {
	size, err := unix.IoctlGetWinsize(int(s.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// Show shows a page. What does not fit is cut off.
func (s *Screen) Show(lines []string) error {
	columns, rows := s.Size()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.WriteString(s.out, frame(lines, columns, rows))
	return err
}

// Close gives the terminal back as it was.
func (s *Screen) Close() {
	close(s.quit)
	s.done.Wait()
	s.giveBack()
}

// take has the terminal send keys as they are pressed, and not show them. Control-C
// and control-Z mean what they always do.
func (s *Screen) take() error {
	if s.before != nil {
		now := *s.before
		now.Lflag &^= unix.ICANON | unix.ECHO
		now.Iflag &^= unix.ICRNL
		now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
		if err := unix.IoctlSetTermios(int(s.in.Fd()), setTermios, &now); err != nil {
			return err
		}
	}
	_, err := io.WriteString(s.out, enter)
	return err
}

func (s *Screen) giveBack() {
	_, _ = io.WriteString(s.out, leave) // a terminal that is gone needs nothing
	if s.before != nil {
		_ = unix.IoctlSetTermios(int(s.in.Fd()), setTermios, s.before)
	}
}

// heed follows the terminal's size, and lets go of it while the process is stopped.
func (s *Screen) heed(signals chan os.Signal) {
	defer signal.Stop(signals)
	for {
		select {
		case one := <-signals:
			if one == unix.SIGTSTP {
				s.suspend()
			}
			select {
			case s.changed <- struct{}{}:
			default:
			}
		case <-s.quit:
			return
		}
	}
}

// suspend returns when somebody has brought the process back. It waits for that:
// a process runs on for a moment after it was told to stop, and what it wrote then
// would be seen in the shell.
func (s *Screen) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := make(chan os.Signal, 1)
	signal.Notify(back, unix.SIGCONT)
	defer signal.Stop(back)
	s.giveBack()
	_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
	<-back
	_ = s.take()
}

// keyGap is how long a terminal may take between the parts of one key.
const keyGap = 50 * time.Millisecond

// read turns what the terminal sends into keys. It ends with the terminal, and
// else with the process: nothing can wake up who reads from one.
func (s *Screen) read() {
	sent := make(chan []byte)
	go func() {
		defer close(sent)
		for {
			piece := make([]byte, 256)
			n, err := s.in.Read(piece)
			if err != nil {
				return
			}
			sent <- piece[:n]
		}
	}()
	var rest []byte
	for {
		var gap <-chan time.Time
		if len(rest) > 0 {
			gap = time.After(keyGap)
		}
		var keys []Key
		select {
		case piece, ok := <-sent:
			if !ok {
				return
			}
			keys, rest = decode(append(rest, piece...), true)
		case <-gap:
			keys, rest = decode(rest, false)
		}
		for _, key := range keys {
			select {
			case s.keys <- key:
			case <-s.quit:
				return
			}
		}
	}
}
