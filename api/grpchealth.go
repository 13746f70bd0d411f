package api

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "lockstep/api/lockstep/v1"
)

// gRPC's health checks. connectrpc.com/grpchealth would serve them, but cannot be
// had through every proxy; the two calls are less than its glue.

const (
	healthName  = "grpc.health.v1.Health"
	healthEvery = 500 * time.Millisecond // a Watch looks
)

var errNoSuchService = errors.New("there is no such service: ask for \"\" or " + pb.LockServiceName)

// health says of "" that the node answers, and of the service that it can grant
// now.
type health struct {
	ready    *readiness
	stopping context.Context
}

func mountHealth(s *Server, options []connect.HandlerOption) {
	h := &health{ready: s.ready, stopping: s.Stopping()}
	const check, watch = "/" + healthName + "/Check", "/" + healthName + "/Watch"
	s.Handle(check, connect.NewUnaryHandlerSimple(check, h.check, options...))
	s.Handle(watch, connect.NewServerStreamHandlerSimple(watch, h.watch, options...))
}

func (h *health) status(ctx context.Context, service string) healthpb.HealthCheckResponse_ServingStatus {
	switch {
	case service != "" && service != pb.LockServiceName:
		return healthpb.HealthCheckResponse_SERVICE_UNKNOWN
	case h.stopping.Err() != nil, service != "" && h.ready.now(ctx) != nil:
		return healthpb.HealthCheckResponse_NOT_SERVING
	default:
		return healthpb.HealthCheckResponse_SERVING
	}
}

func (h *health) check(ctx context.Context, r *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	status := h.status(ctx, r.GetService())
	if status == healthpb.HealthCheckResponse_SERVICE_UNKNOWN {
		return nil, connect.NewError(connect.CodeNotFound, errNoSuchService)
	}
	return &healthpb.HealthCheckResponse{Status: status}, nil
}

// watch tells each change, and an unknown service as one that may come: so the
// protocol wants it.
func (h *health) watch(ctx context.Context, r *healthpb.HealthCheckRequest, to *connect.ServerStream[healthpb.HealthCheckResponse]) error {
	last := healthpb.HealthCheckResponse_UNKNOWN
	look := time.NewTicker(healthEvery)
	defer look.Stop()
	for {
		over := h.stopping.Err() != nil // before it is said what is: that is then the last word
		if now := h.status(ctx, r.GetService()); now != last {
			if err := to.Send(&healthpb.HealthCheckResponse{Status: now}); err != nil {
				return err
			}
			last = now
		}
		if over {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-h.stopping.Done():
		case <-look.C:
		}
	}
}
