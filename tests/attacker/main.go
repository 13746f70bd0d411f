// Command attacker does to a node's remoting port what an attacker on the network
// could do, and plays the victim and its well-behaved clients too. The tests in
// the folder above run it.
//
//	attacker victim            serves, says where, and says what should not have got through
//	attacker check ADDRESS     asks once, as a client that has just started
//	attacker steady ADDRESS    asks without end; at the end says how long the worst answer took
//	attacker ATTACK ADDRESS    one of the attacks below
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	proto "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/remote"
	"lockstep/replica"
)

// peer is the address that the victim takes for its peer. Nobody is there.
const peer = "127.0.0.1:9"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "attacker:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "victim" {
		return victim()
	}
	if len(args) != 2 {
		return errors.New("want a verb and an address")
	}
	attacks := map[string]func(string) error{
		"check": check, "steady": steady,
		"system": system, "forge": forge, "indexes": indexes, "types": types, "calls": calls,
		"garbage": garbage, "huge": huge, "idle": idle,
	}
	attack := attacks[args[0]]
	if attack == nil {
		return fmt.Errorf("no such attack: %s", args[0])
	}
	return attack(args[1])
}

// victim is a node with an echo for a lock table, until its input ends.
func victim() error {
	p, err := remote.Start(remote.Config{Listen: "127.0.0.1:0", Peers: []replica.NodeID{peer}, Incarnation: 1})
	if err != nil {
		return err
	}
	p.Serve(
		p.Root().Spawn(actors.Props(func() actor.Actor { return echo{p} })),
		p.Root().Spawn(actors.Props(func() actor.Actor { return actor.ReceiveFunc(mustNotHear) })))
	fmt.Println("ready", p.Address())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println("refusals", p.Refusals())
	}
	p.Stop(2 * time.Second)
	return nil
}

// mustNotHear is a replicator whose peer does not exist.
func mustNotHear(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.FromPeer, *actors.StreamEnded, *actors.LinkUp, *actor.Terminated, *actor.Stopping:
		fmt.Printf("fooled by %T %+v\n", m, m)
	}
}

type echo struct{ process *remote.Process }

func (e echo) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actors.FromClients:
		var p messages.Parcel
		for _, r := range m.Requests {
			if r.Command.Name != "good" {
				fmt.Printf("fooled by %+v\n", r)
			}
			p.Answers = append(p.Answers, messages.Answer{Client: r.Client, Answer: replica.Answer{Request: r.Command.ID(), Kind: replica.Executed}})
		}
		e.process.Send(m.From, p)
	case *actor.Terminated, *actor.Stopping:
		fmt.Printf("fooled by %T\n", m)
	}
}

// client asks the victim one thing after another.
type client struct {
	process *remote.Process
	node    replica.NodeID
	answers chan lock.Number
	number  lock.Number
}

func newClient(address string) (*client, error) {
	p, err := remote.Start(remote.Config{Listen: "127.0.0.1:0", Nodes: []replica.NodeID{replica.NodeID(address)},
		Incarnation: replica.Incarnation(time.Now().UnixMilli())})
	if err != nil {
		return nil, err
	}
	c := &client{process: p, node: replica.NodeID(address), answers: make(chan lock.Number, 1000)}
	p.Enroll(1, p.Root().Spawn(actors.Props(func() actor.Actor { return c })))
	return c, nil
}

func (c *client) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*actors.FromNode); ok {
		for _, a := range m.Answers {
			c.answers <- a.Request.Number
		}
	}
}

// ask repeats a request until it is answered, as clients do.
func (c *client) ask(within time.Duration) (time.Duration, error) {
	c.number++
	began := time.Now()
	for time.Since(began) < within {
		c.process.Send(c.node, messages.Parcel{Requests: []messages.Request{{Client: 1,
			Command: lock.Command{Session: 1, Number: c.number, Verb: lock.Lock, Name: "good"}}}})
		if c.answered(250 * time.Millisecond) {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("no answer within %v", within)
}

func (c *client) answered(within time.Duration) bool {
	timeout := time.After(within)
	for {
		select {
		case n := <-c.answers:
			if n == c.number {
				return true
			}
		case <-timeout:
			return false
		}
	}
}

func check(address string) error {
	c, err := newClient(address)
	if err != nil {
		return err
	}
	took, err := c.ask(5 * time.Second)
	if err != nil {
		return err
	}
	fmt.Println("answered after", took)
	return nil
}

func steady(address string) error {
	c, err := newClient(address)
	if err != nil {
		return err
	}
	if _, err := c.ask(5 * time.Second); err != nil {
		return err
	}
	fmt.Println("ready")
	over := make(chan struct{})
	go func() {
		bufio.NewScanner(os.Stdin).Scan()
		close(over)
	}()
	var times []time.Duration
	for {
		select {
		case <-over:
			slices.Sort(times)
			fmt.Printf("%d answers, the median after %v, the worst after %v\n", len(times), times[len(times)/2], times[len(times)-1])
			return nil
		case <-time.After(5 * time.Millisecond):
			took, err := c.ask(10 * time.Second)
			if err != nil {
				return err
			}
			times = append(times, took)
		}
	}
}

// visit opens a stream, greets under an address, sends, and waits for the end or
// for a while.
func visit(address, as string, send ...*proto.RemoteMessage) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, err := proto.NewRemotingClient(conn).Receive(ctx)
	if err != nil {
		return err
	}
	if as != "" {
		send = append([]*proto.RemoteMessage{greeting(as)}, send...)
	}
	for _, m := range send {
		if stream.Send(m) != nil {
			break // refused already
		}
	}
	// The victim either ends the stream or ignores what came.
	time.AfterFunc(100*time.Millisecond, cancel)
	for err == nil {
		_, err = stream.Recv()
	}
	return nil
}

func greeting(as string) *proto.RemoteMessage {
	return &proto.RemoteMessage{MessageType: &proto.RemoteMessage_ConnectRequest{ConnectRequest: &proto.ConnectRequest{
		ConnectionType: &proto.ConnectRequest_ServerConnection{ServerConnection: &proto.ServerConnection{MemberId: "m", Address: as}}}}}
}

func batch(b *proto.MessageBatch) *proto.RemoteMessage {
	return &proto.RemoteMessage{MessageType: &proto.RemoteMessage_MessageBatch{MessageBatch: b}}
}

// single is a batch of one message.
func single(target string, m pb.Message, senders ...*actor.PID) *proto.RemoteMessage {
	data, err := pb.Marshal(m)
	if err != nil {
		panic(err)
	}
	e := &proto.MessageEnvelope{MessageData: data}
	if len(senders) > 0 {
		e.Sender = 1
	}
	return batch(&proto.MessageBatch{TypeNames: []string{string(m.ProtoReflect().Descriptor().FullName())},
		Targets: []string{target}, Envelopes: []*proto.MessageEnvelope{e}, Senders: senders})
}

const liar = "127.0.0.1:10"

// system sends the framework's own messages to every actor that may be there.
func system(address string) error {
	names := []string{"door", "activator", "EndpointSupervisor", "eventstream", "deadletter", "locktable", "replicator", "client", "guardian$1"}
	for _, c := range "123456789abcdefghijk" {
		names = append(names, "$"+string(c), "EndpointSupervisor/$"+string(c))
	}
	self := actor.NewPID(liar, "x")
	for _, name := range names {
		victim := actor.NewPID(address, name)
		for _, m := range []pb.Message{&actor.Stop{}, &actor.PoisonPill{}, &actor.Watch{Watcher: self}, &actor.Unwatch{Watcher: self},
			&actor.Terminated{Who: victim}, &actor.Terminated{Who: self}, &proto.ActorPidRequest{Name: "n", Kind: "k"}} {
			if err := visit(address, liar, single(name, m)); err != nil {
				return err
			}
		}
	}
	return nil
}

func frame(from string, proof uint64) *messages.Frame {
	return messages.Encode(
		messages.Header{From: replica.NodeID(from), To: "victim", FromIncarnation: 99, ToIncarnation: 1, Version: messages.Version, Proof: proof, Challenge: 7, Seq: 1},
		&messages.Parcel{
			Requests: []messages.Request{{Client: 1, Command: lock.Command{Session: 1, Number: 1, Verb: lock.Lock, Name: "evil"}}},
			Pair:     []replica.Message{replica.Alone{View: 1 << 20}, replica.Hello{View: 1 << 20}},
			Answers:  []messages.Answer{{Client: 1}},
			Refused:  "go away",
		})
}

// forge claims to be somebody else: in the greeting, in the frame, in the sender.
func forge(address string) error {
	visits := []struct {
		as string
		m  *proto.RemoteMessage
	}{
		{peer, single("door", frame(peer, 0))},
		{peer, single("door", frame(peer, 12345))},
		{liar, single("door", frame(peer, 0))},
		{liar, single("door", frame(liar, 12345))},
		{address, single("door", frame(address, 1))},
		{liar, single("door", frame(liar, 0), actor.NewPID(peer, "door"))},
		{liar, single("door", frame(liar, 0), actor.NewPID("192.0.2.1:80", "door"))},
		{"192.0.2.1:80", single("door", frame("192.0.2.1:80", 0))},
		{"unix:///tmp/x", single("door", frame("unix:///tmp/x", 0))},
		{"", single("door", frame(peer, 0))},
		{liar, greeting(peer)},
		{liar, &proto.RemoteMessage{MessageType: &proto.RemoteMessage_DisconnectRequest{DisconnectRequest: &proto.DisconnectRequest{}}}},
		{"", &proto.RemoteMessage{}},
		{"", &proto.RemoteMessage{MessageType: &proto.RemoteMessage_ConnectRequest{ConnectRequest: &proto.ConnectRequest{
			ConnectionType: &proto.ConnectRequest_ClientConnection{ClientConnection: &proto.ClientConnection{}}}}}},
	}
	for _, v := range visits {
		if err := visit(address, v.as, v.m); err != nil {
			return err
		}
	}
	// A flood of strangers' addresses, each of which asks to be dialled.
	results := make(chan error)
	for i := range 200 {
		go func() {
			from := fmt.Sprintf("127.0.0.1:%d", 40_000+i)
			m := single("door", frame(from, 0))
			results <- visit(address, from, m, m, m, m, m, m, m, m)
		}()
	}
	var err error
	for range 200 {
		err = errors.Join(err, <-results)
	}
	return err
}

// indexes points beyond every list.
func indexes(address string) error {
	good, err := pb.Marshal(frame(liar, 0))
	if err != nil {
		return err
	}
	for _, i := range []int32{-1 << 31, -1, 1, 7, 1<<31 - 1} {
		for _, e := range []*proto.MessageEnvelope{
			{MessageData: good, TypeId: i}, {MessageData: good, Target: i}, {MessageData: good, Sender: i}, {MessageData: good, SerializerId: i},
		} {
			b := &proto.MessageBatch{TypeNames: []string{"lockstep.Frame"}, Targets: []string{"door"}, Envelopes: []*proto.MessageEnvelope{e}}
			if err := visit(address, liar, batch(b)); err != nil {
				return err
			}
		}
	}
	for _, b := range []*proto.MessageBatch{
		nil, {}, {Envelopes: []*proto.MessageEnvelope{{}}},
		{TypeNames: []string{"lockstep.Frame"}, Targets: []string{"door"}, Envelopes: []*proto.MessageEnvelope{{MessageData: []byte{0xff, 0xff, 0xff}}}},
		{TypeNames: []string{"lockstep.Frame"}, Targets: []string{"door"}, Envelopes: []*proto.MessageEnvelope{{MessageHeader: &proto.MessageHeader{HeaderData: map[string]string{"a": "b"}}}}},
		{TypeNames: []string{"lockstep.Frame"}, Targets: []string{"door"}, Envelopes: []*proto.MessageEnvelope{{TargetRequestId: 1, SenderRequestId: 1}}},
	} {
		if err := visit(address, liar, batch(b)); err != nil {
			return err
		}
	}
	return nil
}

// types sends types that exist nowhere, or should not be sent.
func types(address string) error {
	for _, name := range []string{"", "no.such.Type", "lockstep.Parcel", "google.protobuf.Empty", "actor.PID", "remote.RemoteMessage"} {
		data, _ := pb.Marshal(&emptypb.Empty{})
		for _, serializer := range []int32{0, 1} {
			b := &proto.MessageBatch{TypeNames: []string{name}, Targets: []string{"door"},
				Envelopes: []*proto.MessageEnvelope{{MessageData: data, SerializerId: serializer}}}
			if err := visit(address, liar, batch(b)); err != nil {
				return err
			}
		}
	}
	return nil
}

// calls makes the calls that the library has left unwritten.
func calls(address string) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c := proto.NewRemotingClient(conn)
	for range 3 {
		if _, err := c.ListProcesses(ctx, &proto.ListProcessesRequest{Pattern: ".*"}); err == nil {
			return errors.New("the victim lists its processes")
		}
		if _, err := c.GetProcessDiagnostics(ctx, &proto.GetProcessDiagnosticsRequest{Pid: actor.NewPID(address, "door")}); err == nil {
			return errors.New("the victim shows an actor")
		}
		if err := conn.Invoke(ctx, "/no.such/Call", &emptypb.Empty{}, &emptypb.Empty{}); err == nil {
			return errors.New("the victim answers any call")
		}
	}
	return nil
}

// garbage speaks no protocol at all, or breaks off.
func garbage(address string) error {
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for _, text := range []string{
		"", "\x00", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", preface, preface[:10],
		preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		string(make([]byte, 1<<20)),
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
		fmt.Fprint(conn, text)
		conn.Read(make([]byte, 1))
		conn.Close()
	}
	return nil
}

// huge sends a message of 100 MB, and many that are just small enough.
func huge(address string) error {
	large := frame(liar, 0)
	large.Body = make([]byte, 100_000_000)
	if err := visit(address, liar, single("door", large)); err != nil {
		return err
	}
	large.Body = make([]byte, 6<<20)
	for range 20 {
		if err := visit(address, liar, single("door", large)); err != nil {
			return err
		}
	}
	return nil
}

// idle holds as many connections as it can, up to ten thousand, and says nothing
// on them, until its input ends.
func idle(address string) error {
	want := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = limit.Max
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	if limit.Cur < uint64(want)+100 {
		want = int(limit.Cur) - 100
		fmt.Printf("note: this system allows %d open files, so there are only %d connections\n", limit.Cur, want)
	}
	conns := make([]net.Conn, 0, want)
	for len(conns) < want {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			return fmt.Errorf("after %d connections: %w", len(conns), err)
		}
		conns = append(conns, c)
	}
	fmt.Println("holding", len(conns))
	bufio.NewScanner(os.Stdin).Scan()
	return nil
}
