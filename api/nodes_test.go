package api

import (
	"context"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "lockstep/api/lockstep/v1"
	"lockstep/lock"
	"lockstep/muster"
	"lockstep/replica"
)

func wantProto(t *testing.T, what string, got, want proto.Message) {
	t.Helper()
	if !proto.Equal(got, want) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

// TestStatusSeesTheNodesTogether: what a node does not say of itself the others do.
func TestStatusSeesTheNodesTogether(t *testing.T) {
	got := must(serveFake(t).Status(t.Context(), &pb.StatusRequest{}))(t)
	lag := func(n uint64) *uint64 { return &n }
	wantProto(t, "status", got, &pb.StatusResponse{
		Nodes: []*pb.NodeStatus{
			{
				Name: "a", Address: "a:1", Answered: true, Asked: true, Role: "backup", View: 7, Index: 9, Durable: true, Voter: true,
				Lag: lag(3), Heard: durationpb.New(50 * time.Millisecond), First: 5, Last: 97, Committed: 95, DiskBytes: 4096, Protocol: 3,
			}, {
				Name: "b", Address: "b:1", Answered: true, Role: "primary", View: 7, Index: 9, Durable: true, Voter: true,
				Lag: lag(0), First: 5, Last: 100, Committed: 95, DiskBytes: 4096, Protocol: 3,
			},
			{Name: "c", Address: "c:1", Voter: true, Quiet: true, Lag: lag(10), Heard: durationpb.New(2 * time.Second)},
		},
		Warnings: []*pb.Warning{
			{Kind: "unreachable", Nodes: []string{"c"}, Text: "c does not answer, and the others heard it 2.0s ago; no answer within 1s"},
			{Kind: "majority", Nodes: []string{"c"}, Text: "2 of 3 voting nodes are there: no other may fail"},
		},
	})
}

// TestStatusOfAPair: there each node says when it has heard the other, and of one
// that is silent nobody knows how far it is.
func TestStatusOfAPair(t *testing.T) {
	nodes := []muster.Node{
		{Address: "p:1", Role: "solo", Index: 7, Heard: 300 * time.Millisecond, Durable: true, Members: []muster.Member{{Address: "b:1", Heard: time.Second}}},
		{Address: "b:1", Silent: true},
	}
	picture := muster.New(nodes)
	lag := uint64(0)
	wantProto(t, "the primary", nodeCard(picture, nodes[0], "b:1"), &pb.NodeStatus{
		Name: "p:1", Address: "p:1", Answered: true, Role: "solo", Index: 7, Durable: true, Lag: &lag, Heard: durationpb.New(300 * time.Millisecond),
	})
	wantProto(t, "the backup", nodeCard(picture, nodes[1], "b:1"), &pb.NodeStatus{Address: "b:1", Asked: true})
	nodes[0].Heard = -1
	if card := nodeCard(picture, nodes[0], ""); card.Heard != nil {
		t.Errorf("a peer that was never heard: %v", card.Heard)
	}
}

func TestListReignsIsTheTimeline(t *testing.T) {
	wantProto(t, "reigns", must(serveFake(t).ListReigns(t.Context(), &pb.ListReignsRequest{}))(t), &pb.ListReignsResponse{Reigns: []*pb.Reign{
		{View: 4, Name: "d:1", Address: "d:1", Began: timestamppb.New(time.Unix(1_600_000_000, 0))},
		{View: 7, Name: "b", Address: "b:1", Began: timestamppb.New(time.Unix(1_700_000_000, 0)), Idle: durationpb.New(450 * time.Millisecond), Why: pb.Reign_WHY_SUSPECTED},
	}})
	if got := reignCard(muster.Reign{Why: muster.HandedOver}).GetIdle(); got == nil {
		t.Error("one that followed at once: no idle time, although it is known to be none")
	}
}

// TestAClockThatIsAstray: what it says is left out, and the rest can be said.
func TestAClockThatIsAstray(t *testing.T) {
	for began, known := range map[lock.Millis]bool{1: true, lastMoment: true, lastMoment + 1: false, math.MaxUint64: false} {
		card := reignCard(muster.Reign{View: 1, Began: began, Idle: began})
		if _, err := protojson.Marshal(card); err != nil || (card.Began != nil) != known {
			t.Errorf("%d: %v, %v", began, card, err)
		}
	}
}

// TestReasonsOfReignsAreThoseOfTheNodes: reignCard relies on it.
func TestReasonsOfReignsAreThoseOfTheNodes(t *testing.T) {
	for why, want := range map[muster.Why]pb.Reign_Why{
		muster.Unseen: pb.Reign_WHY_UNSPECIFIED, muster.Started: pb.Reign_WHY_STARTED, muster.HandedOver: pb.Reign_WHY_HANDED_OVER,
		muster.Suspected: pb.Reign_WHY_SUSPECTED, muster.WentOn: pb.Reign_WHY_WENT_ON,
	} {
		if got := reignCard(muster.Reign{Why: why}).GetWhy(); got != want {
			t.Errorf("%v: got %v", why, got)
		}
	}
}

// TestWhoAmI: the doors know, and where there are none everybody may do everything.
func TestWhoAmI(t *testing.T) {
	all := &pb.WhoAmIResponse{May: []*pb.Permission{{Right: pb.Permission_RIGHT_ADMIN, Pattern: "*"}}}
	wantProto(t, "without doors", must(serveFake(t).WhoAmI(t.Context(), &pb.WhoAmIRequest{}))(t), all)
	s := &service{who: func(context.Context) Caller { return Caller{"ci", []Permission{{Read, "public"}, {Lock, "deploy/*"}}} }}
	wantProto(t, "with doors", must(s.WhoAmI(t.Context(), nil))(t), &pb.WhoAmIResponse{Principal: "ci", May: []*pb.Permission{
		{Right: pb.Permission_RIGHT_READ, Pattern: "public"}, {Right: pb.Permission_RIGHT_LOCK, Pattern: "deploy/*"},
	}})
}

// TestADeadNodeHoldsNobodyUp: how long the nodes are waited for is bounded here.
func TestADeadNodeHoldsNobodyUp(t *testing.T) {
	var end time.Time
	s := &service{backend: statusOnly{asked: func(ctx context.Context) { end, _ = ctx.Deadline() }}}
	must(s.ListReigns(t.Context(), nil))(t)
	if left := time.Until(end); left <= 0 || left > statusWithin {
		t.Errorf("the nodes may take %v", left)
	}
}

// statusOnly is a backend that knows nothing.
type statusOnly struct {
	Backend // what no test asks for panics
	asked   func(context.Context)
}

func (s statusOnly) Status(ctx context.Context) []muster.Told { s.asked(ctx); return nil }
func (statusOnly) Here() replica.NodeID                       { return "" }

// TestAnyNodeSeesAllOfThem: each says which it is, and all tell the same story.
func TestAnyNodeSeesAllOfThem(t *testing.T) {
	c, at := onNodes(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i, node := range at {
		got := must(node.Status(ctx, &pb.StatusRequest{}))(t)
		if len(got.GetNodes()) != 3 || got.GetPair() {
			t.Fatalf("node %d sees %v", i, got)
		}
		for j, n := range got.GetNodes() {
			if n.GetAsked() != (n.GetAddress() == c.Addresses()[i]) || !n.GetAnswered() || !n.GetVoter() || n.Lag == nil || n.GetProtocol() < 3 {
				t.Errorf("node %d sees %d: %v", i, j, n)
			}
		}
		reigns := must(node.ListReigns(ctx, &pb.ListReignsRequest{}))(t).GetReigns()
		if len(reigns) == 0 {
			t.Fatalf("node %d knows of no reign", i)
		}
		last := reigns[len(reigns)-1]
		if primary := c.Primary(); last.GetName() != c.Names()[primary] || last.GetAddress() != c.Addresses()[primary] || last.GetBegan() == nil {
			t.Errorf("node %d: %v", i, last)
		}
	}
}
