package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"

	"lockstep/internal/leash"
)

// hopMode is the first argument of a process that is one hop of the floor. It is
// not for people.
const hopMode = "floor-hop"

// requestBytes is what a request takes on the floor's connections, and bufferBytes
// what one write may carry.
const (
	requestBytes = 64
	bufferBytes  = 64 << 10
)

// runHop is the whole of such a process: it says where it listens, takes one
// connection, and passes requests on to the next hop and what comes back from
// there to the one before. The last hop sends everything back. It ends with its
// standard input, that is with its parent, however that ends.
func runHop(next []string) int {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := hop(next); err != nil {
		fmt.Fprintf(os.Stderr, "lockload: a hop of the floor: %v\n", err)
		return 1
	}
	return 0
}

func hop(next []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	before, err := l.Accept()
	if err != nil {
		return err
	}
	if len(next) == 0 {
		relay(before, before)
		return nil
	}
	after, err := net.Dial("tcp", next[0])
	if err != nil {
		return err
	}
	go relay(after, before)
	relay(before, after)
	return nil
}

// relay looks at every request, as a service must, and writes as many at once as
// came at once. It ends with either connection: should that be too early, the
// client tells.
func relay(from io.Reader, to io.Writer) {
	in, out := bufio.NewReaderSize(from, bufferBytes), bufio.NewWriterSize(to, bufferBytes)
	var request [requestBytes]byte
	for {
		if _, err := io.ReadFull(in, request[:]); err != nil {
			return
		}
		if _, err := out.Write(request[:]); err != nil {
			return
		}
		if in.Buffered() < requestBytes && out.Flush() != nil {
			return
		}
	}
}

// hopProcess is a hop that runs.
type hopProcess struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	address string
}

// startHop runs this program again, as a hop.
func startHop(next ...string) (*hopProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append([]string{hopMode}, next...)...)
	cmd.Stderr = os.Stderr
	apart(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := leash.Start(cmd); err != nil {
		return nil, fmt.Errorf("cannot start a hop of the floor: %w", err)
	}
	h := &hopProcess{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		h.stop()
		return nil, fmt.Errorf("a hop of the floor does not say where it listens: %w", err)
	}
	h.address = strings.TrimSpace(line)
	return h, nil
}

// stop ends the process by its id. It holds nothing worth a farewell.
func (h *hopProcess) stop() {
	h.stdin.Close()
	_ = h.cmd.Process.Kill() // it may have gone already
	_ = h.cmd.Wait()         // and was killed, which counts as an error
}
