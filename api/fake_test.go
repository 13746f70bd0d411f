package api

import (
	"context"
	"iter"
	"net/http"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

// fake is a Backend of one table in this process: it grants as the nodes do. What
// is asked of it can be made to fail.
type fake struct {
	Backend // what no test asks for panics
	mu      sync.Mutex
	table   *lock.Table
	history *lock.History
	index   lock.Index
	number  lock.Number   // the last that was drawn
	changed chan struct{} // closed with each entry
	fails   error         // what every request ends with, if not nil
}

func newFake() *fake {
	return &fake{table: lock.NewTable(), history: lock.NewHistory(64, 0), changed: make(chan struct{})}
}

func (f *fake) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = err
}

// apply orders a command, and returns what tells of the next one.
func (f *fake) apply(c lock.Command) (lock.Result, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fails != nil {
		return lock.Result{}, nil, f.fails
	}
	if limit := c.Check(); limit != lock.NoLimit {
		return lock.Result{}, nil, &replica.LimitError{Limit: limit}
	}
	f.index++
	result := f.table.Apply(lock.Entry{View: 1, Index: f.index, Command: c})
	f.history.Add(f.table.Events())
	close(f.changed)
	f.changed = make(chan struct{})
	switch result.Outcome {
	case lock.SessionExpired:
		return result, f.changed, replica.ErrSessionExpired
	case lock.LimitReached, lock.Invalid:
		return result, f.changed, &replica.LimitError{Limit: result.Limit}
	default:
		return result, f.changed, nil
	}
}

func (f *fake) draw() lock.Number {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.number++
	return f.number
}

func (f *fake) Open(_ context.Context, nonce lock.Number, terms lock.Terms) (lock.SessionCard, error) {
	if nonce == 0 {
		nonce = f.draw() + 1<<32
	}
	result, _, err := f.apply(lock.Command{Verb: lock.OpenSession, Number: nonce, Terms: &terms})
	if err != nil {
		return lock.SessionCard{}, err
	}
	ttl := terms.TTL
	if ttl == 0 {
		ttl = lock.DefaultTTL
	}
	return lock.SessionCard{ID: result.Session, TTL: ttl}, nil
}

func (f *fake) KeepAlive(_ context.Context, id lock.SessionID) (lock.Millis, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.table.Alive(id).Outcome != lock.Alive {
		return 0, replica.ErrSessionExpired
	}
	return lock.DefaultTTL, f.fails
}

func (f *fake) CloseSession(_ context.Context, id lock.SessionID) error {
	_, _, err := f.apply(lock.Command{Verb: lock.CloseSession, Session: id})
	return err
}

func (f *fake) Ask(ctx context.Context, c lock.Command, patience time.Duration) (lock.Result, error) {
	drawn := c.Number == 0
	if drawn {
		c.Slot, c.Number = 3000, f.draw()
	}
	if limit := c.Check(); limit != lock.NoLimit {
		return lock.Result{}, &replica.LimitError{Limit: limit}
	}
	// There is a number for undoing behind each one for doing.
	if c.Number *= 2; c.Verb == lock.Cancel {
		c.Number++
	}
	if c.Session == 0 {
		card, err := f.Open(ctx, 0, lock.Terms{})
		if err != nil {
			return lock.Result{}, err
		}
		c.Session = card.ID
	}
	var over <-chan time.Time
	if patience > 0 {
		over = time.After(patience)
	}
	for {
		result, changed, err := f.apply(c)
		if err != nil || result.Outcome != lock.Waiting {
			return result, err
		}
		select {
		case <-changed:
		case <-over:
			return result, nil
		case <-ctx.Done():
			if drawn {
				_, _, _ = f.apply(lock.Command{Verb: lock.Cancel, Session: c.Session, Slot: c.Slot, Number: c.Number + 1})
			}
			return lock.Result{}, ctx.Err()
		}
	}
}

func (f *fake) Blockers(ctx context.Context, c lock.Command) []lock.LockCard {
	report, _ := f.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: c.Name, Waiters: true})
	return report.Locks
}

func (f *fake) Inquire(_ context.Context, q lock.Query) (lock.Report, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.table.Report(q, 1<<10), f.fails
}

func (f *fake) Watch(ctx context.Context, prefix string, behind lock.Index) iter.Seq2[lock.Report, error] {
	return func(yield func(lock.Report, error) bool) {
		f.mu.Lock()
		if behind == 0 {
			behind = f.index
		}
		f.mu.Unlock()
		for first := true; ; first = false {
			f.mu.Lock()
			events, missed := f.history.Behind(behind, prefix, 1<<20)
			changed, now := f.changed, f.index
			f.mu.Unlock()
			report := lock.Report{Index: behind}
			if !first {
				report = lock.Report{Index: now, Events: events, Missed: missed}
				behind = now
			}
			if (first || len(events) > 0 || missed) && !yield(report, nil) {
				return
			}
			if first {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(lock.Report{}, ctx.Err())
				return
			}
		}
	}
}

// Status is that of three nodes: b is the primary, a is asked by another name, and
// c does not answer.
func (f *fake) Status(context.Context) []muster.Told {
	members := make([]replica.MemberStatus, 3)
	for i, name := range []string{"a", "b", "c"} {
		members[i] = replica.MemberStatus{
			Member: replica.Member{Name: name, Address: replica.NodeID(name + ":1"), Voter: true}, Match: 90, Heard: true, HeardAgo: 40,
		}
	}
	members[0].HeardAgo, members[2].Quiet = 1, true
	status := func(name string, role replica.Role, last uint64) *replica.Status {
		return &replica.Status{
			Node: replica.NodeID(name + ":1"), Name: name, Role: role, View: 7, Index: 9, TickMS: 50, Quorum: true, Durable: true,
			Members: members, First: 5, Last: last, Committed: 95, DiskBytes: 4096,
		}
	}
	return []muster.Told{
		{NodeReport: replica.NodeReport{Node: "b:1", Status: status("b", replica.Primary, 100), Version: 3}, Reigns: []muster.Reign{
			{View: 7, Primary: "b:1", Name: "b", Began: 1_700_000_000_000, Idle: 450, Why: muster.Suspected},
		}},
		{NodeReport: replica.NodeReport{Node: "c:1", Name: "c"}},
		{NodeReport: replica.NodeReport{Node: "localhost:1", Name: "a", Status: status("a", replica.Backup, 97), Version: 3}, Reigns: []muster.Reign{
			{View: 4, Primary: "d:1", Began: 1_600_000_000_000},
			{View: 7, Primary: "b:1", Name: "b", Began: 1_700_000_000_020, Idle: 470, Why: muster.Suspected},
		}},
	}
}

func (f *fake) Here() replica.NodeID { return "a:1" }

// served is a server with the service on it, and clients of it.
type served struct {
	fake   *fake
	server *Server
	pb.LockServiceClient
	transport *http.Transport
}

// serveFake starts one; options choose what its client speaks.
func serveFake(t *testing.T, options ...connect.ClientOption) *served {
	t.Helper()
	f := newFake()
	s := serve(t, config("127.0.0.1:0"), func(s *Server) { Mount(s, f) })
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &p}
	t.Cleanup(transport.CloseIdleConnections)
	client := pb.NewLockServiceClient(&http.Client{Transport: transport}, "http://"+s.Address(), options...)
	return &served{f, s, client, transport}
}
