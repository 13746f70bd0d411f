package doors

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

func TestWhatReportsWeigh(t *testing.T) {
	for i, test := range []struct {
		report lock.Report
		shown  float64
	}{
		{lock.Report{}, 0},
		{lock.Report{Locks: make([]lock.LockCard, 3)}, 3},
		{lock.Report{Locks: []lock.LockCard{{Queue: make([]lock.WaiterCard, 7)}}}, 8},
		{lock.Report{Sessions: make([]lock.SessionCard, 2), Events: make([]lock.Event, 5)}, 7},
		{lock.Report{Cycles: []lock.Cycle{make(lock.Cycle, 4), make(lock.Cycle, 1)}}, 5},
		{lock.Report{Record: &lock.Record{Tenures: make([]lock.Tenure, 9)}}, 9},
	} {
		if got := weightOf(test.report) * shownForOne; got != test.shown {
			t.Errorf("report %d: %v are shown, want %v", i, got, test.shown)
		}
	}
}

// TestLongListsCount: whoever is shown much waits for longer than whoever is shown
// little, and others do not.
func TestLongListsCount(t *testing.T) {
	ci, ciLine := newToken(t, "ci")
	bob, bobLine := newToken(t, "bob")
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, ciLine+bobLine+"allow * read *\nlimit * rate=10 burst=10\n")
		g := s.doors.Guard(houseOf(20 * shownForOne))
		long := true
		porter := s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if !long {
				return
			}
			if _, err := g.Inquire(r.Context(), lock.Query{Kind: lock.QueryLocks}); err != nil {
				t.Error(err)
			}
		}))
		ask := func(secret string) int {
			w := httptest.NewRecorder()
			porter.ServeHTTP(w, bearing(secret))
			return w.Code
		}
		if code := ask(ci); code != 200 { // 10 - 1 - 20
			t.Fatalf("the first one: %d", code)
		}
		if code := ask(ci); code != 429 {
			t.Errorf("who was shown much asks again at once: %d", code)
		}
		long = false
		if code := ask(bob); code != 200 {
			t.Errorf("another: %d", code)
		}
		time.Sleep(1200 * time.Millisecond)
		if code := ask(ci); code != 200 {
			t.Errorf("later: %d", code)
		}
	})
}

// houseOf shows so many locks.
func houseOf(locks int) *house {
	h := newHouse()
	h.reports = map[lock.QueryKind]lock.Report{lock.QueryLocks: {Locks: make([]lock.LockCard, locks)}}
	return h
}

// TestSomeCountMore: asking for the numbers is worth some other requests, and so is what
// nobody can mean.
func TestSomeCountMore(t *testing.T) {
	ci, line := newToken(t, "ci")
	for path, good := range map[string]int{numbers: 1, pb.LockServiceUnlockProcedure: 2} {
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, line+"allow ci read *\nlimit ci rate=10 burst=10\n")
			porter := s.doors.Porter(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // understands nothing
			for i := range good + 1 {
				r, w := bearing(ci), httptest.NewRecorder()
				r.URL.Path = path
				if porter.ServeHTTP(w, r); (w.Code == 200) != (i < good) {
					t.Errorf("%s: number %d is answered %d", path, i+1, w.Code)
				}
			}
		})
	}
}

// crier is a house in which much happens.
type crier struct{ *house }

func (crier) Watch(context.Context, string, lock.Index) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		for i := range lock.Index(1000) {
			if !yield(lock.Report{Index: i, Events: make([]lock.Event, shownForOne)}, nil) {
				return
			}
		}
	}
}

// TestAWatchThatTellsTooMuch: it ends, after a burst and a debt of another.
func TestAWatchThatTellsTooMuch(t *testing.T) {
	secret, line := newToken(t, "ci")
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, line+"allow * read *\nlimit ci rate=10 burst=10\n")
		g := s.doors.Guard(crier{newHouse()})
		told, last := 0, error(nil)
		porter := s.doors.Porter(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for _, last = range g.Watch(r.Context(), "", 0) {
				told++
			}
		}))
		porter.ServeHTTP(httptest.NewRecorder(), bearing(secret))
		var refused *connect.Error
		if !errors.As(last, &refused) || refused.Code() != connect.CodeResourceExhausted || told != 9+10+1 {
			t.Errorf("told %d times, then %v", told, last)
		}
		if n := s.doors.journal.Refusals()[TooFast]; n != 1 {
			t.Errorf("%d are counted", n)
		}
	})
}

// held is a scene in which an answer begins, says whose it is, and goes on when it may.
type held struct {
	*scene
	begun chan string // by whom
	goOn  chan struct{}
	inner http.HandlerFunc
}

func newHeld(t *testing.T, policy string, inner func(*held, http.ResponseWriter)) *held {
	h := &held{scene: newScene(t, policy), begun: make(chan string, 100), goOn: make(chan struct{})}
	h.inner = func(w http.ResponseWriter, r *http.Request) {
		h.begun <- guestOf(r.Context()).name
		inner(h, w)
	}
	return h
}

func (h *held) ask(ctx context.Context, secret, path string) {
	r := bearing(secret)
	r.URL.Path = path
	go h.doors.Porter(h.inner).ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
	synctest.Wait()
}

// longOne is a call whose answer can be long.
const longOne = pb.LockServiceListLocksProcedure

// TestLongAnswersTakeRoom: a principal has few of them under way, until they are read,
// and others have theirs.
func TestLongAnswersTakeRoom(t *testing.T) {
	ci, ciLine := newToken(t, "ci")
	bob, bobLine := newToken(t, "bob")
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t, ciLine+bobLine+"allow * read *\n", func(h *held, w http.ResponseWriter) {
			_, _ = w.Write([]byte("{"))
			<-h.goOn
		})
		gone, leave := context.WithCancel(t.Context())
		for range longAtOnce + 2 {
			h.ask(t.Context(), ci, longOne)
		}
		h.ask(gone, ci, longOne)
		if len(h.begun) != longAtOnce {
			t.Errorf("%d have begun, want %d", len(h.begun), longAtOnce)
		}
		h.ask(t.Context(), ci, pb.LockServiceTryAcquireProcedure)
		h.ask(t.Context(), ci, numbers)
		h.ask(t.Context(), bob, longOne)
		if len(h.begun) != longAtOnce+3 {
			t.Errorf("%d have begun beside them, want 3", len(h.begun)-longAtOnce)
		}
		leave()
		for range longAtOnce + 2 + 3 {
			h.goOn <- struct{}{}
			synctest.Wait()
		}
		if len(h.begun) != longAtOnce+2+3 || len(h.doors.rooms.all) != 0 {
			t.Errorf("%d have begun, and %v is left", len(h.begun), fmt.Sprint(h.doors.rooms.all))
		}
	})
}

// TestFewLongAnswersAreWrittenAtOnce: of anybody's, until the first of each is there;
// what is short, and who only looks aside, waits for nothing.
func TestFewLongAnswersAreWrittenAtOnce(t *testing.T) {
	policy := "allow * read *\n"
	secrets := make([]string, runtime.GOMAXPROCS(0)+1)
	for i := range secrets {
		var line string
		secrets[i], line = newToken(t, fmt.Sprint("p", i))
		policy += line
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t, policy, func(h *held, w http.ResponseWriter) {
			<-h.goOn
			_, _ = w.Write([]byte("{"))
			<-t.Context().Done() // and nobody reads it
		})
		ask := func(secret, path string, locks int) {
			inner, g := h.inner, h.doors.Guard(houseOf(locks))
			h.inner = func(w http.ResponseWriter, r *http.Request) {
				for range 2 { // it has one turn, however often it asks
					if _, err := g.Inquire(r.Context(), lock.Query{Kind: lock.QueryLocks}); err != nil && t.Context().Err() == nil {
						t.Error(err)
					}
				}
				inner(w, r)
			}
			h.ask(t.Context(), secret, path)
			h.inner = inner
		}
		for _, secret := range secrets {
			ask(secret, longOne, shownForOne)
		}
		few := max(1, runtime.GOMAXPROCS(0)/2)
		if len(h.begun) != few {
			t.Errorf("%d of %d are written at once, want %d", len(h.begun), len(secrets), few)
		}
		ask(secrets[0], longOne, shownForOne-1)
		ask(secrets[1], pb.LockServiceAcquireProcedure, shownForOne) // whose news are of a queue
		if len(h.begun) != few+2 {
			t.Error("what is short waits for what is long")
		}
		for range few + 2 {
			h.goOn <- struct{}{}
		}
		time.Sleep(afterWriting.Longest)
		if synctest.Wait(); len(h.begun) == few+2 {
			t.Error("what is not read keeps others from being written")
		}
		close(h.goOn)
	})
}

// TestWhoWaitsForTheNodesHasNoTurn: not even who has been shown much before.
func TestWhoWaitsForTheNodesHasNoTurn(t *testing.T) {
	secret, line := newToken(t, "ci")
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t, line+"allow * read *\n", nil)
		waits, end := make(chan struct{}), make(chan struct{})
		slow := slowHouse{houseOf(shownForOne), waits, end}
		h.inner = func(_ http.ResponseWriter, r *http.Request) {
			for _, house := range []api.Backend{slow.house, slow} {
				if _, err := h.doors.Guard(house).Inquire(r.Context(), lock.Query{Kind: lock.QueryLocks}); err != nil {
					t.Error(err)
				}
			}
		}
		for range longAtOnce {
			h.ask(t.Context(), secret, longOne)
			time.Sleep(afterWriting.Longest)
			select {
			case <-waits:
			default:
				t.Error("who waits for the nodes keeps others from a turn")
			}
		}
		close(end)
		time.Sleep(afterWriting.Longest) // then each has had his turn
		synctest.Wait()
	})
}

// slowHouse answers when it may.
type slowHouse struct {
	*house
	waits, end chan struct{}
}

func (h slowHouse) Inquire(ctx context.Context, q lock.Query) (lock.Report, error) {
	h.waits <- struct{}{}
	<-h.end
	return h.house.Inquire(ctx, q)
}

// TestWhoHasNoTurnInTime: he is told so, and pays for nothing.
func TestWhoHasNoTurnInTime(t *testing.T) {
	secret, line := newToken(t, "ci")
	synctest.Test(t, func(t *testing.T) {
		h := newHeld(t, line+"allow * read *\nlimit * rate=1 burst=3\n", nil)
		for range max(1, runtime.GOMAXPROCS(0)/2) {
			if _, err := h.doors.writing.Take(t.Context(), "others"); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			h.inner = func(_ http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), time.Millisecond)
				defer cancel()
				_, err := h.doors.Guard(houseOf(100*shownForOne)).Inquire(ctx, lock.Query{Kind: lock.QueryLocks})
				heard(r.Context(), nil)
				h.begun <- connect.CodeOf(err).String()
			}
			h.ask(t.Context(), secret, longOne)
			time.Sleep(time.Millisecond)
			synctest.Wait()
			select {
			case code := <-h.begun:
				if code != connect.CodeResourceExhausted.String() {
					t.Errorf("told %s", code)
				}
			default:
				t.Error("who was shown nothing may not ask again")
			}
		}
	})
}
