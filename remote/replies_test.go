package remote

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

func query(client messages.ClientID, id replica.InquiryID) messages.Query {
	return messages.Query{Client: client, ID: id, Query: lock.Query{Kind: lock.QueryLocks, Name: "a"}}
}

// report shows one lock, or none if it has no name.
func report(client messages.ClientID, id replica.InquiryID, name string) messages.Report {
	told := replica.Reported{ID: id, Kind: replica.Executed}
	if name != "" {
		told.Report.Locks = []lock.LockCard{{Name: name}}
	}
	return messages.Report{Client: client, Reported: told}
}

func notice(client messages.ClientID, token lock.Token) messages.Notice {
	return messages.Notice{Client: client, Session: 1, Revocation: lock.Revocation{Token: token, Kind: lock.LockRevoked}}
}

// fromNodes is what a client's probe got from nodes, without what the links said.
func fromNodes(p *probe) []any {
	return slices.DeleteFunc(of[any](p), func(m any) bool { _, isLink := m.(*actors.LinkUp); return isLink })
}

// askAbout starts a node and a client process whose client actor 1 has asked the
// node two queries, and returns what they reached.
func askAbout(t *testing.T, n *Network) (node, client *Process, table *probe) {
	t.Helper()
	node = mustStart(t, n, Config{Listen: "127.0.0.1:1"})
	table = newProbe(node)
	node.Serve(table.pid, newProbe(node).pid)
	client = mustStart(t, n, Config{Nodes: []replica.NodeID{node.Address()}})
	client.Send(node.Address(), messages.Parcel{Queries: []messages.Query{query(1, 8), query(1, 9)}})
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	return node, client, table
}

func TestQueriesReachTheLockTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, client, table := askAbout(t, NewNetwork())
		want := []*actors.QueriesFromClients{{From: client.Address(), Queries: []messages.Query{query(1, 8), query(1, 9)}}}
		if got := of[*actors.QueriesFromClients](table); !reflect.DeepEqual(got, want) {
			t.Errorf("the lock table got %+v", got)
		}
		node.Kill()
		client.Kill()
	})
	goleak.VerifyNone(t)
}

func TestReportsAndNoticesReachTheirClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, client, _ := askAbout(t, NewNetwork())
		first, second := newProbe(client), newProbe(client)
		client.Enroll(1, first.pid)
		client.Enroll(2, second.pid)
		node.Send(client.Address(), messages.Parcel{
			Answers: []messages.Answer{{Client: 1}},
			Reports: []messages.Report{report(1, 8, "a"), report(1, 9, "b"), report(3, 1, "x"), report(2, 7, "c")},
			Notices: []messages.Notice{notice(2, 5), notice(1, 6), notice(3, 7)},
		})
		synctest.Wait()
		from := node.Address()
		wantFirst := []any{
			&actors.FromNode{From: from, Answers: []replica.Answer{{}}},
			&actors.ReportsFromNode{From: from, Reports: []replica.Reported{report(1, 8, "a").Reported, report(1, 9, "b").Reported}},
			&actors.NoticesFromNode{From: from, Notices: []messages.Notice{notice(1, 6)}},
		}
		wantSecond := []any{
			&actors.ReportsFromNode{From: from, Reports: []replica.Reported{report(2, 7, "c").Reported}},
			&actors.NoticesFromNode{From: from, Notices: []messages.Notice{notice(2, 5)}},
		}
		if got := fromNodes(first); !reflect.DeepEqual(got, wantFirst) {
			t.Errorf("client 1 got %+v", got)
		}
		if got := fromNodes(second); !reflect.DeepEqual(got, wantSecond) {
			t.Errorf("client 2 got %+v", got)
		}
		node.Kill()
		client.Kill()
	})
	goleak.VerifyNone(t)
}

func TestReportsAndNoticesThatNobodyAskedForGoNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, client, _ := askAbout(t, NewNetwork())
		pr := newProbe(node)
		node.Enroll(1, pr.pid)
		for _, p := range []messages.Parcel{
			{Reports: []messages.Report{report(1, 8, "a")}},
			{Notices: []messages.Notice{notice(1, 6)}},
		} {
			client.Send(node.Address(), p)
		}
		synctest.Wait()
		if len(pr.got) != 0 {
			t.Errorf("it got %v", pr.got)
		}
		node.Kill()
		client.Kill()
	})
	goleak.VerifyNone(t)
}

func TestARunEndsWithItsClientOrWhenItIsLong(t *testing.T) {
	all := make([]messages.Report, 2*longestRun+3)
	for i := range all {
		all[i].Client = 1
	}
	all[0].Client, all[2*longestRun+2].Client = 2, 3
	var got [][2]int
	for begin, end := range runs(all, func(r *messages.Report) messages.ClientID { return r.Client }) {
		got = append(got, [2]int{begin, end})
	}
	want := [][2]int{{0, 1}, {1, longestRun + 1}, {longestRun + 1, 2*longestRun + 1}, {2*longestRun + 1, 2*longestRun + 2}, {2*longestRun + 2, 2*longestRun + 3}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// Reports are dropped before answers: keep-alives are answered by them.
func TestReportsMakeRoomForAnswers(t *testing.T) {
	var w waiting
	w.add(&messages.Parcel{Answers: []messages.Answer{{}}, Notices: []messages.Notice{{}}})
	for range 9 {
		w.add(&messages.Parcel{Queries: []messages.Query{{}}, Reports: []messages.Report{report(1, 1, strings.Repeat("x", 1<<20))}})
	}
	if !w.overflowing() || w.items != 1 || len(w.parcel.Answers) != 1 {
		t.Errorf("%d items are left: %d answers, %d reports", w.items, len(w.parcel.Answers), len(w.parcel.Reports))
	}
}

func TestQueriesMakeRoomForReports(t *testing.T) {
	var w waiting
	w.add(&messages.Parcel{Reports: []messages.Report{{}}, Queries: make([]messages.Query, maxWaitingItems)})
	if !w.overflowing() || w.items != 1 || len(w.parcel.Reports) != 1 {
		t.Errorf("%d items are left: %d queries, %d reports", w.items, len(w.parcel.Queries), len(w.parcel.Reports))
	}
}

// Whatever waits is split into frames that the other side takes, in order.
func TestReportsAreSplitIntoFrames(t *testing.T) {
	for name, text := range map[string]string{"large reports": strings.Repeat("x", 1<<20), "empty reports": ""} {
		var w waiting
		sent := min(maxWaitingBytes/(len(text)+200), maxWaitingItems/2)
		for i := range sent {
			w.add(&messages.Parcel{Reports: []messages.Report{report(1, replica.InquiryID(i), text)}, Notices: []messages.Notice{notice(1, lock.Token(i))}})
		}
		reports, notices := 0, 0
		for !w.empty() {
			p := w.take()
			f := messages.Encode(messages.Header{}, &p)
			if size := len(f.GetBody()); size > 2*frameBytes+1000 {
				t.Errorf("%s: a frame has %d bytes", name, size)
			}
			_, p, err := messages.Decode(f)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, r := range p.Reports {
				if r.Reported.ID != replica.InquiryID(reports) {
					t.Fatalf("%s: report %d is %d", name, reports, r.Reported.ID)
				}
				reports++
			}
			for _, n := range p.Notices {
				if n.Revocation.Token != lock.Token(notices) {
					t.Fatalf("%s: notice %d is %d", name, notices, n.Revocation.Token)
				}
				notices++
			}
		}
		if reports != sent || notices != sent {
			t.Errorf("%s: %d reports and %d notices of %d arrived", name, reports, notices, sent)
		}
	}
}
