package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "lockstep/api/lockstep/v1"
)

// attack is one way of being a nuisance at a public port.
type attack struct {
	name  string
	about string
	many  int  // attackers at once
	flood bool // of requests, by who has few due to it
	// why is what the node counts those under whom it refuses, if it must refuse some.
	why string
	// once is one attempt: it returns the status of an answer, 0 if there was none
	// because none was waited for, or an error.
	once func(ctx context.Context, a *attacker) (status int, err error)
}

// idleConnections is how many say nothing.
const idleConnections = 5000

// attacks are all that there are. Those who make them are not held up by anything
// but the node.
var attacks = []attack{
	{name: "flood", many: 64, flood: true, why: "rate",
		about: fmt.Sprintf("one principal to whom %d requests a second are due asks as fast as it can on 64 connections", ratePerFlood),
		once:  func(ctx context.Context, a *attacker) (int, error) { return a.send(ctx, a.one, "flood", small) }},
	{name: "streams", many: 256, flood: true, why: "rate", about: "the same as 256 streams of HTTP/2",
		once: func(ctx context.Context, a *attacker) (int, error) { return a.send(ctx, a.two, "streams", small) }},
	{name: "strangers", many: 64, why: "unauthenticated", about: "64 who show nothing",
		once: func(ctx context.Context, a *attacker) (int, error) { return a.send(ctx, a.one, "", small) }},
	{name: "certificates", many: 64, why: "handshake", about: "64 who show a certificate of another authority, over and over",
		once: func(ctx context.Context, a *attacker) (int, error) { return 0, a.shake(ctx) }},
	{name: "impatient", many: 64, why: "handshakes", about: "64 who connect and leave at once, over and over",
		once: func(ctx context.Context, a *attacker) (int, error) { return 0, a.leave(ctx) }},
	{name: "idle", many: idleConnections, why: "handshakes", about: fmt.Sprintf("%d connections that say nothing, opened again when they are closed", idleConnections),
		once: func(ctx context.Context, a *attacker) (int, error) { return 0, a.idle(ctx) }},
	{name: "slow", many: 200, about: "200 who ask for all locks and read nothing",
		once: func(ctx context.Context, a *attacker) (int, error) { return 0, a.readNothing(ctx, "slow") }},
	{name: "oversized", many: 32, why: "too_large", about: "32 who send a MiB with each request",
		once: func(ctx context.Context, a *attacker) (int, error) { return a.send(ctx, a.one, "oversized", huge) }},
	{name: "malformed", many: 32, why: "malformed", about: "32 who send half an object",
		once: func(ctx context.Context, a *attacker) (int, error) { return a.send(ctx, a.one, "malformed", broken) }},
}

// What is sent.
var (
	small  = `{"name":"load-attack"}`
	broken = `{"name":`
	huge   = `{"name":"` + strings.Repeat("x", 1<<20) + `"}`
)

func attackNamed(name string) (attack, bool) {
	for _, a := range attacks {
		if a.name == name {
			return a, true
		}
	}
	return attack{}, false
}

// tried is what came of an attack, by those who made it.
type tried struct {
	Attempts int64   `json:"attempts"`
	Served   int64   `json:"served"`
	Refused  int64   `json:"refused"`   // with an answer
	CutOff   int64   `json:"cut_off"`   // without one
	NotMade  int64   `json:"not_begun"` // no connection came about
	Seconds  float64 `json:"seconds"`
}

// attacker is one process that attacks.
type attacker struct {
	port   string
	tokens map[string]string
	dialer net.Dialer
	known  *tls.Config // who knows the nodes' authority, and shows nothing
	alien  *tls.Config // who shows what counts nowhere
	one    *http.Client
	two    *http.Client // of HTTP/2

	attempts, served, refused, cutOff, notMade atomic.Int64
}

// elsewhere is where attackers come from, so that they can be told from others.
var elsewhere = net.IPv4(127, 0, 0, 2)

func newAttacker(port string, g *gate) (*attacker, error) {
	a := &attacker{port: port, tokens: g.tokens, dialer: net.Dialer{LocalAddr: &net.TCPAddr{IP: elsewhere}, Timeout: 5 * time.Second}}
	var err error
	if a.known, err = g.encrypted(""); err != nil {
		return nil, err
	}
	if a.alien, err = g.encrypted(g.elsewhere()); err != nil {
		return nil, err
	}
	client := func(set func(*http.Protocols)) *http.Client {
		var p http.Protocols
		set(&p)
		return &http.Client{Transport: &http.Transport{
			DialContext: a.dial, TLSClientConfig: a.known.Clone(), Protocols: &p, MaxIdleConnsPerHost: 1024,
		}}
	}
	a.one = client(func(p *http.Protocols) { p.SetHTTP1(true) })
	a.two = client(func(p *http.Protocols) { p.SetHTTP2(true) })
	return a, nil
}

// dial leaves nothing behind when it is closed: ports are few.
func (a *attacker) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := a.dialer.DialContext(ctx, "tcp", a.port)
	if err != nil {
		a.notMade.Add(1)
		return nil, err
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	return conn, nil
}

// run attacks until the context ends.
func (a *attacker) run(ctx context.Context, what attack) tried {
	began := time.Now()
	var all sync.WaitGroup
	for range what.many {
		all.Go(func() {
			for ctx.Err() == nil {
				a.attempt(ctx, what)
			}
		})
	}
	all.Wait()
	return tried{
		Attempts: a.attempts.Load(), Served: a.served.Load(), Refused: a.refused.Load(), CutOff: a.cutOff.Load(),
		NotMade: a.notMade.Load(), Seconds: time.Since(began).Seconds(),
	}
}

// afterNothing is how long somebody pauses who was not even let begin, so that they
// do not only find out whether they can.
const afterNothing = 10 * time.Millisecond

func (a *attacker) attempt(ctx context.Context, what attack) {
	a.attempts.Add(1)
	status, err := what.once(ctx, a)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.cutOff.Add(1)
		time.Sleep(afterNothing)
	case status == http.StatusOK:
		a.served.Add(1)
	default:
		a.refused.Add(1)
	}
}

// send makes one request, as the principal of an attack or as nobody.
func (a *attacker) send(ctx context.Context, client *http.Client, who, body string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.at("Unlock"), strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+a.tokens[who])
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

func (a *attacker) at(method string) string {
	return "https://" + a.port + "/" + pb.LockServiceName + "/" + method
}

// shake begins an encrypted connection, and waits to be let in.
func (a *attacker) shake(ctx context.Context) error {
	conn, err := a.encrypt(ctx, a.alien)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1)) // with TLS 1.3 a client learns only now what became of it
	return err
}

func (a *attacker) encrypt(ctx context.Context, cfg *tls.Config) (*tls.Conn, error) {
	raw, err := a.dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	cfg.ServerName = "127.0.0.1"
	conn := tls.Client(raw, cfg)
	context.AfterFunc(ctx, func() { raw.Close() }) // it lasts no longer than the attack
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// leave begins a connection, and waits for nothing.
func (a *attacker) leave(ctx context.Context) error {
	conn, err := a.dial(ctx, "", "")
	if err != nil {
		return err
	}
	return conn.Close()
}

// idle holds a connection until it is closed.
func (a *attacker) idle(ctx context.Context) error {
	conn, err := a.dial(ctx, "", "")
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_, err = conn.Read(make([]byte, 1))
	return err
}

// slowly is how often somebody asks who reads nothing: all of them together as often
// as they may.
const slowly = 250 * time.Millisecond

// readNothing asks for all locks, again and again, and leaves the answers where they
// are, until it is cut off.
func (a *attacker) readNothing(ctx context.Context, who string) error {
	conn, err := a.encrypt(ctx, a.known)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	const ask = `{"page_size":1000}`
	out := bufio.NewWriter(conn)
	for err == nil && ctx.Err() == nil {
		fmt.Fprintf(out, "POST /%s/ListLocks HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			pb.LockServiceName, a.port, a.tokens[who], len(ask), ask)
		err = out.Flush()
		time.Sleep(slowly)
	}
	return err
}
