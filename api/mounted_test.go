package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	pb "lockstep/api/lockstep/v1"
)

// dialGRPC is a client that is not of this house.
func dialGRPC(t *testing.T, s *Server) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestHealthForGRPC(t *testing.T) {
	var cannot atomic.Bool
	cfg := config("127.0.0.1:0")
	cfg.Ready = func(context.Context) error {
		if cannot.Load() {
			return errors.New("no quorum")
		}
		return nil
	}
	s := serve(t, cfg, func(s *Server) { Mount(s, newFake()) })
	client := healthpb.NewHealthClient(dialGRPC(t, s))
	check := func(service string) healthpb.HealthCheckResponse_ServingStatus {
		return must(client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service}))(t).GetStatus()
	}
	watch := must(client.Watch(t.Context(), &healthpb.HealthCheckRequest{Service: pb.LockServiceName}))(t)
	if first := must(watch.Recv())(t).GetStatus(); first != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("watching: %v", first)
	}
	cannot.Store(true)
	if next := must(watch.Recv())(t).GetStatus(); next != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("watching: %v", next)
	}
	if live, ready := check(""), check(pb.LockServiceName); live != healthpb.HealthCheckResponse_SERVING || ready != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("got %v and %v", live, ready)
	}
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "x"}); status.Code(err) != codes.NotFound {
		t.Errorf("of an unknown service: %v", err)
	}
	overall := must(client.Watch(t.Context(), &healthpb.HealthCheckRequest{}))(t)
	must(overall.Recv())(t)
	if err := s.Stop(20 * time.Second); err != nil {
		t.Error(err)
	}
	if last := must(overall.Recv())(t).GetStatus(); last != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Errorf("of a node that stops: %v", last)
	}
}

// TestTheLastWordOfHealth: a node that begins to stop while it finds out how it is
// tells that it stops.
func TestTheLastWordOfHealth(t *testing.T) {
	var looks atomic.Int32
	var s *Server
	cfg := config("127.0.0.1:0")
	cfg.Ready = func(context.Context) error {
		if looks.Add(1) == 2 {
			s.depart()
		}
		return nil
	}
	s = serve(t, cfg, func(s *Server) { Mount(s, newFake()) })
	watch := must(healthpb.NewHealthClient(dialGRPC(t, s)).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: pb.LockServiceName}))(t)
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		if got := must(watch.Recv())(t).GetStatus(); got != want {
			t.Errorf("it says %v, not %v", got, want)
		}
	}
}

func TestReflection(t *testing.T) {
	s := serve(t, config("127.0.0.1:0"), func(s *Server) { Mount(s, newFake()) })
	stream := must(reflectionpb.NewServerReflectionClient(dialGRPC(t, s)).ServerReflectionInfo(t.Context()))(t)
	if err := stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range must(stream.Recv())(t).GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	if !slices.Contains(names, pb.LockServiceName) || !slices.Contains(names, healthName) {
		t.Errorf("got %v", names)
	}
	_ = stream.CloseSend()
}

// TestOpenAPI: the page has every call and every field, and refers to nothing that
// it does not have.
func TestOpenAPI(t *testing.T) {
	s := serve(t, config("127.0.0.1:0"), func(s *Server) { Mount(s, newFake()) })
	answer, page := get(t, &http.Transport{}, "http://"+s.Address()+"/openapi.yaml")
	if answer.Header.Get("Content-Type") != "application/yaml" {
		t.Error(answer.Header)
	}
	file := pb.File_lockstep_v1_lockstep_proto
	methods := file.Services().Get(0).Methods()
	for i := range methods.Len() {
		if want := "\n  \"/" + pb.LockServiceName + "/" + string(methods.Get(i).Name()) + "\":\n"; !strings.Contains(page, want) {
			t.Errorf("there is no path%s", want)
		}
	}
	messages := file.Messages()
	for i := range messages.Len() {
		fields := messages.Get(i).Fields()
		_, schema, found := strings.Cut(page, "\n    \""+string(messages.Get(i).FullName())+"\":\n")
		for j := range fields.Len() {
			if want := "\n        " + fields.Get(j).JSONName() + ":\n"; !found || !strings.Contains(schema, want) {
				t.Errorf("%s: there is no%s", messages.Get(i).FullName(), want)
			}
		}
	}
	for i, part := range strings.Split(page, `"#/components/schemas/`) {
		if name, _, _ := strings.Cut(part, `"`); i > 0 && !strings.Contains(page, "\n    \""+name+"\":\n") {
			t.Errorf("%s is referred to, and is not there", name)
		}
	}
}
