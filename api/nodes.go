package api

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/muster"
)

// statusWithin is how long a node may take to say where it stands.
const statusWithin = time.Second

// told asks all nodes.
func (s *service) told(ctx context.Context) []muster.Told {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	return s.backend.Status(ctx)
}

func (s *service) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	picture := muster.New(each(s.told(ctx), func(t muster.Told) muster.Node { return muster.NodeOf(t.NodeReport) }))
	why := map[string]string{}
	for _, n := range picture.Nodes {
		if n.Silent {
			why[n.Address] = fmt.Sprintf("no answer within %v", statusWithin)
		}
	}
	warnings := picture.Warnings(why)
	return &pb.StatusResponse{
		Nodes: each(picture.Nodes, func(n muster.Node) *pb.NodeStatus { return nodeCard(picture, n, string(s.backend.Here())) }),
		Safe:  picture.Safe(warnings), Pair: picture.Pair(),
		Warnings: each(warnings, func(w muster.Warning) *pb.Warning { return &pb.Warning{Kind: w.Kind, Nodes: w.Nodes, Text: w.Text} }),
	}, nil
}

func nodeCard(p *muster.Picture, n muster.Node, here string) *pb.NodeStatus {
	member, _ := p.Member(n.Address)
	card := &pb.NodeStatus{
		Name: p.NameOf(n), Address: n.Address, Answered: !n.Silent, Asked: n.Address == here, Voter: member.Voter, Quiet: member.Quiet,
		Role: n.Role, View: uint64(n.View), Index: uint64(n.Index), Paired: n.Paired, Durable: n.Durable,
		First: n.First, Last: n.Last, Committed: n.Committed, DiskBytes: n.DiskBytes, Protocol: n.Protocol, Heard: heardCard(p, n),
	}
	if lag := p.Lag(n); lag >= 0 {
		behind := uint64(lag)
		card.Lag = &behind
	}
	return card
}

// heardCard is absent for the primary, whom others hear.
func heardCard(p *muster.Picture, n muster.Node) *durationpb.Duration {
	heard := p.Heard(n)
	switch {
	case p.Pair() && n.Silent:
		return nil
	case p.Pair():
		heard = n.Heard
	case p.Reigns(n):
		return nil
	}
	if heard < 0 {
		return nil
	}
	return durationpb.New(heard)
}

func (s *service) ListReigns(ctx context.Context, _ *pb.ListReignsRequest) (*pb.ListReignsResponse, error) {
	return &pb.ListReignsResponse{Reigns: each(muster.Timeline(s.told(ctx)), reignCard)}, nil
}

// reignCard relies on the reasons having the same numbers on both wires.
func reignCard(r muster.Reign) *pb.Reign {
	card := &pb.Reign{
		View: uint64(r.View), Name: cmp.Or(r.Name, string(r.Primary)), Address: string(r.Primary), Began: moment(r.Began), Why: pb.Reign_Why(r.Why),
	}
	if r.Why != muster.Unseen && r.Why != muster.Started {
		card.Idle = durationpb.New(time.Duration(r.Idle) * time.Millisecond)
	}
	return card
}
