package lockstep

import (
	"log/slog"
	"time"

	"lockstep/actors"
)

// Option changes how a client is set up.
type Option func(*options)

type options struct {
	listen   string
	insecure bool
	attempt  time.Duration
	log      *slog.Logger
}

func defaults() options {
	return options{
		listen:  "127.0.0.1:0",
		attempt: 250 * time.Millisecond,
		log:     slog.New(slog.DiscardHandler),
	}
}

// WithAttempt sets how long a request waits for an answer before it is sent
// again, to another node; later attempts wait longer. The default is 250 ms.
// Shorter than 25 ms counts as 25 ms.
func WithAttempt(d time.Duration) Option {
	return func(o *options) { o.attempt = max(d, actors.ClientTick) }
}

// WithListen sets the address on which answers are received: the nodes connect
// to it. The default is a free port of 127.0.0.1, which serves nodes on this
// machine.
func WithListen(address string) Option { return func(o *options) { o.listen = address } }

// WithInsecure allows WithListen an address that other machines can reach.
// Connections are not encrypted: whoever can reach it can read the answers.
func WithInsecure() Option { return func(o *options) { o.insecure = true } }

// WithLogger sets where the client says what it does. The default is nowhere.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }
