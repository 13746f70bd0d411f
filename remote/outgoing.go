package remote

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	proto "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
)

var errStreamEnded = errors.New("remote: the other side ended the stream")

// outgoing wraps the stream that the library writes to.
func outgoing(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, err
	}
	return &outgoingStream{ClientStream: s}, nil
}

// outgoingStream makes the library report the end of a connection exactly once.
//
// The library's event names an address, not a connection, and whatever
// connection that address has by then is thrown away. A stream that it closed
// itself would report that a second time, and so end its successor, whose end
// would be reported a second time too, and so on.
type outgoingStream struct {
	grpc.ClientStream
	failed atomic.Bool // writing failed: the end was not reported yet
	closed atomic.Bool
}

func (s *outgoingStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	if err != nil {
		s.failed.Store(true)
	}
	return err
}

func (s *outgoingStream) CloseSend() error {
	s.closed.Store(true)
	return s.ClientStream.CloseSend()
}

// RecvMsg ends with io.EOF, which the library does not report, if the library
// closed the stream because it was told of the end already; and with another
// error, which it does report, in every other case.
func (s *outgoingStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		if r, ok := m.(*proto.RemoteMessage); ok && r.GetDisconnectRequest() != nil {
			return errStreamEnded
		}
		return nil
	}
	if s.closed.Load() && !s.failed.Load() {
		return io.EOF
	}
	if errors.Is(err, io.EOF) {
		return errStreamEnded
	}
	return err
}

// asWritten keeps gRPC from resolving names: the dialer does, at every connect.
type asWritten struct{}

func (asWritten) Scheme() string { return "dns" }

func (asWritten) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	return asWritten{}, cc.UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: target.Endpoint()}}})
}

func (asWritten) ResolveNow(resolver.ResolveNowOptions) {}
func (asWritten) Close()                                {}
