package api

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/replica"
)

const (
	// answerWithin is how long a request without a deadline of its own may take, its
	// waiting in a queue not counted.
	answerWithin = 15 * time.Second
	// earlier than a caller's deadline the node gives up, so that it can still say
	// why: a tenth of the time, and no more than this.
	earlier = 200 * time.Millisecond
)

// worthCompressing is from how many bytes an answer is made shorter for who accepts
// that: with a short one it costs more than all the rest.
const worthCompressing = 4 << 10

// service is pb.LockServiceHandler: it translates, and decides nothing.
type service struct {
	backend  Backend
	who      func(context.Context) Caller // nil: nobody is asked
	stopping context.Context
}

// Mount puts the service on a server: for gRPC, gRPC-Web and JSON, with gRPC's
// health checks and reflection, and its description for OpenAPI. Options may have
// interceptors, which stand before each call.
func Mount(s *Server, b Backend, options ...connect.HandlerOption) {
	options = append([]connect.HandlerOption{
		connect.WithReadMaxBytes(MaxRequestBytes), connect.WithCompressMinBytes(worthCompressing), strictJSON(),
	}, options...)
	path, handler := pb.NewLockServiceHandler(&service{backend: b, who: s.who, stopping: s.Stopping()}, options...)
	s.Handle(path, helpAstray(handler))
	mountHealth(s, options)
	reflector := grpcreflect.NewStaticReflector(pb.LockServiceName, healthName)
	s.Handle(grpcreflect.NewHandlerV1(reflector, options...))
	s.Handle(grpcreflect.NewHandlerV1Alpha(reflector, options...))
	s.mux.HandleFunc("GET /openapi.yaml", describe)
}

// within bounds a request: whoever waits for an answer is told that there is none,
// as long as it listens.
func within(ctx context.Context, more time.Duration) (context.Context, context.CancelFunc) {
	end, has := ctx.Deadline()
	if !has {
		return context.WithTimeout(ctx, answerWithin+more)
	}
	return context.WithDeadline(ctx, end.Add(-min(earlier, time.Until(end)/10)))
}

// untilStop ends with the caller or when the node stops. It says of an end which
// of the two it was.
func (s *service) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.stopping, cancel)
	return ctx, func() { stop(); cancel() }
}

// ended says why something is over that goes on until the node stops.
func (s *service) ended(err error) error {
	if s.stopping.Err() != nil && errors.Is(err, context.Canceled) {
		err = replica.ErrClosed
	}
	return failure(err)
}

// OpenSession implements pb.LockServiceHandler, as all of these methods do.
func (s *service) OpenSession(ctx context.Context, r *pb.OpenSessionRequest) (*pb.OpenSessionResponse, error) {
	ttl, err := millisOf("the ttl", r.GetTtl())
	if err != nil {
		return nil, err
	}
	info, err := infoOf(r.GetInfo())
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	card, err := s.backend.Open(ctx, lock.Number(r.GetNonce()), lock.Terms{TTL: ttl, Info: info})
	if err != nil {
		return nil, failure(err)
	}
	return &pb.OpenSessionResponse{Session: sessionText(card.ID), Ttl: span(card.TTL)}, nil
}

func (s *service) KeepAlive(ctx context.Context, r *pb.KeepAliveRequest) (*pb.KeepAliveResponse, error) {
	id, err := sessionOf(r.GetSession())
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	ttl, err := s.backend.KeepAlive(ctx, id)
	if err != nil {
		return nil, failure(err)
	}
	return &pb.KeepAliveResponse{Ttl: span(ttl)}, nil
}

func (s *service) CloseSession(ctx context.Context, r *pb.CloseSessionRequest) (*pb.CloseSessionResponse, error) {
	id, err := sessionOf(r.GetSession())
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(ctx, 0)
	defer cancel()
	if err := s.backend.CloseSession(ctx, id); err != nil {
		return nil, failure(err)
	}
	return &pb.CloseSessionResponse{}, nil
}
