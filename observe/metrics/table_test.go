package metrics

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// happened plays events of a reign.
func happened(events ...lock.Event) *Table {
	var t Table
	for i := range events {
		t.Happened(&events[i])
	}
	return &t
}

func TestEventsAreCounted(t *testing.T) {
	waited := lock.RequestID{Session: 2, Number: 9}
	n := happened(
		lock.Event{Kind: lock.SessionOpened, Session: 1},
		lock.Event{Kind: lock.LockAcquired, Session: 1, Name: "a"},
		lock.Event{Kind: lock.LockAcquired, Name: "b"},
		lock.Event{Kind: lock.LockReleased, Session: 1, Name: "a", At: 130, Since: 100},
		lock.Event{Kind: lock.LockAcquired, Session: 2, Name: "a", Mode: lock.Shared, Request: waited, At: 130, Since: 110},
		lock.Event{Kind: lock.LockAcquired, Session: 2, Name: "c", Mode: lock.Shared, Request: waited, At: 130, Since: 110},
		lock.Event{Kind: lock.LockReleased, Name: "b", At: 140},
		lock.Event{Kind: lock.WaitEnded, Session: 3, Name: "a", Request: lock.RequestID{Session: 3, Number: 1}, At: 150, Since: 140},
		lock.Event{Kind: lock.WaitEnded, Session: 3, Name: "c", Request: lock.RequestID{Session: 3, Number: 1}, At: 150, Since: 140},
		lock.Event{Kind: lock.WaitEnded, Session: 3, Name: "c", Request: lock.RequestID{Session: 3, Number: 2}, At: 150, Since: 140},
		lock.Event{Kind: lock.LockRevoked, Session: 2, Name: "a", At: 150, Since: 130},
		lock.Event{Kind: lock.LockOverheld, Session: 2, Name: "c", At: 150, Since: 130},
		lock.Event{Kind: lock.LockExpired, Session: 4, Name: "d", At: 100, Since: 130}, // another node's clock
		lock.Event{Kind: lock.SessionEnded, Session: 4},
		lock.Event{Kind: lock.SessionClosed, Session: 1},
	)
	if n.Grants != [grants]uint64{1, 2, 0, 1} {
		t.Errorf("grants %v", n.Grants)
	}
	if n.Released != 2 || n.Expired != 1 || n.Revoked != 1 || n.Overheld != 1 || n.GivenUp != 2 {
		t.Errorf("%+v", n)
	}
	if n.Opened != 1 || n.Closed != 1 || n.SilentEnd != 1 {
		t.Errorf("%+v", n)
	}
	if n.Waits.Count() != 1 || n.Waits.Sum() != 20 { // of two locks, and one wait
		t.Errorf("%d waits of %d ms", n.Waits.Count(), n.Waits.Sum())
	}
	if n.Holds.Count() != 4 || n.Holds.Sum() != 70 {
		t.Errorf("%d holds of %d ms", n.Holds.Count(), n.Holds.Sum())
	}
}

// What a newer version sends is not counted, and does no harm.
func TestUnknownKindsAreNotCounted(t *testing.T) {
	var n Table
	n.Executed(lock.Acquire, 255)
	n.Turned(255)
	n.Queried(255)
	n.Happened(&lock.Event{Kind: 255})
	n.Happened(&lock.Event{Kind: lock.LockAcquired, Session: 1, Mode: 254})
	if n != (Table{}) {
		t.Errorf("counted %+v", n)
	}
	n.Executed(lock.Acquire, lock.Granted)
	n.Executed(200, lock.Invalid)
	n.Executed(lock.Expire, lock.Invalid)
	n.Turned(replica.Moved)
	n.Queried(lock.QueryLock)
	if n.Requests[lock.Acquire][lock.Granted] != 1 || n.Requests[0][lock.Invalid] != 2 || n.SentAway[replica.Moved] != 1 || n.Queries[lock.QueryLock] != 1 {
		t.Errorf("counted %+v", n)
	}
}

// Every verb of a client, every outcome and so on has a name of its own.
func TestEverythingThatIsCountedHasAName(t *testing.T) {
	for v := range lock.Verb(verbs) {
		if (Verbs[v] != "") != (v == 0 || v.Known() && !v.OfClock()) {
			t.Errorf("verb %d is called %q", v, Verbs[v])
		}
	}
	for _, names := range [][]string{Verbs[:lock.KeepAlive+1], Outcomes[1:], Reasons[2:], Questions[1:], Modes[:]} {
		seen := map[string]bool{}
		for i, name := range names {
			if name == "" || seen[name] {
				t.Errorf("number %d is called %q", i, name)
			}
			seen[name] = true
		}
	}
}

// TestEveryKindOfQueryIsCounted: which ones there are stands nowhere but in the
// source.
func TestEveryKindOfQueryIsCounted(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../lock/query.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "QueryKind" {
			return true
		}
		found++
		value, err := strconv.ParseUint(spec.Values[0].(*ast.BasicLit).Value, 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		var counted Table
		counted.Queried(lock.QueryKind(value))
		if counted == (Table{}) || Questions[value] == "" {
			t.Errorf("%s is not counted, or has no name", spec.Names[0].Name)
		}
		return true
	})
	if found < int(lock.QueryTenures) {
		t.Errorf("only %d kinds are found", found)
	}
}
