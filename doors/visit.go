package doors

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	pb "lockstep/api/lockstep/v1"
)

// visit is a request that was let in. It sees whether that was worth it: what is too
// large, too slow or not to be understood is refused behind the doors, by the port or
// the protocols, and noted here.
type visit struct {
	http.ResponseWriter
	body io.ReadCloser
	long bool      // its answer can be
	turn *api.Turn // at writing out such a one; nil: has none

	heard bool    // the service has got it
	cut   bool    // it has not come to its end
	why   Refusal // how it was refused
}

type visitKey struct{}

// visitOf is the visit of a request, or nil if it came by no door.
func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// visit lets a request in and notes what becomes of it.
func (d *Doors) visit(inside http.Handler, w http.ResponseWriter, r *http.Request, who guest) {
	v := &visit{ResponseWriter: w, body: r.Body}
	defer v.written()
	if r.URL.Path == numbers {
		d.charge(who, numbersWeigh)
	}
	v.long = d.closed && longAnswers[r.URL.Path]
	if v.long {
		leave, err := d.rooms.enter(r.Context(), roomOf(who, r.URL.Path))
		if err != nil {
			return // nobody is there to answer
		}
		defer leave()
	}
	ctx := context.WithValue(context.WithValue(r.Context(), guestKey{}, who), visitKey{}, v)
	r = r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = (*visitBody)(v)
	}
	served := false // else it has panicked, which is nobody's mistake but ours
	defer func() {
		if served && v.why == "" && !v.heard && !v.cut && strings.HasPrefix(r.URL.Path, "/"+pb.LockServiceName+"/") && ctx.Err() == nil {
			v.why = Malformed // or it would have got there
		}
		if v.why == Malformed {
			d.charge(who, nonsenseWeighs)
		}
		if v.why != "" {
			d.journal.refused(v.why, who, r.Method+" "+r.URL.Path, time.Now())
		}
	}()
	inside.ServeHTTP(v, r)
	served = true
}

// Unwrap lets a handler reach what only the connection can do.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }

func (v *visit) Write(p []byte) (int, error) {
	v.written()
	began := time.Now()
	n, err := v.ResponseWriter.Write(p)
	v.wrote(began)
	return n, err
}

// written gives a turn back, since the answer is there: now it is its reader's.
func (v *visit) written() {
	if v != nil && v.turn != nil {
		v.turn.End()
		v.turn = nil
	}
}

// Flush is what streams end each message with.
func (v *visit) Flush() {
	began := time.Now()
	_ = http.NewResponseController(v.ResponseWriter).Flush() // the next write fails, too
	v.wrote(began)
}

// wrote looks whether the reader was cut off: nothing else makes a write last so long.
func (v *visit) wrote(began time.Time) {
	if time.Since(began) >= api.WriteWithin {
		v.why = TooSlow
	}
}

// visitBody is what the request says.
type visitBody visit

func (b *visitBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	large := new(http.MaxBytesError)
	switch {
	case err == nil || err == io.EOF:
	case errors.As(err, &large):
		b.why = TooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.why = TooSlow
	default: // whoever sent it has gone
		b.cut = true
	}
	return n, err
}

func (b *visitBody) Close() error { return b.body.Close() }

// Listening tells the doors which requests the service has got, and which it could not
// understand. It goes to api.Mount.
func (d *Doors) Listening() connect.HandlerOption { return connect.WithInterceptors(listening{}) }

type listening struct{}

func (listening) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		answer, err := next(ctx, r)
		heard(ctx, err)
		return answer, err
	}
}

// WrapStreamingClient is for clients, of which there are none here.
func (listening) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler comes before the request is read, unlike WrapUnary.
func (listening) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, stream connect.StreamingHandlerConn) error {
		err := next(ctx, stream)
		heard(ctx, err)
		return err
	}
}

// heard notes that the service has got a request, and how it ended. An error of the
// protocol's own has no details.
func heard(ctx context.Context, err error) {
	v := visitOf(ctx)
	if v == nil {
		return
	}
	v.heard = true
	var failed *connect.Error
	switch {
	case v.why != "" || !errors.As(err, &failed):
	case failed.Code() == connect.CodeInvalidArgument:
		v.why = Malformed
	case failed.Code() == connect.CodeResourceExhausted && len(failed.Details()) == 0:
		v.why = TooLarge
	}
}
