package lockstep

import (
	"context"
	"fmt"
	"net"
	"time"

	"lockstep/replica"
)

// Member is one of the nodes that keep the order.
type Member struct {
	Name    string // chosen by the operator; a node of a pair goes by its address
	Address string
	Voter   bool // counts for a majority; one that does not is catching up
	Quiet   bool // keeps log and state, and serves nobody
}

func member(m replica.Member) Member {
	return Member{Name: m.Name, Address: string(m.Address), Voter: m.Voter, Quiet: m.Quiet}
}

// OrderError says that the nodes will not do what was ordered.
type OrderError struct {
	Reason string // and what would help
}

func (e *OrderError) Error() string { return e.Reason }

// Members asks the nodes who keeps the order, and returns the newest of what they
// say. Nodes of older versions do not answer that. ErrNoAnswer says that nobody
// did before ctx ended.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	told, ok := c.caller.AskMembers(ctx)
	if !ok {
		return nil, fmt.Errorf("lockstep: members: %w from %v", ErrNoAnswer, c.known())
	}
	return each(told.Members, member), nil
}

// AddNode takes a node into the cluster, which runs at the address and seeks
// one. It returns when the node votes. Progress, if not nil, is told how far it
// is, in one line; it is called by the goroutine that called AddNode. What will
// not be done is an *OrderError. When ctx ends the nodes go on.
func (c *Client) AddNode(ctx context.Context, name, address string, quiet bool, progress func(string)) error {
	return c.order(ctx, "add "+name, replica.Order{
		Kind: replica.AddMember, Name: name, Address: replica.NodeID(address), Quiet: quiet,
	}, progress)
}

// RemoveNode takes a node out of the cluster for good; it ends by itself. Errors
// and progress are as for AddNode.
func (c *Client) RemoveNode(ctx context.Context, name string, progress func(string)) error {
	return c.order(ctx, "remove "+name, replica.Order{Kind: replica.RemoveMember, Name: name}, progress)
}

// Switchover makes a node the primary, by its name or address; with "" the best
// of the backups. Errors and progress are as for AddNode.
func (c *Client) Switchover(ctx context.Context, node string, progress func(string)) error {
	if node == "" {
		best, err := c.bestBackup(ctx)
		if err != nil {
			return err
		}
		node = best
	}
	o := replica.Order{Kind: replica.SwitchOver, Name: node}
	if _, _, err := net.SplitHostPort(node); err == nil {
		o.Name, o.Address = "", replica.NodeID(node)
	}
	return c.order(ctx, "switch over to "+node, o, progress)
}

// lookWithin is how long the nodes may take to say where they stand, when a
// backup is to be chosen.
const lookWithin = time.Second

// bestBackup chooses once, by address: an order that is repeated must not mean
// another node each time, since the first repeat may have been obeyed.
func (c *Client) bestBackup(ctx context.Context) (string, error) {
	looking, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	best := NodeStatus{}
	for _, n := range c.Status(looking) {
		if n.Err == nil && n.Role == replica.Backup.String() && (best.Name == "" || ahead(n, best)) {
			best = n
		}
	}
	if best.Name == "" {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("lockstep: switch over: %w from %v: %w", ErrNoAnswer, c.known(), err)
		}
		return "", fmt.Errorf("lockstep: switch over: %w", &OrderError{"no backup has answered that could take over"})
	}
	return best.Name, nil
}

// ahead reports whether one backup is a better choice than another: it knows of
// a later view, or has more of the order.
func ahead(one, other NodeStatus) bool {
	if one.View != other.View {
		return one.View > other.View
	}
	return one.Index > other.Index
}

// Bootstrap makes the node at the address begin a new cluster alone, with what it
// has, when the others are lost for good. Without force nothing is done, and an
// *OrderError says what would be given up. It returns what the node says.
func (c *Client) Bootstrap(ctx context.Context, node string, force bool) (string, error) {
	return c.instruct(ctx, "bootstrap "+node, replica.Order{Kind: replica.Bootstrap, Force: force}, replica.NodeID(node), nil)
}

func (c *Client) order(ctx context.Context, what string, o replica.Order, progress func(string)) error {
	_, err := c.instruct(ctx, what, o, "", progress)
	return err
}

func (c *Client) instruct(
	ctx context.Context, what string, o replica.Order, only replica.NodeID, progress func(string),
) (string, error) {
	answer, err := c.caller.Instruct(ctx, o, only, progress)
	switch {
	case err != nil:
		return "", explainOrder(what, c.known(), err)
	case answer.Outcome != replica.OrderDone:
		return "", fmt.Errorf("lockstep: %s: %w", what, &OrderError{answer.Text})
	default:
		return answer.Text, nil
	}
}
