package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	proto "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"lockstep/messages"
	"lockstep/replica"
	"lockstep/trust"
)

const (
	receiveMethod = "/remote.Remoting/Receive"
	maxEnvelopes  = 64 // in a batch; links send far fewer
)

var frameName = string((&messages.Frame{}).ProtoReflect().Descriptor().FullName())

// guard stands between gRPC and proto.actor's remoting, which trusts whoever
// reaches it: unguarded, one message stops any named actor, one call or one
// index out of range ends the process, and any address can be made to be
// dialled. The guard lets pass what a link sends, and nothing else.
type guard struct {
	process  *Process
	refusals *refusals
	claims   *claims
	root     *actor.RootContext
	door     *actor.PID
	secure   bool // streams have a certificate to be checked
	streams  atomic.Uint64
}

// unary refuses every call that is not a stream: the library panics on them.
func (g *guard) unary(_ context.Context, _ any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
	g.refusals.count("call", info.FullMethod)
	return nil, status.Error(codes.Unimplemented, "this process answers no calls")
}

// stream lets the library read a stream through a guardedStream.
func (g *guard) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	if info.FullMethod != receiveMethod {
		g.refusals.count("unknown stream", info.FullMethod)
		return status.Error(codes.Unimplemented, "this process has no such stream")
	}
	s := &guardedStream{ServerStream: ss, guard: g}
	defer func() {
		// A panic in the library's handler would end the process, and only what a
		// stranger sent can have caused it.
		if r := recover(); r != nil {
			g.refusals.count("panic in the library", fmt.Sprintf("%.200v", r))
			err = status.Error(codes.Internal, "refused")
		} else if err != nil && !s.over {
			g.refusals.count("refused by the library", err.Error())
		}
		s.end()
	}()
	return handle(srv, s)
}

// guardedStream is what the library reads. All of it runs on one goroutine.
type guardedStream struct {
	grpc.ServerStream
	guard  *guard
	opened *stream    // nil before the greeting
	sender *actor.PID // how the door knows the stream that a frame came on
	over   bool       // RecvMsg has returned an error
}

// RecvMsg passes on what the link of another process may have sent.
func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		if status.Code(err) == codes.ResourceExhausted {
			s.guard.refusals.count("message too large", s.from())
		}
		s.end()
		return err
	}
	message, ok := m.(*proto.RemoteMessage)
	if !ok {
		return s.refuse(errors.New("not a message of remoting"))
	}
	switch t := message.GetMessageType().(type) {
	case *proto.RemoteMessage_ConnectRequest:
		return s.refuse(s.greet(t.ConnectRequest))
	case *proto.RemoteMessage_MessageBatch:
		return s.refuse(s.check(t.MessageBatch))
	default:
		return s.refuse(errKind)
	}
}

// What a stream can be refused for.
var (
	errKind     = errors.New("message kind")
	errGreeting = errors.New("greeting")
	errOrder    = errors.New("batch before the greeting")
	errBatch    = errors.New("batch size")
	errType     = errors.New("message type")
	errTarget   = errors.New("target")
	errSender   = errors.New("sender")
	errExtras   = errors.New("serializer, header or request id")
	errCert     = errors.New("certificate is not for the address")
	errNode     = errors.New("a client's certificate for a node's address")
)

// refuse ends the stream if there is an error.
func (s *guardedStream) refuse(err error) error {
	if err == nil {
		return nil
	}
	s.guard.refusals.count(err.Error(), s.from())
	s.end()
	return status.Error(codes.PermissionDenied, "refused: "+err.Error())
}

func (s *guardedStream) from() string {
	if s.opened != nil {
		return fmt.Sprintf("stream of %.64q", s.opened.address)
	}
	if p, ok := peer.FromContext(s.Context()); ok {
		return p.Addr.String()
	}
	return ""
}

// greet takes the first message: a process that says its address.
func (s *guardedStream) greet(c *proto.ConnectRequest) error {
	server := c.GetServerConnection()
	if server == nil || s.opened != nil || checkAddress(server.GetAddress()) != nil {
		return errGreeting
	}
	number := s.guard.streams.Add(1)
	opened := &stream{
		name:    fmt.Sprint("stream-", number),
		number:  number,
		address: replica.NodeID(server.GetAddress()),
		prove:   func() {},
	}
	p, ok := peer.FromContext(s.Context())
	if !ok {
		p = &peer.Peer{} // in tests
	}
	if s.guard.secure {
		if err := s.guard.certify(opened, p.AuthInfo); err != nil {
			return err
		}
	}
	if v, ok := p.Addr.(visitorAddr); ok {
		opened.prove = v.visitor.prove
	}
	s.opened = opened
	s.sender = actor.NewPID(server.GetAddress(), s.opened.name)
	s.guard.root.Send(s.guard.door, streamOpened{s.opened})
	return nil
}

// certify finds out who opens a stream, and whether it may claim its address. A
// node's certificate is for hosts; a client's is for no host in particular, so it
// opens no way to an address where a node is.
func (g *guard) certify(s *stream, info credentials.AuthInfo) error {
	t, ok := info.(credentials.TLSInfo)
	if !ok {
		return errCert
	}
	who, ok := trust.PartyOf(t.State.PeerCertificates)
	host, _, err := net.SplitHostPort(string(s.address))
	switch {
	case !ok, err != nil:
		return errCert
	case who.IsNode(host):
		s.principal = who.Name()
	case !who.IsClient() || who.Name() == "":
		return errCert
	case g.process.configured(s.address):
		return errNode
	default:
		s.principal, s.client = who.Name(), true
		g.claims.add(claim{s.address, s.principal})
	}
	return nil
}

// check lets a batch pass if it holds nothing but frames for the door. It stamps
// every frame with the stream that it came on.
func (s *guardedStream) check(b *proto.MessageBatch) error {
	if s.opened == nil {
		return errOrder
	}
	if len(b.GetEnvelopes()) > maxEnvelopes {
		return errBatch
	}
	for _, e := range b.GetEnvelopes() {
		if err := s.checkEnvelope(b, e); err != nil {
			return err
		}
	}
	b.Senders = []*actor.PID{s.sender}
	for _, e := range b.GetEnvelopes() {
		e.Sender = 1 // indexes of senders begin at 1
	}
	return nil
}

func (s *guardedStream) checkEnvelope(b *proto.MessageBatch, e *proto.MessageEnvelope) error {
	switch {
	case len(e.GetMessageData()) > maxFrameBytes+4096:
		return errBatch
	case !in(e.GetTypeId(), len(b.GetTypeNames())) || b.GetTypeNames()[e.GetTypeId()] != frameName:
		return errType
	case !in(e.GetTarget(), len(b.GetTargets())) || b.GetTargets()[e.GetTarget()] != doorName:
		return errTarget
	case e.GetSerializerId() != 0 || e.GetMessageHeader() != nil || e.GetTargetRequestId() != 0 || e.GetSenderRequestId() != 0:
		return errExtras
	case e.GetSender() == 0:
		return nil
	case !in(e.GetSender()-1, len(b.GetSenders())) || b.GetSenders()[e.GetSender()-1].GetAddress() != string(s.opened.address):
		return errSender
	default:
		return nil
	}
}

func in(index int32, length int) bool { return 0 <= index && int(index) < length }

// end tells the door that nothing more will come on this stream. It runs on the
// goroutine that delivered the last frame, and therefore after it.
func (s *guardedStream) end() {
	if s.over {
		return
	}
	s.over = true
	if s.opened != nil {
		if s.opened.client {
			s.guard.claims.drop(claim{s.opened.address, s.opened.principal})
		}
		s.guard.root.Send(s.guard.door, streamEnded{s.opened})
	}
}
