package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"lockstep"
	"lockstep/api"
	pb "lockstep/api/lockstep/v1"
)

// entry is how the public API of a node is reached.
type entry struct {
	address string // host:port, or unix:PATH
	tls     *tls.Config
	token   string // shown with each request, if there is one
}

// speaker talks to the public API in one of its protocols, as a program with stock
// libraries would. It is safe for concurrent use.
type speaker interface {
	call(ctx context.Context, method string, ask, answer proto.Message) error
	hangUp()
}

// grpcSpeaker has one connection for all its callers, as gRPC's clients do.
type grpcSpeaker struct {
	conn  *grpc.ClientConn
	token string
}

func speakGRPC(e entry) (speaker, error) {
	secrets := insecure.NewCredentials()
	if e.tls != nil {
		secrets = credentials.NewTLS(e.tls.Clone())
	}
	target := e.address // of a socket with a path it is gRPC's own form
	if _, path := api.UnixPath(e.address); !path {
		target = "passthrough:///" + e.address
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(secrets))
	if err != nil {
		return nil, err
	}
	return &grpcSpeaker{conn, e.token}, nil
}

func (s *grpcSpeaker) call(ctx context.Context, method string, ask, answer proto.Message) error {
	if s.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.token)
	}
	err := s.conn.Invoke(ctx, "/"+pb.LockServiceName+"/"+method, ask, answer)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case status.Code(err) == codes.NotFound:
		return lockstep.ErrSessionExpired
	default:
		return fmt.Errorf("%v: %s", status.Code(err), status.Convert(err).Message())
	}
}

func (s *grpcSpeaker) hangUp() { _ = s.conn.Close() }

// unusedFor is how long a connection may rest that was opened and then not needed. The
// node closes one on which nothing was asked in 5 s, and who begins to ask at that very
// moment never learns what became of it.
const unusedFor = 3 * time.Second

// jsonSpeaker posts JSON over HTTP/1.1, on as many connections as it takes.
type jsonSpeaker struct {
	client *http.Client
	base   string
	token  string
}

func speakJSON(e entry) (speaker, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: maxCallers, IdleConnTimeout: unusedFor, TLSClientConfig: e.tls.Clone()}
	base := "http://" + e.address
	if e.tls != nil {
		base = "https://" + e.address
	}
	if path, ok := api.UnixPath(e.address); ok {
		base = "http://node"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	return &jsonSpeaker{&http.Client{Transport: transport}, base + "/" + pb.LockServiceName + "/", e.token}, nil
}

func (s *jsonSpeaker) call(ctx context.Context, method string, ask, answer proto.Message) error {
	body, err := protojson.Marshal(ask)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+method, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return unlessOver(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return unlessOver(ctx, err)
	case response.StatusCode == http.StatusOK:
		return protojson.Unmarshal(text, answer)
	case response.StatusCode == http.StatusNotFound:
		return lockstep.ErrSessionExpired
	default:
		return refusedAs(response.Status, text)
	}
}

// unlessOver is an error, or that nobody waits for the answer any more.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// refusedAs is an error of the API in JSON, or what else was answered.
func refusedAs(status string, text []byte) error {
	var said struct{ Code, Message string }
	if err := json.Unmarshal(text, &said); err != nil || said.Code == "" {
		return errors.New(status)
	}
	return fmt.Errorf("%s: %s", said.Code, said.Message)
}

func (s *jsonSpeaker) hangUp() { s.client.CloseIdleConnections() }
