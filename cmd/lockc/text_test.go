package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lockstep"
)

// The cast of the tests: Alice holds, Bob and Carol wait.
var (
	noon  = time.Date(2031, 5, 6, 12, 0, 0, 0, time.UTC)
	alice = lockstep.SessionInfo{
		ID: "0000010000000001", TTL: lockstep.Span{Duration: 10 * sec}, Heard: lockstep.Span{Duration: 1200 * ms}, Since: noon.Add(-time.Hour),
		Info: map[string]string{"user": "alice", "host": "web1", "pid": "7", "command": "lockc run"}, Holds: 1,
	}
	bob = lockstep.SessionInfo{
		ID: "0000010000000002", TTL: lockstep.Span{Duration: 3 * sec}, Heard: lockstep.Span{Duration: 2 * sec}, Since: noon.Add(-3 * 24 * time.Hour),
		Info: map[string]string{"user": "bob", "host": "db\x1b[2J", "ticket": "OPS-7"}, Waits: 2,
	}
	held = lockstep.HolderInfo{
		Session: alice.ID, Token: 1<<40 | 5, Mode: lockstep.ModeExclusive, Count: 1, Since: noon.Add(-192 * sec), Owner: alice,
		MaxHold: lockstep.Span{Duration: time.Hour}, Info: map[string]string{"command": "make deploy", "ticket": "OPS-9"},
	}
	waiting = lockstep.WaiterInfo{Session: bob.ID, Mode: lockstep.ModeShared, Since: noon.Add(-12 * sec), Owner: bob, Names: []string{"deploy/web", "db"}}
	nobody  = lockstep.WaiterInfo{Session: "0000010000000003", Mode: lockstep.ModeExclusive}
	web     = lockstep.LockInfo{Name: "deploy/web", Holders: []lockstep.HolderInfo{held}, Waiters: 2, Queue: []lockstep.WaiterInfo{waiting, nobody}}
	lab     = lockstep.LockInfo{Name: "lab", Ownerless: true, Holders: []lockstep.HolderInfo{{Token: 9, Mode: lockstep.ModeExclusive, Since: noon.Add(-100 * time.Hour)}}}
	closed  = lockstep.LockInfo{Name: "closed", Delayed: true}
	gpu     = lockstep.LockInfo{Name: "gpu", Of: 3, Holders: []lockstep.HolderInfo{
		{Session: alice.ID, Token: 11, Mode: lockstep.ModePermits, Permits: 2, Owner: alice, Since: noon},
		{Session: bob.ID, Token: 12, Mode: lockstep.ModePermits, Permits: 1, Owner: bob, Since: noon.Add(sec)}, // his node's clock is ahead
	}}
)

func listingOf(prefix string, locks ...lockstep.LockInfo) *listing {
	l := newListing(prefix)
	for _, lock := range locks {
		l.add(lock)
	}
	return l
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestLsIsLikeADirectory(t *testing.T) {
	deploy := web
	deploy.Name = "deploy/db"
	wantText(t, lsText(listingOf("", closed, deploy, web, gpu, lab), noon, true, false), `NAME      HOW           HELD BY                        FOR     WAITING
deploy/   -             2 locks                        -       4
closed    closed        nobody: its holder was lost    -       0
gpu       2/3 permits   alice@web1, pid 7: lockc run   0ms     0
          1/3 permits   bob@db [2J                     0ms
lab       exclusive     nobody's own (lockc lock)      4d04h   0
`)
	wantText(t, lsText(listingOf("deploy/", web), noon, true, false), `NAME         HOW         HELD BY                          FOR     WAITING
deploy/web   exclusive   alice@web1, pid 7: make deploy   3m12s   2
  1.         shared      bob@db [2J                       12s
  2.         exclusive   somebody                         -
`)
	wantText(t, lsText(newListing("x"), noon, false, false), "no locks are held whose names begin with \"x\"\n")
	wantText(t, lsText(newListing(""), noon, false, false), "no locks are held\n")
}

func TestFoldersBeginBehindThePrefix(t *testing.T) {
	names := []string{"a", "a/b", "a/b/c", "a/b/d", "a/e", "ab/c", "b"}
	for prefix, want := range map[string]string{
		"":     `[{"name":"a/","locks":4,"waiters":4},{"name":"ab/","locks":1,"waiters":1}] [a b]`,
		"a":    `[{"name":"a/","locks":4,"waiters":4},{"name":"ab/","locks":1,"waiters":1}] [a]`,
		"a/":   `[{"name":"a/b/","locks":2,"waiters":2}] [a/b a/e]`,
		"a/b/": `[] [a/b/c a/b/d]`,
		"c":    `[] []`,
	} {
		l := newListing(prefix)
		for _, name := range names {
			if strings.HasPrefix(name, prefix) {
				l.add(lockstep.LockInfo{Name: name, Waiters: 1})
			}
		}
		folders, _ := json.Marshal(l.Folders)
		var left []string
		for _, lock := range l.Locks {
			left = append(left, lock.Name)
		}
		if got := string(folders) + " [" + strings.Join(left, " ") + "]"; got != want {
			t.Errorf("ls %q: got %s, want %s", prefix, got, want)
		}
	}
}

func TestShowTellsAll(t *testing.T) {
	wantText(t, showText(web, noon, false), `"deploy/web" is held, exclusive
  by alice@web1, pid 7: make deploy
     exclusive, for 3m12s, token 1099511627781, at most for 1h00m, session 0000010000000001, last heard of 1.2s ago
     ticket=OPS-9
2 wait, first come first served:
  1.   shared      12s   bob@db [2J (waits for "deploy/web", "db")
  2.   exclusive   -     somebody
`)
	wantText(t, showText(gpu, noon, false), `"gpu" has 3 permits, of which 3 are held
  by alice@web1, pid 7: lockc run
     2/3 permits, for 0ms, token 11, session 0000010000000001, last heard of 1.2s ago
  by bob@db [2J
     1/3 permits, for 0ms, token 12, session 0000010000000002, last heard of 2.0s ago
`)
	wantText(t, showText(lab, noon, false), `"lab" is locked, and belongs to nobody
     exclusive, for 4d04h, token 9
`)
	wantText(t, showText(closed, noon, false), "\"closed\" stays closed for a while, because its holder was lost\n")
	wantText(t, showText(lockstep.LockInfo{Name: "x"}, noon, false), "\"x\" is free\n")
}

func TestExplainFitsOnAScreen(t *testing.T) {
	cycle := lockstep.Cycle{
		{Session: alice.ID, Holds: "deploy/web", Waits: "db", Info: alice.Info},
		{Session: bob.ID, Holds: "db", Waits: "deploy/web", Info: bob.Info},
	}
	other := lockstep.Cycle{{Session: "x", Holds: "y", Waits: "z"}}
	mine := lockstep.LockInfo{Name: "db", Holders: []lockstep.HolderInfo{{Session: nobody.Session}}, Waiters: 1, Queue: []lockstep.WaiterInfo{waiting}}
	unwanted := lockstep.LockInfo{Name: "unwanted", Holders: []lockstep.HolderInfo{{Session: nobody.Session}}}
	e := explainWhy(web, nobody.Session, []lockstep.LockInfo{mine, unwanted, web}, []lockstep.Cycle{other, cycle}, noon)
	wantText(t, explainText(e, noon, false), `"deploy/web" is held, exclusive
  by alice@web1, pid 7: make deploy
     exclusive, for 3m12s, token 1099511627781, at most for 1h00m, session 0000010000000001, last heard of 1.2s ago
     ticket=OPS-9
You are number 2 in the queue, behind:
  1.   shared   12s   bob@db [2J (waits for "deploy/web", "db")
You hold what others wait for:
  "db": 1 waits, first bob@db [2J
It is freed
  when the holder releases it
  within 8.8s if the holder is not heard of any more
  within 56m48s in any case: the holder may hold it for no longer
Never by itself: this is a deadlock.
  session 0000010000000001 (alice@web1, pid 7: lockc run) waits for "db" behind session 0000010000000002, and keeps "deploy/web" busy
  session 0000010000000002 (bob@db [2J) waits for "deploy/web" behind session 0000010000000001, and keeps "db" busy
By force: lockc release --force --reason WHY -- deploy/web
`)
	crowd := web
	for range 1000 {
		crowd.Queue, crowd.Holders = append(crowd.Queue, nobody), append(crowd.Holders, held)
	}
	crowd.Waiters = 1002
	text := explainText(explainWhy(crowd, "", nil, nil, noon), noon, false)
	if lines := strings.Count(text, "\n"); lines > 40 || !strings.Contains(text, "… and 997 more") {
		t.Errorf("%d lines:\n%s", lines, text)
	}
}

func TestExplainSaysWhatWillFreeTheLock(t *testing.T) {
	for _, test := range []struct {
		lock lockstep.LockInfo
		me   string
		want string
	}{
		{lockstep.LockInfo{Name: "it's"}, "", `"it's" is free`},
		{lab, "", "by lockc unlock, which anybody may do"},
		{closed, "", "by itself, when its lock-delay is over"},
		{lockstep.LockInfo{Name: "x", Waiters: 1, Queue: []lockstep.WaiterInfo{nobody}}, "", "when those ahead have had it"},
		{lockstep.LockInfo{Name: "x", Waiters: 1, Queue: []lockstep.WaiterInfo{nobody}}, nobody.Session, "You are the next."},
		{gpu, "", "within 1.0s if session 0000010000000002 is not heard of any more"},
		{gpu, alice.ID, "     (that is you)\n"},
		{gpu, "", "Nobody waits for it: whoever asks now is the next."},
		{web, "", "2 wait already; whoever asks now is served after:"},
	} {
		if got := explainText(explainWhy(test.lock, test.me, nil, nil, noon), noon, false); !strings.Contains(got, test.want) {
			t.Errorf("want %q in:\n%s", test.want, got)
		}
	}
}

func TestExplainSaysWhatCanBeHadAtOnce(t *testing.T) {
	one := lockstep.LockInfo{Name: "gpu", Of: 3, Holders: gpu.Holders[1:]}
	queued := one
	queued.Waiters, queued.Queue = 1, []lockstep.WaiterInfo{nobody}
	read := lockstep.LockInfo{Name: "read", Holders: []lockstep.HolderInfo{{Session: bob.ID, Mode: lockstep.ModeShared, Owner: bob}}}
	shut := read
	shut.Delayed = true
	for _, test := range []struct {
		name    string
		lock    lockstep.LockInfo
		shared  bool
		permits int
		want    string
	}{
		{"free", lockstep.LockInfo{Name: "x"}, true, 0, `"x" is free`},
		{"one permit of three", one, false, 2, "Nobody waits for it: 2 permits can be had at once.\nThe rest is freed\n  when the holder releases it\n"},
		{"all permits", gpu, false, 0, "Nobody waits for it: whoever asks now is the next.\nIt is freed\n"},
		{"permits that somebody waits for", queued, false, 0, "1 waits already"},
		{"shared", read, true, 0, "Nobody waits for it: whoever shares it can have it at once.\nFor one who wants it alone it is freed\n"},
		{"shared, one of them lost", shut, false, 0, "whoever asks now is the next"},
		{"alone", lockstep.LockInfo{Name: "x", Holders: web.Holders}, false, 0, "whoever asks now is the next"},
		{"of nobody", lab, false, 0, "by lockc unlock"},
		{"closed", closed, false, 0, "by itself"},
	} {
		e := explainWhy(test.lock, "", nil, nil, noon)
		if e.FreeShared != test.shared || e.FreePermits != test.permits {
			t.Errorf("%s: %t and %d permits, want %t and %d", test.name, e.FreeShared, e.FreePermits, test.shared, test.permits)
		}
		if got := explainText(e, noon, false); !strings.Contains(got, test.want) {
			t.Errorf("%s: want %q in:\n%s", test.name, test.want, got)
		}
	}
	if got, want := state(one), `"gpu" has 3 permits, of which 1 is held`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSessionsAndDeadlocksForPeople(t *testing.T) {
	wantText(t, sessionsText(sessionList{[]lockstep.SessionInfo{alice, bob}}, noon, false), `SESSION            FOR     TTL    HEARD      HOLDS   WAITS   WHO
0000010000000001   1h00m   10s    1.2s ago   1       0       alice@web1, pid 7: lockc run
0000010000000002   3d00h   3.0s   2.0s ago   0       2       bob@db [2J ticket=OPS-7
`)
	wantText(t, deadlocksText(nil), "no deadlocks\n")
	wantText(t, deadlocksText([]lockstep.Cycle{{{Session: "1", Holds: "a", Waits: "b"}, {Session: "2", Holds: "b", Waits: "a"}}}),
		`2 sessions wait for each other:
  session 1 (somebody) waits for "b" behind session 2, and keeps "a" busy
  session 2 (somebody) waits for "a" behind session 1, and keeps "b" busy
`)
	wantText(t, deadlocksText([]lockstep.Cycle{{{Session: "1", Holds: "a", Waits: "a", Possible: true}}}),
		`possible, if nobody lets go while it waits: 1 session waits for itself:
  session 1 (somebody) waits for "a" behind itself, and keeps "a" busy
`)
}

func TestEventsAreOneLineEach(t *testing.T) {
	at := noon.Add(345 * ms)
	for _, test := range []struct {
		event lockstep.Event
		want  string
	}{
		{lockstep.Event{Kind: lockstep.EventBegan}, "------------  began"},
		{lockstep.Event{Kind: lockstep.EventAcquired, At: at, Name: "a b", Session: "1", Token: 7, Mode: lockstep.ModeShared, Span: lockstep.Span{Duration: sec}},
			"12:00:00.345  acquired        'a b'  shared  token 7  session 1  at most for 1.0s"},
		{lockstep.Event{Kind: lockstep.EventRevoked, At: at, Name: "x", Session: "1", Token: 7, Mode: lockstep.ModeExclusive, Reason: "two\nlines", Span: lockstep.Span{Duration: sec}},
			"12:00:00.345  revoked         x  token 7  session 1  closed for 1.0s  reason: two lines"},
		{lockstep.Event{Kind: lockstep.EventSessionOpened, At: at, Session: "1", Span: lockstep.Span{Duration: 10 * sec}},
			"12:00:00.345  session opened  session 1  TTL 10s"},
	} {
		wantText(t, eventText(test.event, time.UTC), test.want+"\n")
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	text := lsText(listingOf("", web, lab), noon, false, true)
	if !strings.Contains(text, "\x1b[34mdeploy/\x1b[0m   -") || !strings.HasPrefix(text, "\x1b[1mNAME\x1b[0m ") {
		t.Errorf("no colours in %q", text)
	}
	p := newProgram()
	if p.Stdout = new(bytes.Buffer); p.colourful() {
		t.Error("colours in a buffer")
	}
}

// The stable forms: a change here breaks the scripts of others.
func TestFormsForPrograms(t *testing.T) {
	cycle := lockstep.Cycle{{Session: "1", Holds: "a", Waits: "b", Info: map[string]string{"pid": "3"}}}
	const (
		owner  = `{"id":"0000010000000001","ttl_ms":10000,"info":{"command":"lockc run","host":"web1","pid":"7","user":"alice"},"since":"2031-05-06T11:00:00Z","holds":1,"waits":0,"heard_ms_ago":1200}`
		grant  = `{"session":"0000010000000001","token":"1099511627781","mode":"exclusive","count":1,"since":"2031-05-06T11:56:48Z","max_hold_ms":3600000,"info":{"command":"make deploy","ticket":"OPS-9"},"owner":` + owner + `}`
		queued = `{"session":"0000010000000003","mode":"exclusive"}`
		lock   = `{"name":"deploy/web","holders":[` + grant + `],"waiters":1,"queue":[` + queued + `]}`
	)
	short := web
	short.Waiters, short.Queue = 1, web.Queue[1:]
	for _, test := range []struct {
		form any
		want string
	}{
		{short, lock},
		{listingOf("deploy/", short), `{"prefix":"deploy/","folders":[],"locks":[` + lock + `]}`},
		{listingOf("", short), `{"prefix":"","folders":[{"name":"deploy/","locks":1,"waiters":1}],"locks":[]}`},
		{explainWhy(short, "", nil, []lockstep.Cycle{{{Session: "1", Holds: "deploy/web", Waits: "b"}}}, noon),
			`{"name":"deploy/web","free":false,"lock":` + lock + `,"place":0,"ahead":[` + queued + `],"mine":[],` +
				`"frees":[{"by":"release","session":"0000010000000001"},{"by":"expiry","session":"0000010000000001","within_ms":8800},{"by":"max_hold","session":"0000010000000001","within_ms":3408000}],` +
				`"deadlocks":[[{"session":"1","holds":"deploy/web","waits":"b"}]]}`},
		{explainWhy(lockstep.LockInfo{Name: "n", Of: 3, Holders: []lockstep.HolderInfo{{Token: 9, Mode: lockstep.ModePermits, Permits: 1}}}, "", nil, nil, noon),
			`{"name":"n","free":false,"free_permits":2,"lock":{"name":"n","of":3,"holders":[{"token":"9","mode":"permits","permits":1}],"waiters":0},"place":0,"ahead":[],"mine":[],` +
				`"frees":[{"by":"release"},{"by":"expiry","within_ms":0}],"deadlocks":[]}`},
		{sessionList{[]lockstep.SessionInfo{alice}}, `{"sessions":[` + owner + `]}`},
		{deadlockList{[]lockstep.Cycle{cycle}}, `{"deadlocks":[[{"session":"1","holds":"a","waits":"b","info":{"pid":"3"}}]]}`},
	} {
		var out bytes.Buffer
		p := newProgram()
		p.Stdout, p.json = &out, true
		if err := p.show(test.form, "not for programs"); err != nil || out.String() != test.want+"\n" {
			t.Errorf("%v\ngot  %swant %s", err, &out, test.want)
		}
	}
}

func TestNamesCanBeTypedIntoAShell(t *testing.T) {
	for text, want := range map[string]string{"deploy/web-1": "deploy/web-1", "two words": "'two words'", "it's": `'it'\''s'`, "$(x)": "'$(x)'"} {
		if got := shellWord(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
