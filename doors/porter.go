package doors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"

	"lockstep/api"
	"lockstep/doors/access"
	"lockstep/trust"
)

// Config is what the doors of a port are told.
type Config struct {
	// Book has the policy. Without one, whoever is known may do everything.
	Book *Book
	// Encrypted is whether the port has TLS, and so whoever comes can show a
	// certificate. With neither this nor a Book the doors stand open to everybody
	// who reaches the port.
	Encrypted bool
	// Proxies are whose word counts for where a request comes from.
	Proxies Proxies
	Journal *Journal
}

// Doors are those of one port.
type Doors struct {
	book      *Book
	closed    bool // who is not known stays outside
	proxies   Proxies
	journal   *Journal
	meter     *access.Meter // of those who are known
	strangers *access.Meter // of the others, by their origins
	hands     *access.Meter // of connections that are to be encrypted, by their origins
	insisting *access.Meter // of those who were told to wait
	answers   *connect.ErrorWriter
	rooms     rooms         // for answers that can be long
	writing   *api.Turns    // at such that are
	hearing   chan struct{} // has those who are refused and heard out
}

// Limits of the strangers of one origin.
var (
	probing  = access.Limits{Rate: 200, Burst: 400, Open: 64}
	watching = access.Limits{Open: 8} // each takes its room for as long as it wants
)

// New returns the doors of a port.
func New(cfg Config) *Doors {
	return &Doors{
		book: cfg.Book, closed: cfg.Book != nil || cfg.Encrypted, proxies: cfg.Proxies, journal: cfg.Journal,
		meter: access.NewMeter(), strangers: access.NewMeter(), hands: access.NewMeter(), insisting: access.NewMeter(), answers: connect.NewErrorWriter(),
		rooms: rooms{all: map[string]*room{}}, writing: api.NewTurns(afterWriting), hearing: make(chan struct{}, heardAtOnce),
	}
}

// Closed reports whether anybody has to say who he is.
func (d *Doors) Closed() bool { return d.closed }

// Admitted returns an error unless a request of this context has come through
// Porter, by somebody whom it knew.
func (d *Doors) Admitted(ctx context.Context) error {
	if guestOf(ctx).known {
		return nil
	}
	return errors.New("this is for those who are known")
}

// Who says whom a request of this context comes from, and what the rules give them.
func (d *Doors) Who(ctx context.Context) api.Caller {
	who := guestOf(ctx)
	caller := api.Caller{Principal: who.name}
	for _, p := range d.policy().Rights(who.name) {
		caller.May = append(caller.May, api.Permission{Right: rights[p.Right], Pattern: p.Pattern})
	}
	return caller
}

// rights are what the API calls those of the rules.
var rights = map[access.Right]api.Right{access.Read: api.Read, access.Lock: api.Lock, access.Admin: api.Admin}

// guest is who makes a request.
type guest struct {
	name  string // the principal; empty is nobody in particular
	from  string // the address
	known bool
	valid func(*access.Policy) bool // whether it still would be; nil: as long as it is connected
}

type guestKey struct{}

// guestOf is who came in with a request.
func guestOf(ctx context.Context) guest {
	g, _ := ctx.Value(guestKey{}).(guest)
	return g
}

func (d *Doors) policy() *access.Policy {
	if d.book == nil {
		return new(access.Policy)
	}
	return d.book.Policy()
}

// limitsOf are those of somebody. Where nobody is asked who he is, there is nobody
// in particular to hold to any.
func (d *Doors) limitsOf(policy *access.Policy, who guest) access.Limits {
	if !d.closed {
		return access.Limits{}
	}
	return policy.LimitsOf(who.name)
}

const healthCalls = "/grpc.health.v1.Health/"

// open are what anybody may ask who reaches the port: whether the node is well, and
// the files of the page, on which people say who they are.
func open(path string) bool {
	return probe(path) || strings.HasPrefix(path, healthCalls) || ofPage(path)
}

func ofPage(path string) bool {
	file, found := strings.CutPrefix(path, "/page/")
	return path == "/" || found && !strings.Contains(file, "/")
}

// probe is what costs the node nothing, however often it is asked: what looks after
// the node believes that it is dead if there is no answer.
func probe(path string) bool { return path == "/livez" || path == "/readyz" }

// account is where a request is counted, and what is due there.
func (d *Doors) account(policy *access.Policy, who guest, path string) (*access.Meter, string, access.Limits) {
	switch {
	case who.known || !d.closed:
		return d.meter, who.name, d.limitsOf(policy, who)
	case path == healthCalls+"Watch":
		return d.strangers, "watch " + api.Origin(who.from), watching
	default:
		return d.strangers, api.Origin(who.from), probing
	}
}

// Porter is the handler before all others.
func (d *Doors) Porter(inside http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		policy := d.policy()
		r, misled := d.fromAfar(r)
		who, err := d.identify(r, policy)
		switch {
		case misled != nil:
			d.refuse(w, r, Misled, who, connect.CodeInvalidArgument, misled)
			return
		case !d.closed && rebound(r):
			d.refuse(w, r, Rebound, who, connect.CodePermissionDenied,
				fmt.Errorf("this port is for programs of this machine, which call it localhost or by its address, and not %.80q", r.Host))
			return
		case ofOtherPage(r):
			d.refuse(w, r, Elsewhere, who, connect.CodePermissionDenied,
				errors.New("a page of another site has asked for this in a browser, and only a page of this port may"))
			return
		case err == nil && who.known:
			api.Known(r.Context())
		case !d.closed:
			api.Known(r.Context()) // as far as anybody is
		case open(r.URL.Path):
			who = guest{from: r.RemoteAddr}
			api.Strange(r.Context())
			if r.ProtoMajor < 2 || !ofPage(r.URL.Path) { // all files come over one connection of HTTP/2
				w.Header().Set("Connection", "close") // strangers keep no room
			}
		default:
			d.refuse(w, r, Unknown, who, connect.CodeUnauthenticated, err)
			return
		}
		if !probe(r.URL.Path) {
			meter, account, limits := d.account(policy, who, r.URL.Path)
			exceeded, after := meter.Begin(account, limits, time.Now())
			if exceeded != access.Nothing {
				if d.insists(account) {
					w.Header().Set("Connection", "close")
				}
				d.slow(w, r, who, exceeded, after)
				return
			}
			defer meter.End(account)
		}
		if err := d.mayEnter(policy, who, r.URL.Path); err != nil {
			d.refuse(w, r, Forbids, who, connect.CodePermissionDenied, err)
			return
		}
		d.visit(inside, w, r, who)
	})
}

// fromAfar is a request that comes from where a proxy says, and from nowhere else.
func (d *Doors) fromAfar(r *http.Request) (*http.Request, error) {
	from, err := d.proxies.origin(r)
	if from == r.RemoteAddr {
		return r, err
	}
	r = r.WithContext(r.Context()) // whoever gave it keeps his own
	r.RemoteAddr = from
	return r, nil
}

// identify says who comes. A token that is no good is not made up for by a
// certificate that is: whoever shows it believes in it.
func (d *Doors) identify(r *http.Request, policy *access.Policy) (guest, error) {
	who := guest{from: r.RemoteAddr}
	if shown := r.Header.Values("Authorization"); len(shown) > 0 {
		kind, secret, _ := strings.Cut(shown[0], " ")
		if len(shown) > 1 || !strings.EqualFold(kind, "Bearer") {
			return who, errors.New("want one header Authorization: Bearer TOKEN")
		}
		secret = strings.TrimSpace(secret)
		if who.name, who.known = policy.Who(secret); !who.known {
			return who, errors.New("this token is not known here, or not any more")
		}
		name := who.name
		who.valid = func(p *access.Policy) bool { now, ok := p.Who(secret); return ok && now == name }
		return who, nil
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		party, _ := trust.PartyOf(r.TLS.VerifiedChains[0])
		if !party.IsClient() {
			return who, errors.New("this certificate is for a node, which is no principal: show a client's, one that names no host")
		}
		name := party.Name()
		if err := access.CheckPrincipal(name); err != nil {
			return who, fmt.Errorf("the common name of this certificate stands for nobody: %w", err)
		}
		who.name, who.known = name, true
		return who, nil
	}
	return who, errors.New("say who you are, with a header Authorization: Bearer TOKEN, or with a client's certificate")
}

// mayEnter holds what is about no lock in particular to the rules.
func (d *Doors) mayEnter(policy *access.Policy, who guest, path string) error {
	right := access.Right(0)
	switch {
	case !d.closed:
		return nil
	case path == "/metrics":
		right = access.Read
	case path == "/debug" || strings.HasPrefix(path, "/debug/"):
		right = access.Admin
	default:
		return nil
	}
	if policy.MayAll(who.name, right, "") {
		return nil
	}
	return fmt.Errorf("%s is for those who may %s all locks, which %s may not", path, right, who.name)
}

func (d *Doors) slow(w http.ResponseWriter, r *http.Request, who guest, exceeded access.Exceeded, after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	why, text := TooFast, "more requests a second than are due to you: ask later"
	if exceeded == access.TooManyOpen {
		why, text = TooMany, "more requests at once than are due to you: let some end first"
	}
	d.refuse(w, r, why, who, connect.CodeResourceExhausted, errors.New(text))
}

// refuse answers in the protocol of the request.
func (d *Doors) refuse(w http.ResponseWriter, r *http.Request, why Refusal, who guest, code connect.Code, err error) {
	d.journal.refused(why, who, r.Method+" "+r.URL.Path, time.Now())
	if code == connect.CodeUnauthenticated {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if d.closed && !who.known {
		api.Strange(r.Context())
		w.Header().Set("Connection", "close") // strangers keep no room
	}
	d.hearOut(w, r)
	if d.answers.IsSupported(r) {
		_ = d.answers.Write(w, r, api.Denied(code, err)) // who does not read it has gone
		return
	}
	status := map[connect.Code]int{
		connect.CodeUnauthenticated: http.StatusUnauthorized, connect.CodePermissionDenied: http.StatusForbidden,
		connect.CodeInvalidArgument: http.StatusBadRequest,
	}[code]
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	http.Error(w, err.Error(), status)
}

// Who is refused waits for nothing but this, and no limit of his own counts it: a
// crowd whose bodies never come must not fill the memory with its requests.
const (
	hearWithin  = time.Second // for the body of a refused request to come
	heardAtOnce = 256         // requests; more than that are answered unheard
)

// hearOut reads what is on its way before somebody is refused. On HTTP/2 a stream is
// reset when it is answered before all of it was read, and curl may not look at the
// answer then; so is a connection of HTTP/1 that is closed. If it goes on, the server
// reads what is left; gRPC does not say how much there is, and looks.
func (d *Doors) hearOut(w http.ResponseWriter, r *http.Request) {
	goesOn := r.ProtoMajor < 2 && w.Header().Get("Connection") != "close"
	if goesOn || r.ContentLength <= 0 || r.ContentLength > api.MaxRequestBytes {
		return
	}
	select {
	case d.hearing <- struct{}{}:
		defer func() { <-d.hearing }()
	default:
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(hearWithin))
	_, _ = io.Copy(io.Discard, r.Body) // what does not come is reset
}
