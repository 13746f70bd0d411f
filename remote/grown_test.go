package remote

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/observe/traces/tracestest"
	"lockstep/replica"
	"lockstep/replica/quorum"
	"lockstep/trust"
)

// becomes writes into a pair's directory that its node is one of a quorum, as a node
// does that ends in that moment.
func becomes(t *testing.T, dir string, index lock.Index) *replica.Became {
	t.Helper()
	identity, _, err := actors.LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	identity.Former, identity.Cluster, identity.Quorum, identity.View = identity.Cluster, 11, true, 1005
	identity.Became = &replica.Became{
		Self: 5, Cluster: 11, View: 1005, Index: index,
		Members: []replica.Member{{ID: 5, Name: "left", Address: nodeA, Voter: true}},
	}
	if err := actors.SaveIdentity(dir, identity); err != nil {
		t.Fatal(err)
	}
	return identity.Became
}

// A node that has ended between its identity and its log goes on with what the pair
// had, as the member that it had become.
func TestALogIsBegunThatWasMissed(t *testing.T) {
	var many []string
	for i := range 40 { // more than the log keeps: there is a snapshot
		many = append(many, strings.Repeat("x", i+1))
	}
	dir := pairDir(t, 5, many...)
	b := becomes(t, dir, 41)
	for range 2 { // the second time there is nothing to do
		if err := takeOver(dir); err != nil {
			t.Fatal(err)
		}
	}
	log, recovered, owner := open(t, dir)
	if owner.Member != 5 || owner.Cluster != 11 || owner.Node != "left" {
		t.Fatalf("the log is that of %+v", owner)
	}
	core, err := quorum.New(quorum.Config{
		Name: b.Name(), Address: nodeA, Peers: b.Peers(), Incarnation: 2, Member: owner.Member,
		HasIdentity: true, View: b.View, Cluster: b.Cluster, NewCluster: 4, Durable: true, Codec: new(messages.Codec),
	}, recovered)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, core: core, log: log, table: lock.NewTable()}
	for range 50 {
		h.step(replica.Tick{})
	}
	if s := core.Status(); s.Role != replica.Primary || s.Index != 41 || s.View <= b.View || len(h.table.Snapshot().Locks) != 40 {
		t.Fatalf("%+v", s)
	}
	_ = log.Close()

	behind := pairDir(t, 5, "x")
	becomes(t, behind, 41)
	if err := takeOver(behind); err == nil || !strings.Contains(err.Error(), "ends with entry 2 of the pair, and the quorum began with entry 41: start this node with an empty state directory") {
		t.Fatal(err)
	}
	without := pairDir(t, 5, "x")
	becomes(t, without, 2)
	if err := os.RemoveAll(filepath.Join(without, logDir)); err != nil {
		t.Fatal(err)
	}
	if err := takeOver(without); err != nil {
		t.Fatal(err)
	}
}

// Whatever a node is started as, it goes on as what it has become.
func TestANodeOfAPairGoesOnAsWhatItHasBecome(t *testing.T) {
	dir := pairDir(t, 5, "x")
	becomes(t, dir, 2)
	if b, err := Became(dir); err != nil || b.Name() != "left" {
		t.Fatalf("%+v, %v", b, err)
	}
	synctest.Test(t, func(t *testing.T) {
		node, err := StartNode(NodeConfig{
			Pair: [2]replica.NodeID{nodeA, nodeB}, AsPrimary: true, Dir: dir, Durable: true, Log: slog.New(slog.DiscardHandler),
		}, NewNetwork().Start)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		s, err := node.Actors.Status(t.Context())
		if err != nil || !s.Quorum || s.Name != "left" || s.Role != replica.Primary || s.Cluster != 11 {
			t.Errorf("%+v, %v", s, err)
		}
		if err := node.Leave(time.Second); err != nil {
			t.Error(err)
		}
	})
}

// Nothing that says how a node is to run is lost on the way.
func TestAMemberIsStartedLikeTheNodeOfThePair(t *testing.T) {
	pair := NodeConfig{
		Listen: "l", Dir: "d", Durable: true, Insecure: true, Tick: 7,
		TLS: struct{ trust.Source }{}, Exit: func(error) {}, Log: slog.New(slog.DiscardHandler),
	}
	b := &replica.Became{Self: 5, Members: []replica.Member{{ID: 5, Name: "left", Address: nodeA}, {ID: 6, Name: "c", Address: nodeC}}}
	got := reflect.ValueOf(pair.member(nodeA, b))
	for _, field := range []string{"Listen", "Dir", "Durable", "Insecure", "TLS", "Tick", "Log"} {
		if want := reflect.ValueOf(pair).FieldByName(field); !reflect.DeepEqual(got.FieldByName(field).Interface(), want.Interface()) {
			t.Errorf("%s is %v", field, got.FieldByName(field))
		}
	}
	if got.FieldByName("Name").String() != "left" || got.FieldByName("Peers").Len() != 2 || got.FieldByName("Exit").IsNil() {
		t.Errorf("%+v", got)
	}
}

// A node that is started as one of a pair, and is one of a cluster by now, keeps all
// that it is started with and that such a node has: who may use it, above all.
func TestAGrownNodeKeepsItsSettings(t *testing.T) {
	cfg := NodeConfig{}
	from := reflect.ValueOf(&cfg).Elem()
	for i := range from.NumField() {
		switch field := from.Field(i); field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int64:
			field.SetInt(7)
		case reflect.Func:
			field.Set(reflect.MakeFunc(field.Type(), nil))
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		}
	}
	cfg.TLS, cfg.Tracer = new(trust.Keeper), new(tracestest.Book)
	member := reflect.ValueOf(cfg.member(nodeA, &replica.Became{Self: 5, Members: []replica.Member{{ID: 5, Name: "left", Address: nodeA}}}))
	kept := 0
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		field := member.FieldByName(name)
		if !field.IsValid() || name == "Found" { // -found is refused then
			continue
		}
		kept++
		if field.IsZero() {
			t.Errorf("%s is lost", name)
		}
	}
	if kept < 9 {
		t.Errorf("only %d settings are both nodes'", kept)
	}
}
