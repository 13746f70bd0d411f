package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hall is a server in a bubble with room for sixteen: it is crowded with twelve, and two
// strangers are few.
type hall struct {
	t       *testing.T
	network *pipes
	crowd   *crowd
	server  *Server
	told    chan Turned
	goOn    chan struct{} // ends the requests for /wait
}

func inHall(t *testing.T, story func(*hall)) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{t: t, network: newPipes(), told: make(chan Turned, 100), goOn: make(chan struct{})}
		cfg := config("bubble")
		cfg.Turned = func(t Turned) { h.told <- t }
		cfg.Door = func(inside http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.Header.Get("Authorization") {
				case "":
				case "none":
					Strange(r.Context())
				default:
					Known(r.Context())
				}
				inside.ServeHTTP(w, r)
			})
		}
		h.crowd = newCrowd(h.network, 16, func(net.Addr) bool { return true }, cfg.Turned)
		h.server = newServer(cfg, h.crowd)
		h.server.Handle("/", http.HandlerFunc(nothing))
		h.server.Handle("/wait", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-h.goOn }))
		h.server.Serve()
		story(h)
		close(h.goOn)
		_ = h.server.Stop(0)
		_ = h.server.http.Close()
	})
}

// visitor is somebody with a connection.
type visitor struct {
	net.Conn
	h    *hall
	gone atomic.Bool
	read *io.PipeReader
}

// comes is a new connection, a moment after the one before.
func (h *hall) comes() *visitor {
	v := &visitor{Conn: h.network.dial(), h: h}
	var answers *io.PipeWriter
	v.read, answers = io.Pipe()
	go func() {
		_, err := io.Copy(answers, v.Conn)
		v.gone.Store(true)
		_ = answers.CloseWithError(err)
	}()
	h.t.Cleanup(func() { _ = v.Close(); _ = v.read.Close() })
	h.passes(time.Millisecond)
	return v
}

func (h *hall) passes(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// asks for a path, with a header if there is one.
func (v *visitor) asks(path, header string) *visitor {
	_, _ = io.WriteString(v, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+header+"\r\n")
	v.h.passes(0)
	return v
}

// isAnswered asks, and gets an answer.
func (v *visitor) isAnswered(header string) *visitor {
	v.h.t.Helper()
	v.asks("/", header)
	answer, err := http.ReadResponse(bufio.NewReader(v.read), nil)
	if err != nil {
		v.h.t.Fatalf("no answer: %v", err)
	}
	_ = answer.Body.Close()
	v.h.passes(0)
	return v
}

const (
	token = "Authorization: Bearer x\r\n"
	none  = "Authorization: none\r\n"
)

// leave holds those who have had to leave against those who should.
func (h *hall) leave(when string, all, want []*visitor) {
	h.t.Helper()
	h.passes(0)
	for i, v := range all {
		if v.gone.Load() != slices.Contains(want, v) {
			h.t.Errorf("%s: number %d of %d has gone: %t", when, i+1, len(all), v.gone.Load())
		}
	}
}

// TestWhoIdlesMakesRoom: he who does so for longest, strangers before those who are known,
// and nobody who waits for an answer; each is told of once, as what he is.
func TestWhoIdlesMakesRoom(t *testing.T) {
	inHall(t, func(h *hall) {
		known := h.comes().isAnswered(token)
		waits := h.comes().asks("/wait", "")
		all := []*visitor{known, waits, h.comes().isAnswered("")}
		for len(all) < 12 {
			all = append(all, h.comes()) // and says nothing
		}
		h.leave("twelve", all, nil)
		all[2].isAnswered("") // is at the end of the line again
		all = append(all, h.comes())
		h.leave("thirteen", all, all[3:4])
		all = append(all, h.comes())
		h.leave("fourteen", all, all[3:5])
		if len(h.told) != 2 {
			t.Fatalf("told of %d", len(h.told))
		}
		if got := <-h.told; got.Why != NoRoom || !strings.Contains(got.What, "closed to make room") {
			t.Errorf("told %+v", got)
		}
		known.isAnswered("")
		for range 20 {
			all = append(all, h.comes())
		}
		if known.gone.Load() || waits.gone.Load() {
			t.Errorf("who is known has gone: %t; who waits for an answer: %t", known.gone.Load(), waits.gone.Load())
		}
	})
}

// TestAFewStrangersComeToTheirWord: in a house full of those who are known, where each who
// comes is a stranger until he has asked; and more than a few push out nobody else.
func TestAFewStrangersComeToTheirWord(t *testing.T) {
	inHall(t, func(h *hall) {
		var all []*visitor
		for range 12 {
			all = append(all, h.comes().isAnswered(token))
		}
		h.passes(idleLong)
		for range 3 {
			all = append(all, h.comes())
		}
		h.leave("three strangers", all, nil)
		all = append(all, h.comes())
		h.leave("a fourth", all, all[12:13])
		all[13].isAnswered(token) // and is one of the known from then on
		all = append(all, h.comes())
		h.leave("a stranger who became known", all, all[12:13])
		all = append(all, h.comes())
		h.leave("more than a few again", all, []*visitor{all[12], all[14]})
		h.passes(headerWithin)
		before := h.crowd.idlers.strangers.Len()
		if before != 0 {
			t.Errorf("%d strangers are left who said nothing", before)
		}
	})
}

// TestAStrangerHasHadHisTime: one of few leaves before who is known, when a request would
// have come long ago.
func TestAStrangerHasHadHisTime(t *testing.T) {
	inHall(t, func(h *hall) {
		var all []*visitor
		for range 11 {
			all = append(all, h.comes().isAnswered(token))
		}
		h.passes(idleLong)
		all = append(all, h.comes().isAnswered(""))
		h.passes(headerWithin - time.Millisecond)
		all = append(all, h.comes())
		h.leave("a moment too early", all, nil)
		all = append(all, h.comes())
		h.leave("in time", all, all[11:12])
	})
}

// TestWhoIsKnownLeavesLast: when all the room is taken by those who are, and not before,
// however long they idle; and as long as they ask, who comes is sent away.
func TestWhoIsKnownLeavesLast(t *testing.T) {
	inHall(t, func(h *hall) {
		var all []*visitor
		for range 16 {
			all = append(all, h.comes().isAnswered(token))
			h.passes(idleLong)
		}
		for _, v := range all {
			v.isAnswered(token)
		}
		h.leave("sixteen", all, nil)
		late := h.comes()
		h.passes(toldAfter)
		h.leave("when nobody idles for long", append(all, late), []*visitor{late})
		h.comes()
		h.leave("when they do", all, all[:1])
	})
}

// TestStrangersRequestsHoldNoRoom: who watches without being known leaves as if he idled.
func TestStrangersRequestsHoldNoRoom(t *testing.T) {
	inHall(t, func(h *hall) {
		var all []*visitor
		for range 12 {
			all = append(all, h.comes().asks("/wait", none))
		}
		for range 3 {
			all = append(all, h.comes())
		}
		h.leave("strangers watch", all, all[:3])
	})
}

// TestNobodyWhoWaitsMakesRoom: where nobody idles, who comes is sent away when it is full.
func TestNobodyWhoWaitsMakesRoom(t *testing.T) {
	inHall(t, func(h *hall) {
		var all []*visitor
		for range 16 {
			all = append(all, h.comes().asks("/wait", token))
		}
		late := h.comes()
		h.passes(toldAfter)
		h.leave("full", append(all, late), []*visitor{late})
		if got := <-h.told; got.Why != NoRoom || !strings.Contains(got.What, "no room for one more") || len(h.told) > 0 {
			t.Errorf("told %+v, and of %d more", got, len(h.told))
		}
	})
}

// TestWhoHasHisShareMovesNobody: he is sent away, and costs no one else a connection.
func TestWhoHasHisShareMovesNobody(t *testing.T) {
	c := newCrowd(nil, 16, nil, func(Turned) {})
	near, far := net.Pipe()
	defer near.Close()
	idler := &inCrowd{Conn: far, idlers: &c.idlers}
	idler.leave = func() { c.idlers.leave(idler); c.leave("") }
	for range 11 {
		c.enter("")
	}
	c.idlers.few = 0
	c.idlers.begin(idler)
	for range 2 {
		c.enter("one")
	}
	if c.comeIn("one") || idler.gone.Load() {
		t.Errorf("one with his share is let in, or moves another: %t", idler.gone.Load())
	}
	if !c.comeIn("other") || !idler.gone.Load() {
		t.Error("nobody made room for who had some due")
	}
	if c.idlers.begin(idler); c.idlers.longest(true) != nil {
		t.Error("who has left has to leave")
	}
}

// TestIdleOnHTTP2: as long as one of its requests is under way it is not.
func TestIdleOnHTTP2(t *testing.T) {
	inHall(t, func(h *hall) {
		idle := func() int {
			h.passes(0)
			h.crowd.idlers.mu.Lock()
			defer h.crowd.idlers.mu.Unlock()
			return h.crowd.idlers.strangers.Len()
		}
		var two http.Protocols
		two.SetUnencryptedHTTP2(true)
		transport := &http.Transport{Protocols: &two, DialContext: func(context.Context, string, string) (net.Conn, error) { return h.network.dial(), nil }}
		client, ended := &http.Client{Transport: transport}, make(chan error, 10)
		asks := func(path, who string) {
			r, err := http.NewRequestWithContext(h.t.Context(), "GET", "http://bubble"+path, nil)
			if err != nil {
				ended <- err
				return
			}
			r.Header.Set("Authorization", who)
			answer, err := client.Do(r)
			if err == nil {
				err = answer.Body.Close()
			}
			ended <- err
		}
		ask := func(path string) { asks(path, "") }
		go ask("/wait")
		if n := idle(); n != 0 {
			t.Error("it idles while somebody waits")
		}
		ask("/")
		if n := idle(); n != 0 || len(h.crowd.room) != 1 {
			t.Errorf("one of two requests has ended: %d idle of %d", n, len(h.crowd.room))
		}
		h.goOn <- struct{}{}
		if n := idle(); n != 1 {
			t.Error("it does not idle when nobody waits any more")
		}
		go asks("/wait", "none")
		if n := idle(); n != 1 {
			t.Error("a stranger's request holds the room")
		}
		go asks("/wait", "somebody")
		if n := idle(); n != 0 {
			t.Error("it idles while somebody waits who is known")
		}
		go asks("/wait", "none")
		if n := idle() + h.crowd.idlers.known.Len(); n != 0 {
			t.Error("it idles since a stranger has asked, too")
		}
		for range 3 {
			h.goOn <- struct{}{}
		}
		if n := idle(); n != 0 || h.crowd.idlers.known.Len() != 1 {
			t.Errorf("when nobody waits any more, %d idle of strangers, and %d of those who are known", n, h.crowd.idlers.known.Len())
		}
		for range 5 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		transport.CloseIdleConnections()
		if n := idle() + h.crowd.idlers.known.Len(); n != 0 {
			t.Error("it idles when it is gone")
		}
	})
}
