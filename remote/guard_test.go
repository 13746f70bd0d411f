package remote

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	proto "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"

	"lockstep/actors"
	"lockstep/messages"
)

// script is a stream that a test has written.
type script struct {
	grpc.ServerStream
	messages []*proto.RemoteMessage
	last     error
}

func (s *script) Context() context.Context { return context.Background() }

func (s *script) RecvMsg(m any) error {
	if len(s.messages) == 0 {
		return s.last
	}
	pb.Merge(m.(pb.Message), s.messages[0])
	s.messages = s.messages[1:]
	return nil
}

// newTestGuard returns a guard with a probe for a door.
func newTestGuard() (*guard, *probe) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(discardLog))
	pr := &probe{}
	pr.pid = system.Root.Spawn(actors.Props(func() actor.Actor { return pr }, actor.WithDispatcher(actor.NewSynchronizedDispatcher(1))))
	return &guard{refusals: newRefusals(discardLog(nil)), root: system.Root, door: pr.pid}, pr
}

const strangerAddress = "127.0.0.1:5"

func greeting(address string) *proto.RemoteMessage {
	return &proto.RemoteMessage{MessageType: &proto.RemoteMessage_ConnectRequest{ConnectRequest: &proto.ConnectRequest{
		ConnectionType: &proto.ConnectRequest_ServerConnection{ServerConnection: &proto.ServerConnection{Address: address}}}}}
}

// aBatch is a batch that may pass, with something done to it.
func aBatch(change func(b *proto.MessageBatch, e *proto.MessageEnvelope)) *proto.RemoteMessage {
	e := &proto.MessageEnvelope{}
	b := &proto.MessageBatch{TypeNames: []string{"lockstep.Frame"}, Targets: []string{"door"}, Envelopes: []*proto.MessageEnvelope{e}}
	change(b, e)
	return &proto.RemoteMessage{MessageType: &proto.RemoteMessage_MessageBatch{MessageBatch: b}}
}

func TestGuardRefuses(t *testing.T) {
	hello := greeting(strangerAddress)
	type batch = *proto.MessageBatch
	type envelope = *proto.MessageEnvelope
	with := func(change func(b batch, e envelope)) []*proto.RemoteMessage {
		return []*proto.RemoteMessage{hello, aBatch(change)}
	}
	tests := map[string]struct {
		send   []*proto.RemoteMessage
		reason string
	}{
		"a batch before the greeting": {[]*proto.RemoteMessage{aBatch(func(batch, envelope) {})}, "batch before the greeting"},
		"an empty message":            {[]*proto.RemoteMessage{{}}, "message kind"},
		"a second greeting":           {[]*proto.RemoteMessage{hello, hello}, "greeting"},
		"an empty address":            {[]*proto.RemoteMessage{greeting("")}, "greeting"},
		"an address without a port":   {[]*proto.RemoteMessage{greeting("127.0.0.1")}, "greeting"},
		"an address of another kind":  {[]*proto.RemoteMessage{greeting("unix:/tmp/x:1")}, "greeting"},
		"an address with a newline":   {[]*proto.RemoteMessage{greeting("a\nb:1")}, "greeting"},
		"an endless address":          {[]*proto.RemoteMessage{greeting(strings.Repeat("a", 300) + ":1")}, "greeting"},
		"a client's greeting": {[]*proto.RemoteMessage{{MessageType: &proto.RemoteMessage_ConnectRequest{ConnectRequest: &proto.ConnectRequest{
			ConnectionType: &proto.ConnectRequest_ClientConnection{}}}}}, "greeting"},
		"a greeting of no kind":   {[]*proto.RemoteMessage{{MessageType: &proto.RemoteMessage_ConnectRequest{}}}, "greeting"},
		"a request to disconnect": {[]*proto.RemoteMessage{hello, {MessageType: &proto.RemoteMessage_DisconnectRequest{}}}, "message kind"},
		"a response":              {[]*proto.RemoteMessage{hello, {MessageType: &proto.RemoteMessage_ConnectResponse{}}}, "message kind"},

		"a stop":                {with(func(b batch, _ envelope) { b.TypeNames[0] = "actor.Stop" }), "message type"},
		"a poison pill":         {with(func(b batch, _ envelope) { b.TypeNames[0] = "actor.PoisonPill" }), "message type"},
		"a type beyond the end": {with(func(_ batch, e envelope) { e.TypeId = 1 }), "message type"},
		"a type before it":      {with(func(_ batch, e envelope) { e.TypeId = -1 }), "message type"},
		"a second type is bad":  {with(func(b batch, e envelope) { b.TypeNames = append(b.TypeNames, "actor.Watch"); e.TypeId = 1 }), "message type"},
		"another target":        {with(func(b batch, _ envelope) { b.Targets[0] = "activator" }), "target"},
		"a target beyond":       {with(func(_ batch, e envelope) { e.Target = 1 }), "target"},
		"a target before":       {with(func(_ batch, e envelope) { e.Target = -1 }), "target"},
		"a sender beyond":       {with(func(_ batch, e envelope) { e.Sender = 1 }), "sender"},
		"a sender before":       {with(func(_ batch, e envelope) { e.Sender = -1 }), "sender"},
		"a sender at the edge":  {with(func(_ batch, e envelope) { e.Sender = -1 << 31 }), "sender"},
		"a sender elsewhere": {with(func(b batch, e envelope) {
			b.Senders, e.Sender = []*actor.PID{actor.NewPID("127.0.0.1:6", "door")}, 1
		}), "sender"},
		"another serializer": {with(func(_ batch, e envelope) { e.SerializerId = 1 }), "serializer, header or request id"},
		"a header":           {with(func(_ batch, e envelope) { e.MessageHeader = &proto.MessageHeader{} }), "serializer, header or request id"},
		"a request id":       {with(func(_ batch, e envelope) { e.TargetRequestId = 1 }), "serializer, header or request id"},
		"a sender's id":      {with(func(_ batch, e envelope) { e.SenderRequestId = 1 }), "serializer, header or request id"},
		"too large a frame":  {with(func(_ batch, e envelope) { e.MessageData = make([]byte, maxFrameBytes+5000) }), "batch size"},
		"too many frames": {with(func(b batch, e envelope) {
			for range maxEnvelopes {
				b.Envelopes = append(b.Envelopes, e)
			}
		}), "batch size"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g, _ := newTestGuard()
			s := &guardedStream{ServerStream: &script{messages: test.send, last: io.EOF}, guard: g}
			var err error
			for range test.send {
				if err != nil {
					t.Fatalf("refused too early: %v", err)
				}
				err = s.RecvMsg(&proto.RemoteMessage{})
			}
			if status.Code(err) != codes.PermissionDenied || g.refusals.counts()[test.reason] != 1 {
				t.Errorf("%v, counts %v", err, g.refusals.counts())
			}
		})
	}
}

// What a link sends passes, stamped with its stream, between the stream's
// beginning and its end.
func TestGuardPasses(t *testing.T) {
	g, door := newTestGuard()
	own := actor.NewPID(strangerAddress, "anything")
	ss := &script{last: errors.New("broken"), messages: []*proto.RemoteMessage{
		greeting(strangerAddress),
		aBatch(func(*proto.MessageBatch, *proto.MessageEnvelope) {}),
		aBatch(func(b *proto.MessageBatch, e *proto.MessageEnvelope) { b.Senders, e.Sender = []*actor.PID{own}, 1 }),
	}}
	received := 0
	err := g.stream(nil, ss, &grpc.StreamServerInfo{FullMethod: receiveMethod}, func(_ any, ss grpc.ServerStream) error {
		for {
			m := &proto.RemoteMessage{}
			if err := ss.RecvMsg(m); err != nil {
				return err
			}
			if b := m.GetMessageBatch(); b != nil {
				received++
				if b.Senders[b.Envelopes[0].Sender-1].Id != "stream-1" {
					t.Errorf("stamped %v", b.Senders)
				}
			}
		}
	})
	if err == nil || received != 2 {
		t.Errorf("%d batches, %v", received, err)
	}
	opened, ended := of[streamOpened](door), of[streamEnded](door)
	if len(opened) != 1 || len(ended) != 1 || opened[0].stream != ended[0].stream || opened[0].stream.address != strangerAddress {
		t.Errorf("opened %v, ended %v", opened, ended)
	}
	if counts := g.refusals.counts(); len(counts) != 0 {
		t.Errorf("refused: %v", counts)
	}
}

// A panic in the library ends the stream and not the process.
func TestGuardRecovers(t *testing.T) {
	g, _ := newTestGuard()
	err := g.stream(nil, &script{}, &grpc.StreamServerInfo{FullMethod: receiveMethod}, func(any, grpc.ServerStream) error { panic("index out of range") })
	if status.Code(err) != codes.Internal || g.refusals.counts()["panic in the library"] != 1 {
		t.Errorf("%v, counts %v", err, g.refusals.counts())
	}
}

func TestGuardRefusesCalls(t *testing.T) {
	g, _ := newTestGuard()
	_, err := g.unary(context.Background(), nil, &grpc.UnaryServerInfo{FullMethod: "/remote.Remoting/ListProcesses"}, func(context.Context, any) (any, error) {
		t.Error("the call got through")
		return nil, nil
	})
	if status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
	err = g.stream(nil, &script{}, &grpc.StreamServerInfo{FullMethod: "/remote.Remoting/Other"}, func(any, grpc.ServerStream) error {
		t.Error("the stream got through")
		return nil
	})
	if status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}

func TestFrameName(t *testing.T) {
	if frameName != "lockstep.Frame" || receiveMethod != proto.Remoting_Receive_FullMethodName {
		t.Errorf("%s, %s", frameName, receiveMethod)
	}
	if full := (&messages.Frame{}).ProtoReflect().Descriptor().FullName(); string(full) != frameName {
		t.Error(full)
	}
}
