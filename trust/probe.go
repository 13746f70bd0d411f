package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// ErrSpeaksTLS says that a node wants TLS, and nobody gave us a certificate.
var ErrSpeaksTLS = errors.New("wants TLS")

// Probe says what keeps a process from talking to a node that takes connections,
// or nil if it is nothing of ours. A nil source is a process without TLS.
func Probe(ctx context.Context, source Source, conn net.Conn, host string) error {
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // else the caller closes it
	}
	if source == nil {
		// Whoever answers a hello speaks TLS; what it shows is of no interest.
		hello := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if hello.HandshakeContext(ctx) == nil {
			return ErrSpeaksTLS
		}
		return nil
	}
	config := source.Identity().Dialling(func(p Party) error { return p.CheckNode(host) })
	config.NextProtos = []string{"h2"}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		switch {
		case errors.As(err, &plain):
			return errors.New("speaks without TLS")
		case timedOut(err):
			return nil
		default:
			return unwrapped(err)
		}
	}
	// Whether our own certificate is good enough is known with the first byte.
	_ = secured.SetReadDeadline(time.Now().Add(refusalTime))
	if _, err := secured.Read(make([]byte, 1)); err != nil && !timedOut(err) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("refuses our certificate: %w", unwrapped(err))
	}
	return nil
}

// refusalTime is how long a node may take to refuse a certificate.
const refusalTime = 200 * time.Millisecond

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// unwrapped is an error without the connection that it happened on.
func unwrapped(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// CheckNode returns an error if the certificate is not a node's at this host.
func (p Party) CheckNode(host string) error {
	if p.IsNode(host) {
		return nil
	}
	return fmt.Errorf("its certificate is for %s, and not for a node at %s", p, host)
}
