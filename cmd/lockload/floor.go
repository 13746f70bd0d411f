package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// floorResult is what raw TCP needs for the way that a request takes: client,
// primary, backup, primary, client. Nothing that is replicated before it is
// answered can be faster on this machine.
type floorResult struct {
	Outstanding  int     `json:"outstanding"`
	Seconds      float64 `json:"seconds"`
	Operations   int64   `json:"operations"`
	OpsPerSecond float64 `json:"ops_per_second"`
	P50          float64 `json:"p50_us"`
	P99          float64 `json:"p99_us"`
}

// floorPlan is how the floor is measured.
type floorPlan struct {
	outstanding      int // requests under way, all on one connection
	duration, warmUp time.Duration
}

// measureFloor starts the two hops, each a process of its own as the nodes are,
// measures, and stops them.
func measureFloor(p floorPlan, stop <-chan struct{}) (f floorResult, err error) {
	backup, err := startHop()
	if err != nil {
		return f, err
	}
	defer backup.stop()
	primary, err := startHop(backup.address)
	if err != nil {
		return f, err
	}
	defer primary.stop()
	conn, err := net.Dial("tcp", primary.address)
	if err != nil {
		return f, fmt.Errorf("the floor's primary does not answer: %w", err)
	}
	defer conn.Close()
	return pingPong(conn, p, stop)
}

// pingPong keeps so many requests under way, and sends a new one for each that
// comes back: as many with one write as came with one read. With one request it
// is a plain ping-pong.
func pingPong(conn io.ReadWriter, p floorPlan, stop <-chan struct{}) (f floorResult, err error) {
	in, out := bufio.NewReaderSize(conn, bufferBytes), bufio.NewWriterSize(conn, bufferBytes)
	started := time.Now()
	took := newHistogram()
	var request [requestBytes]byte
	ask := func() error {
		binary.BigEndian.PutUint64(request[:], uint64(time.Since(started)))
		_, err := out.Write(request[:])
		return err
	}
	for range p.outstanding {
		err = errors.Join(err, ask())
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return f, err
	}
	for end := p.warmUp + p.duration; ; {
		if _, err := io.ReadFull(in, request[:]); err != nil {
			return f, fmt.Errorf("the floor broke off: %w", err)
		}
		now := time.Since(started)
		if now >= end || f.Operations%1024 == 0 && isClosed(stop) {
			return f.of(p, now, took.ValueAtQuantile(50), took.ValueAtQuantile(99)), nil
		}
		if now >= p.warmUp {
			_ = took.RecordValue(int64(now) - int64(binary.BigEndian.Uint64(request[:])))
			f.Operations++
		}
		if err := ask(); err != nil {
			return f, err
		}
		if in.Buffered() < requestBytes {
			if err := out.Flush(); err != nil {
				return f, err
			}
		}
	}
}

func (f floorResult) of(p floorPlan, ended time.Duration, p50, p99 int64) floorResult {
	f.Outstanding, f.P50, f.P99 = p.outstanding, micros(p50), micros(p99)
	if measured := ended - p.warmUp; measured > 0 {
		f.Seconds = measured.Seconds()
		f.OpsPerSecond = float64(f.Operations) / f.Seconds
	}
	return f
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
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
	if err := cmd.Start(); err != nil {
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
