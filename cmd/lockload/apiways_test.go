package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"lockstep"
	"lockstep/api"
	pb "lockstep/api/lockstep/v1"
	"lockstep/cmd/internal/cli"
	"lockstep/locktest"
)

func TestTheAPIBesideTheGoClient(t *testing.T) {
	for name, nodes := range map[string][]string{"embedded": nil, "given": givenAPI(t)} {
		t.Run(name, func(t *testing.T) {
			if name == "embedded" && raceEnabled {
				t.Skip("remoting that starts sets gRPC's logger, while that of another test still closes connections")
			}
			args := append([]string{"api", "-callers", "1,20", "-duration", "300ms", "-warm-up", "50ms", "-runs", "2", "--json"}, nodes...)
			stdout, stderr, code := lockload(args...)
			var r apiReport
			if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != cli.OK || !r.OK || len(r.At) != 2 {
				t.Fatalf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
			}
			for _, c := range r.At {
				for i, s := range c.Sides {
					if s.Name != ways[i].name || s.operations() < 20 || s.Ratio.Median <= 0 || (s.Ratio.Median == 1) != (i == 0) {
						t.Errorf("%d callers, %s: %d operations, %v of the Go client's", c.Callers, s.Name, s.operations(), s.Ratio)
					}
					for _, run := range s.Runs {
						if run.Errors > 0 || run.Refusals > 0 {
							t.Errorf("%d callers, %s: %v, %d refusals", c.Callers, s.Name, run.ErrorKinds, run.Refusals)
						}
					}
				}
			}
		})
	}
}

// givenAPI are the flags for a cluster that runs already, of which one node has a
// socket with a path.
func givenAPI(t *testing.T) []string {
	t.Helper()
	c := locktest.StartCluster(t, 3)
	c.AwaitReady()
	agents, address := c.StartAgents(1), "unix:"+filepath.Join(t.TempDir(), "s")
	server, err := api.Listen(api.ServerConfig{
		Address: address, Log: slog.New(slog.DiscardHandler), Ready: func(ctx context.Context) error { return api.CanGrant(ctx, agents) },
	})
	if err != nil {
		t.Fatal(err)
	}
	api.Mount(server, agents)
	server.Serve()
	t.Cleanup(func() { _ = server.Stop(time.Second) })
	return []string{"-nodes", strings.Join(c.Addresses(), ","), "-api", address}
}

func TestTheTableOfTheAPI(t *testing.T) {
	p := newProgram()
	p.callersAt = []int{64}
	r := p.newAPIReport(&service{kind: "spawned", nodes: []string{"a:1", "b:2"}}, entry{address: "c:3"})
	for i, s := range r.At[0].Sides {
		for run := range 3 {
			one := result{Operations: 1000, OpsPerSecond: float64(run+1) * 1000 / float64(i+1), All: verbResult{P50: 10 * float64(i+1), P99: 90}}
			one.CPU = &cpuResult{Client: 0.01, Nodes: []nodeCPU{{PID: 1, Seconds: 0.02}, {PID: 2, Seconds: 0.01}}}
			s.Runs = append(s.Runs, one)
		}
	}
	r.finish()
	var out strings.Builder
	r.write(&out)
	for _, want := range []string{
		"spawned nodes a:1 and b:2, API at c:3, leases with own names, medians of 3 runs\n",
		"| 64      | Go client | 2,000 (1,000 to 3,000) | 10.0 µs | 90.0 µs |                             |            | 10.0 µs, 30.0 µs ",
		"| 64      | gRPC      | 1,000 (500 to 1,500)   | 20.0 µs | 90.0 µs | 0.50 (0.50 to 0.50)         | 2.00 times ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if err := r.failure(); err != nil || !r.OK {
		t.Errorf("%v, %v", err, r.OK)
	}
	r.At[0].Sides[2].Runs[1].Stuck = 1
	r.At[0].Sides[2].Runs[1].CPU = nil
	out.Reset()
	r.finish()
	r.write(&out)
	if r.failure() == nil || r.OK || !strings.Contains(out.String(), "64 callers, JSON, run 2: 0 errors, 1 not going again at the end") {
		t.Errorf("callers that are stuck are no failure:\n%s", out.String())
	}
	if got := r.At[0].Sides[2].costs(); got != "-" {
		t.Errorf("what nobody saw is %s", got)
	}
}

// speech is a speaker whose answers a test makes up.
type speech func(method string, ask, answer proto.Message) error

func (s speech) call(_ context.Context, method string, ask, answer proto.Message) error {
	return s(method, ask, answer)
}
func (speech) hangUp() {}

// A lease of the API lasts for as long as its session is certain to, which counts
// from the sending of what kept it alive.
func TestASessionOfTheAPIIsBelievedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slow = time.Second // of each answer
		var beats atomic.Int64
		var fails atomic.Pointer[error]
		fail := func(err error) { fails.Store(&err) }
		fail(nil)
		s, err := openSession(speech(func(method string, _, answer proto.Message) error {
			switch answer := answer.(type) {
			case *pb.OpenSessionResponse:
				answer.Session = "00000000000000aa"
			case *pb.TryAcquireResponse:
				answer.Token = 7
			case *pb.KeepAliveResponse:
				time.Sleep(slow)
				beats.Add(1)
				return *fails.Load()
			}
			return nil
		}), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		held, err := apiTenant{s}.acquire(t.Context(), want{name: "x"})
		if err != nil || held.token() != 7 {
			t.Fatalf("got %v, %v", held, err)
		}
		time.Sleep(apiTTL/3 + slow)
		synctest.Wait()
		if got := held.remaining(); beats.Load() != 1 || got != apiBelieved-slow {
			t.Errorf("after %d signs of life it is certain for %v, want %v", beats.Load(), got, apiBelieved-slow)
		}
		fail(errSilence)
		time.Sleep(apiBelieved)
		if !errors.Is(held.err(), lockstep.ErrLost) {
			t.Error("it is believed in although nobody answers")
		}
		fail(nil)
		time.Sleep(apiTTL / 2)
		if held.err() != nil {
			t.Error("it is not believed in although the session lived")
		}
		fail(lockstep.ErrSessionExpired)
		time.Sleep(apiTTL / 2)
		if !errors.Is(held.err(), lockstep.ErrLost) {
			t.Error("it is believed in although the session has expired")
		}
		if err := held.release(t.Context()); !errors.Is(err, lockstep.ErrLost) {
			t.Errorf("what was not held is released: %v", err)
		}
		s.close(slog.New(slog.DiscardHandler))
	})
}
