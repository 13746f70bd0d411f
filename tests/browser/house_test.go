package browser

import (
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"lockstep/tests/cluster"

	pb "lockstep/api/lockstep/v1"
)

// house is three nodes with pages.
type house struct {
	*testing.T
	*cluster.Cluster
	pages []string // their addresses, without what comes after the port
	token string   // shown by the clients of the house, if there are rules
	door  int      // the node that they ask
}

// build starts three nodes, and returns when they are a cluster. They keep all in
// memory: what is on disk is not seen on a page.
func build(t *testing.T, flags ...string) *house {
	t.Helper()
	cfg := cluster.Config{Lockd: program(t), Dir: t.TempDir(), Flags: append([]string{"-durability", "memory"}, flags...)}
	h := &house{T: t}
	for range 3 {
		cfg.Addresses = append(cfg.Addresses, free(t))
		api := free(t)
		cfg.APIs = append(cfg.APIs, api)
		h.pages = append(h.pages, "http://"+api)
	}
	var err error
	h.Cluster, err = cluster.Start(t.Context(), cfg)
	t.Cleanup(func() {
		h.Stop()
		if t.Failed() {
			for _, n := range h.Nodes {
				t.Logf("node %s said:\n%s", n.Name, n.Said())
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func free(t *testing.T) string {
	t.Helper()
	address, err := cluster.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// primary is the place of the node that serves, and backup that of one that does not.
func (h *house) primary() int {
	h.Helper()
	n, err := h.Primary(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	for i := range h.Nodes {
		if h.Nodes[i] == n {
			return i
		}
	}
	panic("a primary that is none of the nodes")
}

func (h *house) backup() int { return (h.primary() + 1) % len(h.Nodes) }

// api is the public port at which the house's clients ask.
func (h *house) api() pb.LockServiceClient {
	return pb.NewLockServiceClient(&http.Client{Transport: bearer{h.token, http.DefaultTransport}}, h.pages[h.door])
}

// bearer shows a token with each request, if there is one.
type bearer struct {
	token string
	http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.RoundTripper.RoundTrip(r)
}

// longest is the TTL of sessions that nobody keeps alive in a test.
const longest = time.Hour

// someone is a client that others see by a name.
type someone struct {
	*house
	session string
	slot    uint32
}

// client opens a session of somebody at a host, who does something. It outlives the
// test: nobody keeps it alive.
func (h *house) client(user, host, command string) *someone {
	h.Helper()
	opened, err := h.api().OpenSession(h.Context(), &pb.OpenSessionRequest{
		Ttl: durationpb.New(longest), Info: map[string]string{"user": user, "host": host, "pid": "7", "command": command},
	})
	if err != nil {
		h.Fatal(err)
	}
	return &someone{house: h, session: opened.GetSession()}
}

// takes takes a lock that is free, and returns its token.
func (c *someone) takes(name string) uint64 {
	c.Helper()
	got, err := c.api().TryAcquire(c.Context(), &pb.TryAcquireRequest{Session: c.session, Name: name, Terms: &pb.Terms{Sequential: true}})
	if err != nil || got.GetToken() == 0 {
		c.Fatalf("%q is not granted: %v, %v", name, got, err)
	}
	return got.GetToken()
}

// waits begins to wait for a lock that somebody has, even if that is for ever.
func (c *someone) waits(name string) {
	c.Helper()
	c.slot++
	got, err := c.api().TryAcquire(c.Context(), &pb.TryAcquireRequest{
		Session: c.session, Name: name, Slot: c.slot, Number: 1, Wait: durationpb.New(1),
		Terms: &pb.Terms{Sequential: true, AllowDeadlock: true},
	})
	if err != nil || !got.GetWaiting() {
		c.Fatalf("nobody waits for %q: %v, %v", name, got, err)
	}
}

func (c *someone) releases(name string, token uint64) {
	c.Helper()
	got, err := c.api().Release(c.Context(), &pb.ReleaseRequest{Session: c.session, Name: name, Token: token})
	if err != nil || !got.GetReleased() {
		c.Fatalf("%q is not released: %v, %v", name, got, err)
	}
}

// leaves closes the session.
func (c *someone) leaves() {
	c.Helper()
	if _, err := c.api().CloseSession(c.Context(), &pb.CloseSessionRequest{Session: c.session}); err != nil {
		c.Fatal(err)
	}
}

// ready waits until a node can grant locks.
func ready(t *testing.T, client *http.Client, page string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(page + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("%s is not ready: %v, %v", page, answer, err)
		}
	}
}
