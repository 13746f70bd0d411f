package api

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

const (
	longestWait  = time.Hour              // of one TryAcquire
	firstNews    = 200 * time.Millisecond // until a stream is told that it waits
	newsEvery    = 5 * time.Second        // and where it stands,
	newsWithin   = 500 * time.Millisecond // if that is found out
	undoneWithin = time.Second            // what nobody wants any more is given back
	beatsATTL    = 3                      // signs of life for who cannot give them yet
)

// wanting is what TryAcquire and Acquire are asked alike.
type wanting interface {
	GetSession() string
	GetName() string
	GetNames() []string
	GetMode() pb.Mode
	GetPermits() uint32
	GetOf() uint32
	GetAlso() []*pb.Want
	GetTerms() *pb.Terms
	GetSlot() uint32
	GetNumber() uint64
	GetTtl() *durationpb.Duration
}

// judge is a Backend that lets not everybody do everything. It says so before there
// is a session for a command.
type judge interface {
	Judge(ctx context.Context, command lock.Command) error
}

// asking is one Acquire under way.
type asking struct {
	service *service
	command lock.Command
	opened  lock.Millis // the TTL of the session, if it was opened for this
}

// ask makes the command, and opens a session if there is none.
func (s *service) ask(ctx context.Context, r wanting) (*asking, error) {
	command, err := acquireOf(r)
	if err != nil {
		return nil, err
	}
	a := &asking{service: s, command: command}
	if r.GetSession() != "" {
		a.command.Session, err = sessionOf(r.GetSession())
		return a, err
	}
	if r.GetSlot() != 0 || r.GetNumber() != 0 {
		return nil, invalid("slot and number are those of a session: name it, or leave them out")
	}
	ttl, err := millisOf("the ttl", r.GetTtl())
	if err != nil {
		return nil, err
	}
	// What is wrong with the rest is found out before there is a session.
	if limit := formOf(command); limit != lock.NoLimit {
		return nil, invalid("%s", limit)
	}
	if j, ok := s.backend.(judge); ok {
		if err := j.Judge(ctx, command); err != nil {
			return nil, failure(err)
		}
	}
	card, err := s.backend.Open(ctx, 0, lock.Terms{TTL: ttl})
	if err != nil {
		return nil, s.ended(err)
	}
	a.command.Session, a.opened = card.ID, card.TTL
	return a, nil
}

// formOf judges a command that has no pair yet.
func formOf(c lock.Command) lock.Limit {
	c.Number = max(1, c.Number)
	return c.Check()
}

// acquireOf is the command without its session.
func acquireOf(r wanting) (c lock.Command, err error) {
	c = lock.Command{Verb: lock.Acquire, Name: r.GetName(), Mode: modeOf(r.GetMode(), r.GetPermits(), r.GetOf())}
	if c.Slot, c.Number, err = pairOf(r.GetSlot(), r.GetNumber()); err != nil {
		return c, err
	}
	t := &lock.Terms{Permits: r.GetPermits(), Of: r.GetOf()}
	names := r.GetNames()
	if c.Name == "" && len(names) > 0 {
		c.Name, names = names[0], names[1:]
	}
	for _, name := range names {
		t.And = append(t.And, lock.Want{Name: name, Mode: c.Mode, Permits: t.Permits, Of: t.Of})
	}
	for _, w := range r.GetAlso() {
		mode := modeOf(w.GetMode(), w.GetPermits(), w.GetOf())
		t.And = append(t.And, lock.Want{Name: w.GetName(), Mode: mode, Permits: w.GetPermits(), Of: w.GetOf()})
	}
	c.Terms = t
	return c, termsInto(t, r.GetTerms())
}

func termsInto(t *lock.Terms, asked *pb.Terms) (err error) {
	if t.Info, err = infoOf(asked.GetInfo()); err != nil {
		return err
	}
	if t.MaxHold, err = millisOf("max_hold", asked.GetMaxHold()); err != nil {
		return err
	}
	if t.LockDelay, err = millisOf("lock_delay", asked.GetLockDelay()); err != nil {
		return err
	}
	t.Reentrant, t.AllowDeadlock, t.Sequential = asked.GetReentrant(), asked.GetAllowDeadlock(), asked.GetSequential()
	t.Under = lock.Holding{Name: asked.GetUnder().GetName(), Token: lock.Token(asked.GetUnder().GetToken())}
	return nil
}

// pairOf reads a slot and a number; neither is given without the other, but that
// slot 0 is one.
func pairOf(slot uint32, number uint64) (lock.Slot, lock.Number, error) {
	if number == 0 && slot != 0 {
		return 0, 0, invalid("slot %d has no number: numbers begin at 1", slot)
	}
	return lock.Slot(min(slot, math.MaxUint16)), lock.Number(number), nil
}

// TryAcquire asks once. Without a number its wait ends with its time; with one it
// stays in the queue.
func (s *service) TryAcquire(ctx context.Context, r *pb.TryAcquireRequest) (*pb.TryAcquireResponse, error) {
	patience, err := patienceOf(r.GetWait())
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, patience)
	defer cancel()
	a, err := s.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	if a.command.Wait = patience > 0; a.command.Wait {
		var let context.CancelFunc
		ctx, let = s.untilStop(ctx)
		defer let()
		defer a.attend(ctx)()
	}
	result, err := a.result(ctx, patience)
	if err != nil {
		a.forsake(ctx)
		return nil, s.ended(err)
	}
	answer := &pb.TryAcquireResponse{Session: sessionText(a.command.Session), Ttl: span(a.opened)}
	switch result.Outcome {
	case lock.Granted:
		if err := a.hand(ctx, ctx.Err(), result.Token); err != nil {
			return nil, s.ended(err)
		}
		answer.Token = uint64(result.Token)
	case lock.Waiting:
		answer.Waiting = true
	default:
		if answer.Refusal = s.refusal(ctx, a.command, result); r.GetOrFail() {
			a.forsake(ctx)
			return nil, refusedAsError(answer.Refusal, a.command.Number)
		}
	}
	return answer, nil
}

func patienceOf(d *durationpb.Duration) (time.Duration, error) {
	wait, err := millisOf("wait", d)
	if err == nil && wait > lock.Millis(longestWait.Milliseconds()) {
		err = invalid("a wait is at most 1 h: ask again after it")
	}
	return time.Duration(wait) * time.Millisecond, err
}

// result asks the nodes. Without a number, a patience that is over is a refusal:
// the request was undone.
func (a *asking) result(ctx context.Context, patience time.Duration) (lock.Result, error) {
	if patience == 0 || a.command.Number != 0 {
		return a.service.backend.Ask(ctx, a.command, patience)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	result, err := a.service.backend.Ask(waiting, a.command, 0)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && !errors.Is(err, replica.ErrNoQuorum) {
		return lock.Result{Outcome: lock.Held}, nil
	}
	return result, err
}

// attend gives signs of life for a session that was opened for this request, since
// its caller does not know yet which it is: that it listens is the sign of life. It
// goes on until its caller goes or what it returns is called.
func (a *asking) attend(ctx context.Context) (leave func()) {
	if a.opened == 0 {
		return func() {}
	}
	ctx, leave = context.WithCancel(ctx)
	go func() {
		beat := time.NewTicker(time.Duration(a.opened) * time.Millisecond / beatsATTL)
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				_, _ = a.service.backend.KeepAlive(ctx, a.command.Session) // if it is over, the request learns it
			case <-ctx.Done():
				return
			}
		}
	}()
	return leave
}

// forsake closes a session that was opened for a request that has come to nothing:
// nobody was told its name.
func (a *asking) forsake(ctx context.Context) {
	if a.opened == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoneWithin)
	defer cancel()
	_ = a.service.backend.CloseSession(ctx, a.command.Session) // else it expires
}

// refusal shows who is in the way.
func (s *service) refusal(ctx context.Context, command lock.Command, result lock.Result) *pb.Refusal {
	if result.Outcome == lock.Deadlock {
		return &pb.Refusal{Reason: pb.Refusal_REASON_DEADLOCK, Message: "waiting would never end: " + result.Cycle}
	}
	cards := s.backend.Blockers(ctx, command)
	cards = slices.DeleteFunc(cards, free)
	r := &pb.Refusal{Reason: pb.Refusal_REASON_HELD, Locks: each(cards, lockCard)}
	if len(cards) == 0 {
		r.Message = "it was held by another just now"
		return r
	}
	r.Message = occupied(cards[0], time.Now())
	return r
}

// Acquire waits, and tells where the request stands meanwhile.
func (s *service) Acquire(ctx context.Context, r *pb.AcquireRequest, to *connect.ServerStream[pb.AcquireResponse]) error {
	ctx, cancel := s.untilStop(ctx)
	defer cancel()
	opening, done := within(ctx, 0)
	a, err := s.ask(opening, r)
	done()
	if err != nil {
		return err
	}
	a.command.Wait = true
	result, err := a.await(ctx, to.Send)
	if err != nil {
		a.forsake(ctx)
		return s.ended(err)
	}
	answer := a.update()
	if result.Outcome == lock.Granted {
		answer.Update = &pb.AcquireResponse_Token{Token: uint64(result.Token)}
		sent := ctx.Err()
		if sent == nil { // else nobody is told what is about to be given back
			sent = to.Send(answer)
		}
		return s.ended(a.hand(ctx, sent, result.Token))
	}
	refusal := s.refusal(ctx, a.command, result)
	if r.GetOrFail() {
		a.forsake(ctx)
		return refusedAsError(refusal, a.command.Number)
	}
	answer.Update = &pb.AcquireResponse_Refusal{Refusal: refusal}
	return to.Send(answer)
}

func (a *asking) update() *pb.AcquireResponse {
	return &pb.AcquireResponse{Session: sessionText(a.command.Session), Ttl: span(a.opened)}
}

// answer is the end of an Ask.
type answer struct {
	result lock.Result
	err    error
}

// await asks, and sends news until the answer comes. A caller who does not take
// them has gone.
func (a *asking) await(ctx context.Context, send func(*pb.AcquireResponse) error) (lock.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		result, err := a.service.backend.Ask(ctx, a.command, 0)
		done <- answer{result, err}
	}()
	next := time.NewTimer(firstNews)
	defer next.Stop()
	news := make(chan *pb.AcquireResponse, 1) // no grant waits until they are found out
	for {
		select {
		case end := <-done:
			return end.result, end.err
		case <-next.C:
			go func() { news <- a.news(ctx) }()
		case update := <-news:
			if err := send(update); err != nil {
				cancel()
			}
			next.Reset(newsEvery)
		}
	}
}

// news is where the request stands, as far as that is found out.
func (a *asking) news(ctx context.Context) *pb.AcquireResponse {
	ctx, cancel := context.WithTimeout(ctx, newsWithin)
	defer cancel()
	waiting := &pb.Waiting{}
	report, err := a.service.backend.Inquire(ctx, lock.Query{Kind: lock.QueryLock, Name: a.command.Name, Waiters: true})
	if err == nil && len(report.Locks) > 0 {
		waiting.Lock = lockCard(report.Locks[0])
		waiting.Place = place(report.Locks[0], a.command.Session)
	}
	update := a.update()
	update.Update = &pb.AcquireResponse_Waiting{Waiting: waiting}
	return update
}

// place is that of a session in a queue, from 1; 0 if it is not seen there.
func place(l lock.LockCard, session lock.SessionID) uint32 {
	at := slices.IndexFunc(l.Queue, func(w lock.WaiterCard) bool { return w.Session == session })
	return uint32(at + 1)
}

// hand gives a grant back that could not be told: who asked without a number has
// no other way to learn of it.
func (a *asking) hand(ctx context.Context, sent error, token lock.Token) error {
	if sent == nil || a.command.Number != 0 {
		return sent
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoneWithin)
	defer cancel()
	_, _ = a.service.backend.Ask(ctx, lock.Command{
		Verb: lock.Release, Session: a.command.Session, Name: a.command.Name, Token: token,
	}, 0) // else it goes with the session
	a.forsake(ctx)
	return sent
}
