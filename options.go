package lockstep

import (
	"log/slog"
	"time"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/observe/traces"
	"lockstep/trust"
)

// Option changes how a client is set up.
type Option func(*options)

type options struct {
	listen   string
	insecure bool
	tls      trust.Files
	attempt  time.Duration // zero: what suits the TTL
	log      *slog.Logger
	ttl      time.Duration
	info     map[string]string
	clock    func() time.Duration // nil: the one that suits the network
	repeat   bool                 // at least once
	tracer   traces.Tracer        // nil: nothing is told
}

const defaultAttempt = 250 * time.Millisecond

func defaults() options {
	return options{
		listen: "127.0.0.1:0",
		log:    slog.New(slog.DiscardHandler),
		ttl:    span(lock.DefaultTTL).Duration,
	}
}

// WithAttempt sets how long a request waits for an answer before it is sent
// again, to another node; later attempts wait longer. The default is 250 ms, or a
// sixth of the TTL if that is less. Shorter than 25 ms counts as 25 ms; longer
// than a sixth of the TTL is refused.
func WithAttempt(d time.Duration) Option {
	return func(o *options) { o.attempt = max(d, actors.ClientTick) }
}

// WithListen sets the address on which answers are received: the nodes connect
// to it. The default is a free port of 127.0.0.1, which serves nodes on this
// machine.
func WithListen(address string) Option { return func(o *options) { o.listen = address } }

// WithTLS encrypts all connections, and has both sides show who they are: with
// this client's certificate and key, against the authorities that sign those of
// the nodes, all files of PEM. The certificate is one for clients, whose common
// name is the principal that the nodes know this client by; or one for servers,
// for the host of WithListen. The files are read again when they have changed.
func WithTLS(certificate, key, authorities string) Option {
	return func(o *options) {
		o.tls = trust.Files{Certificate: certificate, Key: key, Authorities: authorities}
	}
}

// WithInsecure allows WithListen an address that other machines can reach, without
// WithTLS: whoever can reach it can read the answers.
func WithInsecure() Option { return func(o *options) { o.insecure = true } }

// WithLogger sets where the client says what it does. The default is nowhere.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithTTL sets how long the nodes wait for a sign of life before they take this
// client's locks away: 1 s to 1 h; the default is 10 s. The client gives one in a
// third of it, and gives its leases up a little earlier than the nodes do.
func WithTTL(d time.Duration) Option { return func(o *options) { o.ttl = d } }

// WithInfo shows others more about this client than its host, pid, user and
// command, or something else for one of these. Keys have no "=", and neither
// keys nor values have line breaks.
func WithInfo(info map[string]string) Option { return func(o *options) { o.info = info } }

// WithClock sets the clock that leases are measured by, for tests. It must not
// go back, and has to run while the machine is suspended, as the default does
// where the system has such a clock.
func WithClock(clock func() time.Duration) Option { return func(o *options) { o.clock = clock } }

// WithAtLeastOnce makes some requests outlive the client's session: what would
// end with ErrSessionExpired is asked again under a new one, until there is a
// definite answer or ctx ends. Without it every request is executed at most once,
// and exactly once if it is answered. With it, these may be executed twice:
//
//   - Acquire, AcquireAll, Elect and Do, of which nothing stays when their session
//     ends. Their place in the queue is a new one, and they may wait for the old
//     session's end.
//   - Unlock and Revoke. The answer may be false although it was the first asking
//     that freed the lock; and if somebody else took the lock between the two,
//     the second frees it again.
//
// Never asked again are Lock, TryAcquire and TryAcquireAll, which could be refused
// for what their own first asking took, and Release, since the lock goes with the
// session. Questions change nothing, and are repeated anyway.
func WithAtLeastOnce() Option { return func(o *options) { o.repeat = true } }
