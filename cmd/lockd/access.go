package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"lockstep/actors"
	"lockstep/cmd/internal/cli"
	"lockstep/doors"
	"lockstep/doors/access"
	"lockstep/observe"
	"lockstep/observe/metrics"
	"lockstep/remote"
	"lockstep/replica"
	"lockstep/trust"
)

func (p *program) addAccessFlags() {
	cli.String(p.Flags, &p.access, "access", "",
		"the `file` that says who may use the API, and for what: lockd token new\n--help shows how; it is read again when it has changed; all nodes need it,\nthose without -api too; env:NAME is the text in that environment variable")
	cli.String(p.Flags, &p.audit, "audit", "",
		"the `file` for what administrators do, through the API or with lockc, and who\nwas refused, in lines of JSON (the default is the log); SIGHUP opens it anew")
}

func (p *program) addProxiesFlag() {
	cli.Var(p.Flags, &p.proxies, "api-proxies", "",
		"the `networks` of proxies before the API, 10.0.0.0/24,10.1.0.7: limits and the\naudit log go by whom they write at the end of X-Forwarded-For; they must write\nit, and call the port localhost or by its address", doors.ParseProxies)
}

// entrance is what all public ports of this process have in common.
type entrance struct {
	tls     *trust.Keeper // nil without certificates
	book    *doors.Book   // nil without a file
	proxies doors.Proxies
	audit   *doors.AuditFile // nil without a file of its own
	written *slog.Logger     // where it goes
	beside  *doors.Journal   // of what happens at the port of the nodes
}

func (p *program) newEntrance(keeper *trust.Keeper, log *slog.Logger) (e entrance, err error) {
	e.tls, e.proxies = keeper, p.proxies
	if p.access != "" {
		if e.book, err = p.openBook(log); err != nil {
			return e, cli.Fail(cli.Config, "%v", err)
		}
		if keeper == nil && e.book.Policy().Ruled() {
			log.Warn("the rules hold for the public API only: whoever reaches the port of the nodes may do everything there; give certificates with -tls-cert, -tls-key and -tls-ca")
		}
	}
	e.written = log
	if p.audit != "" {
		if e.audit, err = doors.OpenAudit(p.audit, log); err != nil {
			return e, cli.Fail(cli.CantCreate, "the audit log cannot be opened: %v; choose another file with -audit", err)
		}
		e.written = slog.New(slog.NewJSONHandler(e.audit, nil))
	}
	e.beside = doors.NewJournal(e.written)
	if e.book != nil && e.audit != nil { // else the log has it
		e.book.KeepIn(e.beside)
	}
	return e, nil
}

// fromEnv is what -access begins with if the rules are in the environment.
const fromEnv = "env:"

// openBook reads who may do what.
func (p *program) openBook(log *slog.Logger) (*doors.Book, error) {
	name, is := strings.CutPrefix(p.access, fromEnv)
	if !is {
		book, err := doors.OpenBook(p.access, log)
		if failed := new(fs.PathError); errors.As(err, &failed) {
			err = fmt.Errorf("the rules cannot be read: %w; name their file with -access", err)
		}
		return book, err
	}
	text := p.Getenv(name)
	if strings.TrimSpace(text) == "" {
		return nil, fmt.Errorf("-access %s: the environment has no variable %q with anything in it: put the text of a file with tokens and rules there", p.access, name)
	}
	policy, err := access.Parse("$"+name, []byte(text))
	if err != nil {
		return nil, err
	}
	return doors.BookOf(policy), nil
}

// admit says who may use the port of the nodes, with a certificate: there is no
// way to hold a client to rules there that speaks the nodes' own language, so it is
// for those to whom the rules give everything. It is nil if there are none.
func (e *entrance) admit() func(principal string, from replica.NodeID) error {
	if e.book == nil || e.tls == nil {
		return nil
	}
	return func(principal string, from replica.NodeID) error {
		if e.book.Policy().MayAll(principal, access.Admin, "") {
			return nil
		}
		e.beside.NotAdmitted(principal, string(from))
		return fmt.Errorf("where nodes talk to each other, the rules admit those who may admin *, and %s may not: use the public API", principal)
	}
}

// wrote writes down what somebody did at the port of the nodes.
func (e *entrance) wrote(d actors.Deed) { e.beside.Did(d.By, string(d.From), d.What, d.About...) }

// changes reports whether there are files that may change.
func (e *entrance) changes() bool { return e.tls != nil || e.book != nil || e.audit != nil }

// lookEvery is how often the files of certificates and rules are looked at.
const lookEvery = time.Second

// follow looks at those files until the nodes stop, also when nobody comes: what is wrong
// with a file is best said to who has just written it. No file waits for another, which
// may be where reading takes long.
func (e *entrance) follow(over <-chan struct{}) {
	var all sync.WaitGroup
	for _, look := range e.looks() {
		all.Go(func() {
			ticker := time.NewTicker(lookEvery)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					look()
				case <-over:
					return
				}
			}
		})
	}
	all.Wait()
}

func (e *entrance) looks() (all []func()) {
	if e.tls != nil {
		all = append(all, e.tls.Look)
	}
	if e.book != nil {
		all = append(all, e.book.Look)
	}
	return all
}

// look looks at all that may have changed, and waits for nothing.
func (e *entrance) look() {
	all := e.looks()
	if e.audit != nil {
		all = append(all, e.audit.Reopen)
	}
	for _, look := range all {
		go look()
	}
}

// forPort returns the doors of one port, and how it encrypts. A socket with a path
// does not: who reaches it is on this machine.
func (e *entrance) forPort(unix bool, log *slog.Logger) (d *doors.Doors, journal *doors.Journal, encryption *tls.Config) {
	if e.tls != nil && !unix {
		encryption = e.tls.Public()
	}
	if e.book != nil && encryption == nil && !unix {
		log.Warn("tokens are shown to this port without encryption: give it certificates with -tls-cert, -tls-key and -tls-ca, or keep it on this machine")
	}
	if e.book == nil && encryption == nil && len(e.proxies) > 0 {
		log.Warn("this port asks nobody who he is, and proxies bring others to it: whoever reaches them may do everything; say with -access who may")
	}
	journal = doors.NewJournal(e.written)
	return doors.New(doors.Config{Book: e.book, Encrypted: encryption != nil, Proxies: e.proxies, Journal: journal}), journal, encryption
}

// administrators is who may see what is about this process: those whom the rules
// let, or, if nobody is asked who he is, programs of this machine.
func administrators(d *doors.Doors) observe.Guard {
	if !d.Closed() {
		return observe.OnlyThisMachine
	}
	return func(r *http.Request) error { return d.Admitted(r.Context()) }
}

// counted is a node with what the doors of its public port have refused.
type counted struct {
	*remote.Node
	journal *doors.Journal
}

func (c counted) Numbers(ctx context.Context) metrics.Node {
	numbers := c.Node.Numbers(ctx)
	numbers.Refusals = maps.Clone(numbers.Refusals)
	if numbers.Refusals == nil {
		numbers.Refusals = map[string]uint64{}
	}
	for why, count := range c.journal.Refusals() {
		numbers.Refusals["api: "+string(why)] = count
	}
	return numbers
}

const aboutToken = `Prints a new token for NAME, and below it the line by which nodes know it. The line goes
into the file of -access on each node, and counts a second later; without it the token is
worth nothing. With -access env:RULES the text of the file is in the variable RULES, and
counts from the start. The token goes to whoever is to be NAME, and is shown only now.
Clients show it in a header:

    Authorization: Bearer TOKEN

The file has a line for each token and rule:

    token ci    sha256:…         # as printed here
    allow ci    lock  deploy/*   # locks whose names begin with deploy/
    allow alice admin *          # everything; lock includes read, and admin lock
    allow *     read  public     # everybody who is known
    limit ci    rate=50 burst=100 open=64 sessions=16
    limit *     rate=500         # everybody else, each by itself

NAME may also be the common name of a client's certificate. Without any line with allow,
whoever is known may do everything; with one, only what is allowed. Limits are per node:
requests a second, how many of them at once after a pause, requests under way, sessions.
Twenty locks, sessions or events that are shown count as one request more. Whoever goes on
asking when he was told to wait loses his connection, and one address may begin 200
encrypted connections a second, 400 at once.
Whom no line with limit is about has rate=1000 burst=2000 open=512 sessions=1000; a line
with limit takes the place of all four, and what it does not name is without bound.
Taking a line out takes the right away; taking out the last one with allow takes a restart,
since a file that is half written may look so. So write a new file beside the old one, and
rename it. On the port of the nodes, where lockc and programs
in Go ask, rules with allow admit only those who may admin *.`

func (p *program) tokenCommand() cli.Command {
	return cli.Command{
		Verb: "token new", Names: []string{"NAME"},
		About:    "make a token by which a client of the API is known\n\n" + aboutToken,
		Examples: []string{"lockd token new ci", "lockd token new ci | { read -r t; echo \"$t\" > ci.token; cat >> access; }"},
		Codes: []cli.Code{
			{Code: cli.OK, Meaning: "made"},
			{Code: cli.Usage, Meaning: "the command line is wrong"},
			{Code: cli.IOError, Meaning: "it could not be printed, and is lost"},
		},
		Run: func(names []string) error { return p.runToken(names[0]) },
	}
}

func (p *program) runToken(name string) error {
	secret, line, err := access.NewToken(name)
	if err != nil {
		return cli.Misuse("%v", err)
	}
	if _, err := fmt.Fprintf(p.Stdout, "%s\n%s\n", secret, line); err != nil {
		return cli.Fail(cli.IOError, "cannot print: %v", err)
	}
	return nil
}
