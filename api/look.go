package api

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

// inquire asks about the state.
func (s *service) inquire(ctx context.Context, q lock.Query) (lock.Report, error) {
	ctx, cancel := within(ctx, 0)
	defer cancel()
	report, err := s.backend.Inquire(ctx, q)
	return report, failure(err)
}

// show shows a lock with its queue; one that is free has only its name.
func (s *service) show(ctx context.Context, name string) (lock.LockCard, error) {
	if err := named(name); err != nil {
		return lock.LockCard{}, err
	}
	report, err := s.inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: name, Waiters: true})
	if err != nil || len(report.Locks) == 0 {
		return lock.LockCard{Name: name}, err
	}
	return report.Locks[0], nil
}

func (s *service) ShowLock(ctx context.Context, r *pb.ShowLockRequest) (*pb.ShowLockResponse, error) {
	card, err := s.show(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	return &pb.ShowLockResponse{Lock: lockCard(card)}, nil
}

// page cuts a list to the size that was asked for, and reports whether there is
// another page.
func page[T any](list []T, size uint32, more bool) ([]T, bool) {
	if size == 0 || uint64(len(list)) <= uint64(size) {
		return list, more && len(list) > 0
	}
	return list[:size], true
}

func (s *service) ListLocks(ctx context.Context, r *pb.ListLocksRequest) (*pb.ListLocksResponse, error) {
	if err := begins(r.GetPrefix()); err != nil {
		return nil, err
	}
	if err := begins(r.GetPageToken()); err != nil {
		return nil, invalid("%.40q is no page_token: want the next_page_token of the page before", r.GetPageToken())
	}
	report, err := s.inquire(ctx, lock.Query{
		Kind: lock.QueryLocks, Name: r.GetPrefix(), After: r.GetPageToken(), Waiters: r.GetQueues(),
	})
	if err != nil {
		return nil, err
	}
	cards, more := page(report.Locks, r.GetPageSize(), report.More)
	answer := &pb.ListLocksResponse{Locks: each(cards, lockCard)}
	if more {
		answer.NextPageToken = cards[len(cards)-1].Name
	}
	return answer, nil
}

// History takes the tokens of the grants as those of its pages.
func (s *service) History(ctx context.Context, r *pb.HistoryRequest) (*pb.HistoryResponse, error) {
	if err := named(r.GetName()); err != nil {
		return nil, err
	}
	var behind uint64
	if r.GetPageToken() != "" {
		var err error
		if behind, err = strconv.ParseUint(r.GetPageToken(), 10, 64); err != nil {
			return nil, invalid("%.40q is no page_token: want the next_page_token of the page before", r.GetPageToken())
		}
	}
	report, err := s.inquire(ctx, lock.Query{Kind: lock.QueryTenures, Name: r.GetName(), Token: lock.Token(behind)})
	if err != nil {
		return nil, err
	}
	record := report.Record
	if record == nil {
		return nil, failed(connect.CodeUnavailable, pb.Failure_REASON_INCOMPATIBLE, true, "the primary's version keeps no history")
	}
	tenures, more := page(record.Tenures, r.GetPageSize(), report.More)
	answer := &pb.HistoryResponse{
		Complete: record.Whole, Begins: moment(record.Forgot), Tenures: tenureCards(tenures, record.Parties),
	}
	if more {
		answer.NextPageToken = strconv.FormatUint(uint64(tenures[len(tenures)-1].Token), 10)
	}
	return answer, nil
}

func (s *service) ListSessions(ctx context.Context, r *pb.ListSessionsRequest) (*pb.ListSessionsResponse, error) {
	q := lock.Query{Kind: lock.QuerySessions}
	if r.GetPageToken() != "" {
		var err error
		if q.Session, err = sessionOf(r.GetPageToken()); err != nil {
			return nil, invalid("%.40q is no page_token: want the next_page_token of the page before", r.GetPageToken())
		}
	}
	report, err := s.inquire(ctx, q)
	if err != nil {
		return nil, err
	}
	cards, more := page(report.Sessions, r.GetPageSize(), report.More)
	answer := &pb.ListSessionsResponse{Sessions: each(cards, sessionCard)}
	if more {
		answer.NextPageToken = sessionText(cards[len(cards)-1].ID)
	}
	return answer, nil
}

// showSession shows a session with what it holds or waits for.
func (s *service) showSession(ctx context.Context, session string) (lock.Report, error) {
	id, err := sessionOf(session)
	if err != nil {
		return lock.Report{}, err
	}
	report, err := s.inquire(ctx, lock.Query{Kind: lock.QuerySession, Session: id, Waiters: true})
	if err == nil && len(report.Sessions) == 0 {
		err = failure(replica.ErrSessionExpired)
	}
	return report, err
}

func (s *service) ShowSession(ctx context.Context, r *pb.ShowSessionRequest) (*pb.ShowSessionResponse, error) {
	report, err := s.showSession(ctx, r.GetSession())
	if err != nil {
		return nil, err
	}
	return &pb.ShowSessionResponse{
		Session: sessionCard(report.Sessions[0]), Locks: each(report.Locks, lockCard), More: report.More,
	}, nil
}

func (s *service) ListDeadlocks(ctx context.Context, _ *pb.ListDeadlocksRequest) (*pb.ListDeadlocksResponse, error) {
	report, err := s.inquire(ctx, lock.Query{Kind: lock.QueryDeadlocks})
	if err != nil {
		return nil, err
	}
	return &pb.ListDeadlocksResponse{Deadlocks: each(report.Cycles, deadlockCard)}, nil
}

func (s *service) Verify(ctx context.Context, r *pb.VerifyRequest) (*pb.VerifyResponse, error) {
	if err := named(r.GetName()); err != nil {
		return nil, err
	}
	report, err := s.inquire(ctx, lock.Query{Kind: lock.QueryToken, Name: r.GetName(), Token: lock.Token(r.GetToken())})
	if err != nil {
		return nil, err
	}
	return &pb.VerifyResponse{Current: report.Current}, nil
}

// Explain draws the conclusions from three questions. They are not of one moment.
func (s *service) Explain(ctx context.Context, r *pb.ExplainRequest) (*pb.ExplainResponse, error) {
	card, err := s.show(ctx, r.GetName())
	if err != nil {
		return nil, err
	}
	answer := &pb.ExplainResponse{Lock: lockCard(card)}
	var mine []lock.LockCard
	if r.GetSession() != "" {
		report, err := s.showSession(ctx, r.GetSession())
		if err != nil {
			return nil, err
		}
		id := report.Sessions[0].ID
		answer.Place = place(card, id)
		mine = slices.DeleteFunc(report.Locks, func(l lock.LockCard) bool { return l.Waiters == 0 || !heldBy(l, id) })
		answer.Mine = each(mine, lockCard)
	}
	cycles, err := s.inquire(ctx, lock.Query{Kind: lock.QueryDeadlocks})
	if err != nil {
		return nil, err
	}
	for _, cycle := range cycles.Cycles {
		if slices.ContainsFunc(cycle, func(s lock.CycleStep) bool { return s.Holds == card.Name || s.Waits == card.Name }) {
			answer.Deadlocks = append(answer.Deadlocks, deadlockCard(cycle))
		}
	}
	answer.Message = explained(card, answer, time.Now())
	return answer, nil
}

func heldBy(l lock.LockCard, id lock.SessionID) bool {
	return slices.ContainsFunc(l.Holders, func(h lock.HolderCard) bool { return h.Session == id })
}

// explained is an explanation for people.
func explained(l lock.LockCard, e *pb.ExplainResponse, now time.Time) string {
	lines := []string{occupied(l, now)}
	switch {
	case e.GetPlace() == 1:
		lines = append(lines, "You are the next.")
	case e.GetPlace() > 1:
		lines = append(lines, fmt.Sprintf("You are number %d in the queue.", e.GetPlace()))
	case len(l.Holders) > 0:
		lines = append(lines, fmt.Sprintf("In the queue before whoever asks now: %d.", l.Waiters))
	}
	for _, mine := range e.GetMine() {
		lines = append(lines, fmt.Sprintf("You hold %q, for which others wait: %d.", mine.GetName(), mine.GetWaiters()))
	}
	for _, cycle := range e.GetDeadlocks() {
		if slices.ContainsFunc(cycle.GetSteps(), (*pb.Deadlock_Step).GetPossible) {
			lines = append(lines, "Perhaps never: this is a deadlock if nobody lets go while it waits.")
			continue
		}
		lines = append(lines, "Never by itself: this is a deadlock.")
	}
	return strings.Join(lines, "\n")
}
