package api

import (
	"context"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
)

// paired is what a request in a session says of itself.
type paired interface {
	GetSession() string
	GetSlot() uint32
	GetNumber() uint64
}

// identify puts session, slot and number into a command. Without a session the
// node asks in one of its own, if the verb allows it.
func identify(c *lock.Command, r paired, alone bool) (err error) {
	if c.Slot, c.Number, err = pairOf(r.GetSlot(), r.GetNumber()); err != nil {
		return err
	}
	if alone && r.GetSession() == "" {
		if c.Number != 0 {
			return invalid("slot and number are those of a session: name it, or leave them out")
		}
		return nil
	}
	c.Session, err = sessionOf(r.GetSession())
	return err
}

// do has a command executed that does not wait in a queue.
func (s *service) do(ctx context.Context, c lock.Command, r paired, alone bool) (lock.Result, error) {
	if err := identify(&c, r, alone); err != nil {
		return lock.Result{}, err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	result, err := s.backend.Ask(ctx, c, 0)
	return result, failure(err)
}

func (s *service) Release(ctx context.Context, r *pb.ReleaseRequest) (*pb.ReleaseResponse, error) {
	result, err := s.do(ctx, lock.Command{Verb: lock.Release, Name: r.GetName(), Token: lock.Token(r.GetToken())}, r, false)
	if err != nil {
		return nil, err
	}
	return &pb.ReleaseResponse{Released: result.Outcome == lock.Released}, nil
}

func (s *service) Cancel(ctx context.Context, r *pb.CancelRequest) (*pb.CancelResponse, error) {
	if r.GetNumber() == 0 {
		return nil, invalid("the number of the request to be undone is missing")
	}
	result, err := s.do(ctx, lock.Command{Verb: lock.Cancel}, r, false)
	if err != nil {
		return nil, err
	}
	return &pb.CancelResponse{Released: result.Outcome == lock.Released}, nil
}

func (s *service) Lock(ctx context.Context, r *pb.LockRequest) (*pb.LockResponse, error) {
	command := lock.Command{Verb: lock.Lock, Name: r.GetName()}
	result, err := s.do(ctx, command, r, true)
	switch {
	case err != nil:
		return nil, err
	case result.Outcome == lock.Granted:
		return &pb.LockResponse{Locked: true}, nil
	default:
		return &pb.LockResponse{Refusal: s.refusal(ctx, command, result)}, nil
	}
}

func (s *service) Unlock(ctx context.Context, r *pb.UnlockRequest) (*pb.UnlockResponse, error) {
	result, err := s.do(ctx, lock.Command{Verb: lock.Unlock, Name: r.GetName()}, r, true)
	if err != nil {
		return nil, err
	}
	return &pb.UnlockResponse{Unlocked: result.Outcome == lock.Released}, nil
}

func (s *service) Revoke(ctx context.Context, r *pb.RevokeRequest) (*pb.RevokeResponse, error) {
	command := lock.Command{Verb: lock.Revoke, Name: r.GetName(), Token: lock.Token(r.GetToken())}
	if r.GetReason() != "" {
		command.Terms = &lock.Terms{Info: lock.Info(r.GetReason())}
	}
	result, err := s.do(ctx, command, r, true)
	if err != nil {
		return nil, err
	}
	return &pb.RevokeResponse{Revoked: result.Outcome == lock.Released}, nil
}
