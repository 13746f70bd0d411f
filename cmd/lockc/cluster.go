package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/words"
)

// orderWait is how long an order of an operator may take if nothing is said: a
// new node fetches everything first.
const orderWait = time.Minute

// memberList is what cluster list shows. Its JSON form is stable.
type memberList struct {
	Members []listed `json:"members"`
}

type listed struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Voter   bool   `json:"voter"`
	Quiet   bool   `json:"quiet"`
}

// listMembers shows who belongs to the cluster.
func (p *program) listMembers() error {
	return p.look(func(ctx context.Context) error {
		members, err := answer(p, ctx, p.client.Members)
		if err != nil {
			return err
		}
		list := newMemberList(members)
		return p.show(list, membersText(list, p.colourful()))
	})
}

func newMemberList(members []lockstep.Member) memberList {
	list := memberList{Members: []listed{}}
	for _, m := range members {
		list.Members = append(list.Members, listed(m))
	}
	slices.SortFunc(list.Members, func(a, b listed) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func membersText(list memberList, paint bool) string {
	t := &table{paint: paint}
	t.add(strong, "NODE", "ADDRESS", "PART")
	for _, m := range list.Members {
		t.add(plain, m.Name, m.Address, part(m))
	}
	return t.String()
}

func part(m listed) string {
	switch {
	case !m.Voter:
		return "catching up"
	case m.Quiet:
		return "votes, serves nobody"
	default:
		return "votes"
	}
}

// addMember takes a node in that seeks the cluster.
func (p *program) addMember(node string) error {
	peer, err := cli.ParsePeer(node)
	if err != nil {
		return err
	}
	return p.order(func(ctx context.Context, progress func(string)) error {
		add := func() error { return p.client.AddNode(ctx, peer.Name, peer.Address, p.quiet, progress) }
		return p.insist(ctx, peer.Address, add)
	}, fmt.Sprintf("%s (%s) is a member and votes", peer.Name, peer.Address))
}

// A node that was started a moment ago has not been heard yet.
const (
	introduction = 2 * time.Second
	introducing  = 100 * time.Millisecond
)

// insist repeats an order that is refused while somebody listens at the address:
// the primary may not have heard of it yet.
func (p *program) insist(ctx context.Context, address string, order func() error) error {
	for began := time.Now(); ; {
		err := order()
		var refused *lockstep.OrderError
		if !errors.As(err, &refused) || time.Since(began) > introduction || p.symptom(address) != silent {
			return err
		}
		select {
		case <-time.After(introducing):
		case <-ctx.Done():
			return err
		}
	}
}

// removeMember takes a node out for good.
func (p *program) removeMember(name string) error {
	if err := checkNode(name); err != nil {
		return err
	}
	return p.order(func(ctx context.Context, progress func(string)) error {
		if err := p.belongs(ctx, name); err != nil {
			return err
		}
		return p.client.RemoveNode(ctx, name, progress)
	}, name+" is no member any more")
}

// belongs refuses a name that no member has: to the nodes it is one that was
// removed long ago, to people a typing mistake.
func (p *program) belongs(ctx context.Context, name string) error {
	members, err := p.client.Members(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, m := range members {
		if m.Name == name {
			return nil
		}
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return &lockstep.OrderError{Reason: fmt.Sprintf("%s is no member: they are %s", name, strings.Join(names, ", "))}
}

// switchover makes another node the primary.
func (p *program) switchover(node string) error {
	if node != "" {
		if err := checkNode(node); err != nil {
			return err
		}
	}
	return p.order(func(ctx context.Context, progress func(string)) error {
		began := time.Now()
		err := p.client.Switchover(ctx, node, progress)
		if err == nil {
			progress("handed over in " + words.Length(time.Since(began)))
		}
		return err
	}, "")
}

// checkNode refuses what is neither the name of a node nor its address.
func checkNode(node string) error {
	if strings.Contains(node, ":") {
		return cli.CheckNodes([]string{node})
	}
	if err := cli.CheckNodeName(node); err != nil {
		return cli.Misuse("%.60q is no name of a node: %v", node, err)
	}
	return nil
}

// order has the nodes do something, and says how far they are.
func (p *program) order(do func(context.Context, func(string)) error, done string) error {
	if !p.Given("timeout") {
		p.timeout = orderWait
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	ordering, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if err := do(ordering, p.progress()); err != nil {
		return p.unordered(ctx, err)
	}
	if done == "" {
		done = p.whoReigns(ordering)
	}
	return p.say(done)
}

func (p *program) say(line string) error {
	if _, err := fmt.Fprintln(p.Stdout, cli.OneLine(line)); err != nil {
		return cli.Fail(cli.IOError, "it is done, but that cannot be printed: %v", err)
	}
	return nil
}

// progress says what is new, a line each.
func (p *program) progress() func(string) {
	last := ""
	return func(text string) {
		if text = cli.OneLine(text); text != last {
			fmt.Fprintf(p.Stderr, "lockc: %s\n", text)
		}
		last = text
	}
}

// whoReigns is the primary of now, in one line.
func (p *program) whoReigns(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	s := newStanding(p.client.Status(ctx))
	if s.primary == nil {
		return "handed over"
	}
	return fmt.Sprintf("%s is the primary, in view %d", s.name(*s.primary), s.primary.View)
}

// unordered says why an order was not done. What the nodes say goes as it is:
// they know the way out.
func (p *program) unordered(ctx context.Context, err error) error {
	var refused *lockstep.OrderError
	switch {
	case errors.As(err, &refused):
		return cli.Fail(cli.NoPerm, "%s", refused.Reason)
	case ctx.Err() != nil:
		return cli.Fail(cli.Interrupted, "interrupted; the nodes go on with what they have begun: lockc status shows it")
	case errors.Is(err, lockstep.ErrForbidden):
		return cli.Fail(cli.NoPerm, "%s", cli.Plain(err))
	case errors.Is(err, lockstep.ErrIncompatible):
		return cli.Fail(cli.Protocol, "%s", cli.Plain(err))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, lockstep.ErrNoAnswer), errors.Is(err, lockstep.ErrUnknown), errors.Is(err, lockstep.ErrNoQuorum):
		return cli.Fail(cli.Unavailable, "not done within %v; the nodes go on with what they have begun, and the same again asks how far they are; %s",
			p.timeout, p.blame(err, p.nodes))
	default:
		return cli.Fail(cli.Unavailable, "%s", cli.Plain(err))
	}
}

// bootstrap lets one node begin a new cluster with what it has.
func (p *program) bootstrap() error {
	if p.node == "" {
		return cli.Misuse("say with -node whose copy goes on: the address of the node that has the most, as lockc status shows")
	}
	if err := cli.CheckNodes([]string{p.node}); err != nil {
		return err
	}
	p.nodes = []string{p.node}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	if !p.yes {
		if err := p.warnOfBootstrap(ctx); err != nil {
			return err
		}
	}
	ordering, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	said, err := p.client.Bootstrap(ordering, p.node, true)
	if err != nil {
		return p.unordered(ctx, err)
	}
	return p.say(said)
}

// givenUp is in what a node says if it would do it: the rest is its price.
const givenUp = "given up"

// warnOfBootstrap has the node say what would be given up, and asks whoever is
// there.
func (p *program) warnOfBootstrap(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	said, err := p.client.Bootstrap(asking, p.node, false)
	var price *lockstep.OrderError
	switch {
	case err == nil:
		return cli.Fail(cli.NoPerm, "%s", said)
	case !errors.As(err, &price), !strings.Contains(price.Reason, givenUp):
		return p.unordered(ctx, err) // --yes would not help
	case !p.attended():
		return cli.Fail(cli.NoPerm, "%s; nothing was done: --yes does it", price.Reason)
	}
	fmt.Fprintf(p.Stderr, "lockc: %s\n", cli.OneLine(price.Reason))
	return p.confirm(os.Stdin, "begin a new cluster with what "+p.node+" has?")
}

// confirm asks who sits at the terminal.
func (p *program) confirm(from io.Reader, question string) error {
	fmt.Fprintf(p.Stderr, "%s Type yes: ", cli.OneLine(question))
	line, _ := bufio.NewReader(from).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return cli.Fail(cli.NoPerm, "nothing was done")
	}
	return nil
}
