package lockstep

import (
	"context"
	"errors"
	"fmt"

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

var errNotYet = errors.New("not yet")

// Members asks the nodes who keeps the order. Nodes of older versions do not
// answer that.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	return nil, fmt.Errorf("lockstep: members: %w", errNotYet)
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
	return c.order(ctx, "switch over", replica.Order{Kind: replica.SwitchOver, Name: node}, progress)
}

// Bootstrap makes the node at the address begin a new cluster alone, with what it
// has, when the others are lost for good. Without force nothing is done, and an
// *OrderError says what would be given up. It returns what the node says.
func (c *Client) Bootstrap(ctx context.Context, node string, force bool) (string, error) {
	return "", c.order(ctx, "bootstrap "+node, replica.Order{Kind: replica.Bootstrap, Force: force}, nil)
}

func (c *Client) order(ctx context.Context, what string, o replica.Order, progress func(string)) error {
	return fmt.Errorf("lockstep: %s: %w", what, errNotYet)
}
