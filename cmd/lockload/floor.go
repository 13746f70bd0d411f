package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
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
	return askAndHear(conn, p, stop)
}

// floorRun is one client of the floor.
type floorRun struct {
	plan    floorPlan
	in      *bufio.Reader
	out     *bufio.Writer
	started time.Time
	took    *hdr.Histogram
	result  floorResult
}

// askAndHear measures over a connection to the first hop.
func askAndHear(conn io.ReadWriter, p floorPlan, stop <-chan struct{}) (floorResult, error) {
	r := &floorRun{
		plan: p, in: bufio.NewReaderSize(conn, bufferBytes), out: bufio.NewWriterSize(conn, bufferBytes),
		started: time.Now(), took: newHistogram(),
	}
	if p.outstanding == 1 {
		return r.pingPong(stop)
	}
	return r.pipeline(stop)
}

// pingPong has one request under way: no goroutine waits for another.
func (r *floorRun) pingPong(stop <-chan struct{}) (floorResult, error) {
	for {
		if err := errors.Join(r.ask(), r.out.Flush()); err != nil {
			return r.result, err
		}
		if done, err := r.hear(stop); done || err != nil {
			return r.result, err
		}
	}
}

// pipeline has many under way. Who asks and who hears are two goroutines, as in
// any program whose requests do not come from where its answers arrive; the slots
// that they pass to and fro keep the number of requests. Whatever can be asked at
// once leaves with one write.
func (r *floorRun) pipeline(stop <-chan struct{}) (floorResult, error) {
	slots := make(chan struct{}, r.plan.outstanding)
	for range r.plan.outstanding {
		slots <- struct{}{}
	}
	defer close(slots)
	go r.askAll(slots)
	for {
		if done, err := r.hear(stop); done || err != nil {
			return r.result, err
		}
		slots <- struct{}{}
	}
}

// askAll asks once for each slot, until there will be no more or the connection
// breaks, of which hear tells.
func (r *floorRun) askAll(slots <-chan struct{}) {
	for {
		more := true
		select {
		case _, more = <-slots:
		default:
			if r.out.Flush() != nil {
				return
			}
			_, more = <-slots
		}
		if !more || r.ask() != nil {
			return
		}
	}
}

// ask puts the time of asking into the request, which comes back as it is.
func (r *floorRun) ask() error {
	var request [requestBytes]byte
	binary.BigEndian.PutUint64(request[:], uint64(time.Since(r.started)))
	_, err := r.out.Write(request[:])
	return err
}

// hear takes one answer and reports whether it was the last.
func (r *floorRun) hear(stop <-chan struct{}) (done bool, err error) {
	var answer [requestBytes]byte
	if _, err := io.ReadFull(r.in, answer[:]); err != nil {
		return false, fmt.Errorf("the floor broke off: %w", err)
	}
	now := time.Since(r.started)
	if now >= r.plan.warmUp {
		_ = r.took.RecordValue(int64(now) - int64(binary.BigEndian.Uint64(answer[:])))
		r.result.Operations++
	}
	done = now >= r.plan.warmUp+r.plan.duration || r.result.Operations%1024 == 0 && isClosed(stop)
	if done {
		r.finish(now)
	}
	return done, nil
}

func (r *floorRun) finish(now time.Duration) {
	f := &r.result
	f.Outstanding, f.P50, f.P99 = r.plan.outstanding, micros(r.took.ValueAtQuantile(50)), micros(r.took.ValueAtQuantile(99))
	if measured := now - r.plan.warmUp; measured > 0 {
		f.Seconds = measured.Seconds()
		f.OpsPerSecond = float64(f.Operations) / f.Seconds
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
