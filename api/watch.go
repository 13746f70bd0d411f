package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

// Watch sends events until the caller goes or the node stops. A caller who does
// not take them is cut off: it may go on behind the last index that it has seen.
func (s *service) Watch(ctx context.Context, r *pb.WatchRequest, to *connect.ServerStream[pb.WatchResponse]) error {
	if err := begins(r.GetPrefix()); err != nil {
		return err
	}
	ctx, cancel := s.untilStop(ctx)
	defer cancel()
	// It goes on for as long as it likes, but its beginning is an answer like others.
	beginning, done := within(ctx, 0)
	defer done()
	bound := context.AfterFunc(beginning, cancel)
	began := false
	for report, err := range s.backend.Watch(ctx, r.GetPrefix(), lock.Index(r.GetBehind())) {
		if err != nil && !began && errors.Is(beginning.Err(), context.DeadlineExceeded) && !errors.Is(err, replica.ErrNoQuorum) {
			err = beginning.Err()
		}
		if err != nil {
			return s.ended(err)
		}
		if !began {
			if began = true; !bound() {
				return s.ended(beginning.Err())
			}
			if err := to.Send(&pb.WatchResponse{Began: true, Index: uint64(report.Index)}); err != nil {
				return err
			}
		}
		if err := sendEvents(report, to.Send); err != nil {
			return err
		}
	}
	return s.ended(ctx.Err())
}

func sendEvents(report lock.Report, send func(*pb.WatchResponse) error) error {
	if report.Missed {
		if err := send(&pb.WatchResponse{Missed: true}); err != nil {
			return err
		}
	}
	for i, e := range report.Events {
		message := &pb.WatchResponse{Event: eventCard(e)}
		if i+1 == len(report.Events) || report.Events[i+1].Index != e.Index {
			message.Index = uint64(e.Index)
		}
		if err := send(message); err != nil {
			return err
		}
	}
	return nil
}
