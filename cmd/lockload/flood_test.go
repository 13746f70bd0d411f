package main

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/doors/access"
	"lockstep/trust"
)

// An attack is made by another process, which says what came of it.
func TestAnAttackerIsToldAndTells(t *testing.T) {
	g, port, came := openGate(t)
	a, err := send(attack{name: "idle"}, port, g)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.attack(); err != nil {
		t.Fatal(err)
	}
	<-came
	tells, err := a.callOff()
	if err != nil || tells.Attempts < 1 || tells.Seconds <= 0 {
		t.Errorf("%+v, %v", tells, err)
	}
	var said strings.Builder
	if err := assault(bufio.NewReader(strings.NewReader(`{"Attack":"rain"}`+"\n")), &said); err == nil || !strings.Contains(err.Error(), `"rain"`) {
		t.Errorf("an attack that there is not: %v, %s", err, &said)
	}
	if _, err := send(attack{name: "rain"}, port, g); err == nil {
		t.Error("an attacker is ready for an attack that there is not")
	}
}

// openGate is a gate, and a port at which everybody is cut off, with who has come.
func openGate(t *testing.T) (*gate, string, <-chan net.Addr) {
	t.Helper()
	g, err := newGate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	came := make(chan net.Addr, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case came <- conn.RemoteAddr():
			default:
			}
			conn.Close()
		}
	}()
	return g, l.Addr().String(), came
}

// What a gate has is what nodes take, and what it tells nobody stands in no file of
// theirs.
func TestAGate(t *testing.T) {
	g, _, _ := openGate(t)
	text, err := os.ReadFile(filepath.Join(g.dir, "access"))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := access.Parse("access", text)
	if err != nil {
		t.Fatal(err)
	}
	if !policy.MayAll(friend, access.Admin, "") || policy.LimitsOf(friend).Rate != 0 || policy.LimitsOf("flood").Rate != ratePerFlood ||
		policy.LimitsOf("slow") != access.DefaultLimits {
		t.Errorf("the rules are others:\n%s", text)
	}
	for who, secret := range g.tokens {
		if name, ok := policy.Who(secret); !ok || name != who || strings.Contains(string(text), secret) {
			t.Errorf("%s is known as %q", who, name)
		}
	}
	for _, f := range []trust.Files{g.files("node"), g.files(friend)} {
		if _, err := trust.Open(f, nil); err != nil {
			t.Error(err)
		}
	}
	known, err := g.encrypted("")
	if err != nil || len(known.Certificates) != 0 {
		t.Errorf("%v, %v", known, err)
	}
	alien, err := g.encrypted(g.elsewhere())
	if err != nil || len(alien.Certificates) != 1 || !alien.RootCAs.Equal(known.RootCAs) {
		t.Errorf("%v, %v", alien, err)
	}
}

// A pace is kept, and who was late goes on at once.
func TestAPaceIsKept(t *testing.T) {
	late := &toy{fault: func(asked int, _ verb, _ string, _ map[string]bool) (fault, bool) {
		if asked == 101 { // the first of a round
			time.Sleep(95 * time.Millisecond)
		}
		return fault{}, false
	}}
	synctest.Test(t, func(t *testing.T) {
		p := plan{pace: 10 * time.Millisecond, duration: time.Second, timeout: time.Minute}
		r := newLoad(p, late.members(1)).run(nil, nil, func(string) {}, func() cpuTimes { return nil }).result()
		if r.Operations < 2*99 || r.Operations > 2*101 {
			t.Errorf("%d operations in a second, want two each 10 ms", r.Operations)
		}
	})
}

func TestTheTableOfAttacks(t *testing.T) {
	p := newProgram()
	if len(p.attacks) != len(attacks) {
		t.Fatalf("%d attacks by default", len(p.attacks))
	}
	p.attacks = p.attacks[:1]
	r := p.newFloodReport(&scene{service: &service{nodes: []string{"a:1", "b:2"}}, entry: entry{address: "c:3"}})
	row := r.Attacks[0]
	p99 := func(us float64) (all []result) {
		for range ways {
			all = append(all, result{Operations: 10, All: verbResult{P99: us}})
		}
		return all
	}
	for run := range 3 {
		scale := float64(run + 1)
		row.add(p99(1000), p99(1000*scale), tried{Attempts: 5000, Seconds: 2}, map[string]int64{"rate": 5}, map[string]int64{"rate": 15, "slow": 0})
	}
	r.finish()
	var out strings.Builder
	r.write(&out)
	for _, want := range []string{
		"nodes a:1 and b:2; c:3 is attacked; 8 callers of each way, medians of 3 runs",
		"| 2,500          | rate 30             | 1.00 ms, 2.00 ms, 2.00 (1.00 to 3.00) |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if err := r.failure(); err != nil || !r.OK {
		t.Errorf("%v, %v", err, r.OK)
	}
	row.Beside[2].Under[1].Errors, row.Beside[2].Under[1].ErrorKinds = 2, kinds{"no answer in time": 2}
	r.finish()
	if err := r.failure(); err == nil || r.OK || !strings.Contains(err.Error(), "JSON: 2 requests had no answer: 2 × no answer in time") {
		t.Errorf("got %v", err)
	}
	var none io.Reader = strings.NewReader("")
	if runAttacker(none, io.Discard) == 0 {
		t.Error("an attacker without an order is content")
	}
}
