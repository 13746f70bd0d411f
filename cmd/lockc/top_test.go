package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lockstep"
	"lockstep/cmd/internal/screen"
)

// someLocks are held and waited for: web most, lab the longest.
func someLocks(o order, filter string) *census {
	c := newCensus(o, filter)
	for _, l := range []lockstep.LockInfo{closed, web, gpu, lab} {
		c.add(l)
	}
	return c.done()
}

// someReigns end with one that began because its predecessor died.
var someReigns = []lockstep.Reign{
	{View: 2, Node: "a", Address: "127.0.0.1:7101", Began: noon.Add(-48 * time.Hour), Why: lockstep.WhyStarted},
	{View: 3, Node: "c", Address: "127.0.0.1:7103", Began: noon.Add(-time.Hour), Idle: lockstep.Span{Duration: 17 * ms}, Why: lockstep.WhyHandedOver},
	{View: 4, Node: "b", Address: "127.0.0.1:7102", Began: noon.Add(-time.Minute), Idle: lockstep.Span{Duration: 1400 * ms}, Why: lockstep.WhySuspected},
}

var someEvents = []lockstep.Event{
	{Kind: lockstep.EventBegan, Index: 1},
	{Kind: lockstep.EventSessionOpened, At: noon.Add(-3 * sec), Session: "0000010000000009"},
	{Kind: lockstep.EventAcquired, At: noon.Add(-2 * sec), Name: "deploy/web", Session: alice.ID, Token: 7, Mode: lockstep.ModeExclusive},
	{Kind: lockstep.EventMissed},
	{Kind: lockstep.EventRevoked, At: noon, Name: "x\x1b[2J", Session: bob.ID, Reason: "stuck\nfor hours"},
}

// aPicture is of a cluster of which a node is silent.
func aPicture() *topModel {
	nodes := threeNodes()
	nodes[2] = lockstep.NodeStatus{Name: nodes[2].Name, Err: lockstep.ErrNoAnswer}
	m := &topModel{}
	m.hear(newsOfNodes{newStanding(nodes), map[string]string{nodes[2].Name: "nobody listens there"}, someReigns}, noon)
	m.hear(newsOfLocks{locks: someLocks(byWaiters, "")}, noon)
	for _, e := range someEvents {
		m.hear(e, noon.Add(-5*sec))
	}
	return m
}

func canvasOf(columns, rows int) canvas { return canvas{columns: columns, rows: rows, now: noon} }

func wantPage(t *testing.T, got []string, want string) {
	t.Helper()
	wantText(t, strings.ReplaceAll(strings.Join(got, "\n"), "\x1b", "^")+"\n", want)
}

func TestTopShowsEverythingOnOnePage(t *testing.T) {
	wantPage(t, aPicture().page(canvasOf(110, 26)), `lockstep  12:00:00  b is the primary, in view 4, not safe, 0.1 grants a second
NODE   ADDRESS          ROLE          VIEW   INDEX   LOG          COMMITTED   LAG   DISK            HEARD
a      127.0.0.1:7101   backup        4      1712    1000..2045   2044        0     fsync, 1.2 MB   20ms ago
b      127.0.0.1:7102   primary       4      1712    1000..2045   2044        0     fsync, 1.2 MB   -
c      127.0.0.1:7103   unreachable   -      -       -            -           0     -               20ms ago; nobody listens there
warning: c does not answer, and the others heard it 20ms ago; nobody listens there
reigns  …  →  b 11:59:00 (the one before fell silent, nobody served for 1.4s)

3 locks held, 2 wait, most awaited first, 1 closed for a while
  NAME         HOW           HELD BY                                     FOR     WAITING
▸ deploy/web   exclusive     alice@web1, pid 7: make deploy              3m12s   2
  lab          exclusive     nobody's own (lockc lock)                   4d04h   0
  gpu          3/3 permits   alice@web1, pid 7: lockc run, and 1 other   0ms     0
  closed       closed        nobody: its holder was lost                 -       0






what happens
11:59:57  session opened  0000010000000009
11:59:58  acquired        deploy/web  alice@web1, pid 7: lockc run
more has happened than can be told
12:00:00  revoked         x [2J  bob@db [2J  stuck for hours
q quit   ↑↓ choose   enter look   / filter   s sort   ? help
`)
}

func TestAPictureForAFileHasNoChoice(t *testing.T) {
	wantPage(t, aPicture().once(canvasOf(wide, 0)), `lockstep  12:00:00  b is the primary, in view 4, not safe, 0.1 grants a second
NODE   ADDRESS          ROLE          VIEW   INDEX   LOG          COMMITTED   LAG   DISK            HEARD
a      127.0.0.1:7101   backup        4      1712    1000..2045   2044        0     fsync, 1.2 MB   20ms ago
b      127.0.0.1:7102   primary       4      1712    1000..2045   2044        0     fsync, 1.2 MB   -
c      127.0.0.1:7103   unreachable   -      -       -            -           0     -               20ms ago; nobody listens there
warning: c does not answer, and the others heard it 20ms ago; nobody listens there
reigns  a 2031-05-04 12:00 (began)  →  c 11:00:00 (handed over, nobody served for 17ms)  →  b 11:59:00 (the one before fell silent, nobody served for 1.4s)

3 locks held, 2 wait, most awaited first, 1 closed for a while
  NAME         HOW           HELD BY                                     FOR     WAITING
  deploy/web   exclusive     alice@web1, pid 7: make deploy              3m12s   2
  lab          exclusive     nobody's own (lockc lock)                   4d04h   0
  gpu          3/3 permits   alice@web1, pid 7: lockc run, and 1 other   0ms     0
  closed       closed        nobody: its holder was lost                 -       0
`)
}

// A pair survives either node and no cut between them: nobody calls that safe.
func TestTopOfAPairPromisesNoMoreThanThereIs(t *testing.T) {
	m := &topModel{nodes: newStanding([]lockstep.NodeStatus{
		{Name: "h:1", Role: "primary", View: 3, Paired: true, Durable: true}, {Name: "h:2", Role: "backup", View: 3, Paired: true, Durable: true},
	})}
	m.warnings = m.nodes.warnings(nil)
	wantText(t, m.headline(canvasOf(wide, 0)), "lockstep  12:00:00  h:1 is the primary, in view 3, either node may fail, but not the network between them")
}

func TestTopHelps(t *testing.T) {
	m := aPicture()
	m.press("?")
	wantPage(t, m.page(canvasOf(70, 22)), `lockstep  12:00:00  b is the primary, in view 4, not safe, 0.1 grants a second

↑ ↓, k j                        choose a lock
page up, page down, home, end   the same, faster
enter                           look at the lock that is chosen: holders, queue, history
esc                             go back; in the list, show all again
/                               show only those with a text in their name, or in that of who holds them
s                               sort: most awaited first, longest held first, by name
q                               quit

The nodes are those of lockc status, with what is not safe below them;
the reigns say who was the primary since when, and for how long nobody
served before. Locks in red are part of a deadlock.

Nothing can be changed here: lockc release --force takes a lock away,
lockc switchover makes another node the primary.





any key goes back
`)
}

func TestTopShowsALockWithItsHistory(t *testing.T) {
	m := aPicture()
	m.press(screen.Enter)
	wantPage(t, m.page(canvasOf(70, 4)), `lockstep  12:00:00  b is the primary, in view 4, not safe, 0.1 grants a second

asking for "deploy/web"
q quit   esc back   ↑↓ the next lock   ? help
`)
	m.hear(newsOfLock{"deploy/web", topLock{known: true, lock: web, history: lockstep.History{Complete: true, Tenures: []lockstep.Tenure{
		{Session: bob.ID, Token: 4, Mode: lockstep.ModeExclusive, Granted: noon.Add(-time.Hour), Ended: noon.Add(-time.Minute), How: lockstep.EndExpired, Owner: bob.Info},
		{Session: alice.ID, Token: 5, Mode: lockstep.ModeExclusive, Granted: noon.Add(-time.Minute), Owner: alice.Info},
	}}}}, noon)
	wantPage(t, m.page(canvasOf(100, 18)), `lockstep  12:00:00  b is the primary, in view 4, not safe, 0.1 grants a second

"deploy/web" is held, exclusive
  by alice@web1, pid 7: make deploy
     exclusive, for 3m12s, token 1099511627781, at most for 1h00m, session 0000010000000001, last heard of 1.2s ago
     ticket=OPS-9
2 wait, first come first served:
  1.   shared      12s   bob@db [2J (waits for "deploy/web", "db")
  2.   exclusive   -     somebody

FROM                  FOR      WAITED   TOKEN   ENDED     WHO
2031-05-06 11:00:00   59m00s   0ms      4       expired   bob@db [2J
2031-05-06 11:59:00   1m00s    0ms      5       has it    alice@web1, pid 7: lockc run




q quit   esc back   ↑↓ the next lock   ? help
`)
}

func TestDeadlocksAreRedAndAFilterIsSeenAsItIsTyped(t *testing.T) {
	m := aPicture()
	m.hear(newsOfLocks{locks: someLocks(byName, "web"), cycles: []lockstep.Cycle{
		{{Session: alice.ID, Holds: "deploy/web", Waits: "db", Info: alice.Info}, {Session: bob.ID, Holds: "db", Waits: "deploy/web", Info: bob.Info}},
		{{Session: bob.ID, Holds: "x", Waits: "x", Info: bob.Info, Possible: true}},
		{{Session: bob.ID, Holds: "y", Waits: "y", Info: bob.Info}}, {{}},
	}}, noon)
	m.press("/")
	for _, key := range []screen.Key{"w", "e", "b", "x", screen.Backspace} {
		m.press(key)
	}
	c := canvasOf(110, 30)
	c.paint = true
	wantPage(t, m.page(c), `^[1mlockstep^[0m  12:00:00  b is the primary, in view 4, ^[31mnot safe^[0m, 0.1 grants a second
^[1mNODE^[0m   ^[1mADDRESS^[0m          ^[1mROLE^[0m          ^[1mVIEW^[0m   ^[1mINDEX^[0m   ^[1mLOG^[0m          ^[1mCOMMITTED^[0m   ^[1mLAG^[0m   ^[1mDISK^[0m            ^[1mHEARD^[0m
a      127.0.0.1:7101   backup        4      1712    1000..2045   2044        0     fsync, 1.2 MB   20ms ago
b      127.0.0.1:7102   primary       4      1712    1000..2045   2044        0     fsync, 1.2 MB   -
c      127.0.0.1:7103   ^[31munreachable^[0m   -      -       -            -           0     -               20ms ago; nobody listens there
^[31mwarning:^[0m c does not answer, and the others heard it 20ms ago; nobody listens there
reigns  …  →  b 11:59:00^[31m (the one before fell silent, nobody served for 1.4s)^[0m
^[31mdeadlock: alice@web1, pid 7: lockc run keeps "deploy/web" busy and waits for "db"; bob@db [2J keeps "db" busy^[0m
^[31m  and waits for "deploy/web"^[0m
^[31mpossible deadlock: bob@db [2J keeps "x" busy and waits for "x"^[0m
^[31mdeadlock: bob@db [2J keeps "y" busy and waits for "y"^[0m
^[31m… and 1 more: lockc deadlocks^[0m

^[1m3 locks held, 2 wait, by name, 1 closed for a while, 2 with "web" in it^[0m
^[1m  NAME^[0m         ^[1mHOW^[0m           ^[1mHELD BY^[0m                                     ^[1mFOR^[0m     ^[1mWAITING^[0m
^[7m▸ deploy/web   exclusive     alice@web1, pid 7: make deploy              3m12s   2^[0m
  gpu          3/3 permits   alice@web1, pid 7: lockc run, and 1 other   0ms     0







^[1mwhat happens^[0m
11:59:57  session opened  0000010000000009
11:59:58  acquired        deploy/web  alice@web1, pid 7: lockc run
^[2mmore has happened than can be told^[0m
^[31m12:00:00  revoked         x [2J  bob@db [2J  stuck for hours^[0m
filter: web_
`)
}

// TestWhatIsWrongIsSaidFirst: in the first line, which is always seen.
func TestWhatIsWrongIsSaidFirst(t *testing.T) {
	none := threeNodes()
	for i := range none {
		none[i] = lockstep.NodeStatus{Name: none[i].Name, Err: lockstep.ErrNoAnswer}
	}
	electing := threeNodes()
	electing[1].Role = "electing"
	for want, m := range map[string]*topModel{
		"asking the nodes": {},
		"no node answers":  {nodes: newStanding(none)},
		"no primary":       {nodes: newStanding(electing)},
		"b is the primary, in view 4, safe: any one no": {nodes: newStanding(threeNodes())},
		"no node answers, no answer within 5s":          {nodes: newStanding(none), trouble: "no answer within 5s", watching: true},
	} {
		if got := m.page(canvasOf(100, 24))[0]; !strings.Contains(got, "12:00:00  "+want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestPagesFit: whatever there is to show, and wherever somebody is, no page has
// more lines than the terminal; and its first and its last line are always there.
func TestPagesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := aPicture()
		for range rapid.IntRange(0, 5).Draw(t, "more locks") * 10 {
			m.locks.rows = append(m.locks.rows, web)
		}
		if rapid.Bool().Draw(t, "deadlocks") {
			m.cycles = slices.Repeat([]lockstep.Cycle{{{Holds: "a", Waits: "b"}}}, 5)
		}
		for range rapid.IntRange(0, 200).Draw(t, "events") {
			m.hear(someEvents[2], noon)
		}
		m.opened = topLock{known: true, lock: web, history: lockstep.History{Complete: true, Tenures: make([]lockstep.Tenure, 40)}}
		for _, key := range rapid.SliceOfN(rapid.SampledFrom([]screen.Key{screen.Enter, screen.Down, screen.End, screen.PageDown, "/", "x", "?", "s", screen.Escape}), 0, 5).Draw(t, "keys") {
			m.press(key)
		}
		c := canvasOf(rapid.IntRange(1, 200).Draw(t, "columns"), rapid.IntRange(2, 60).Draw(t, "rows"))
		page := m.page(c)
		if len(page) != c.rows || !strings.HasPrefix(page[0], "lockstep") || page[len(page)-1] == "" {
			t.Fatalf("%d rows:\n%s", c.rows, strings.Join(page, "\n"))
		}
	})
}

// lists is a model of so many locks.
func lists(n int) *topModel {
	c := newCensus(byName, "")
	for i := range n {
		c.add(lockstep.LockInfo{Name: fmt.Sprintf("lock-%04d", i)})
	}
	m := &topModel{order: byName, rows: 10}
	m.hear(newsOfLocks{locks: c.done()}, noon)
	return m
}

func TestArrowsChooseALock(t *testing.T) {
	m := lists(100)
	for _, step := range []struct {
		key  screen.Key
		want string
	}{
		{"", "lock-0000"}, {screen.Up, "lock-0000"}, {screen.Down, "lock-0001"}, {"j", "lock-0002"}, {"k", "lock-0001"},
		{screen.PageDown, "lock-0010"}, {" ", "lock-0019"}, {screen.PageUp, "lock-0010"}, {screen.End, "lock-0099"}, {screen.Down, "lock-0099"},
		{"g", "lock-0000"}, {"G", "lock-0099"}, {screen.Home, "lock-0000"}, {"x", "lock-0000"}, {screen.Left, "lock-0000"},
	} {
		if m.press(step.key); m.selected != step.want {
			t.Fatalf("after %q: %s, want %s", step.key, m.selected, step.want)
		}
	}
}

// TestTheChoiceStaysWithItsLock, wherever that goes; and in its place when it is
// gone.
func TestTheChoiceStaysWithItsLock(t *testing.T) {
	m := lists(5)
	m.press(screen.Down)
	m.press(screen.Down)
	relist := func(names ...string) {
		c := newCensus(byName, "")
		for _, name := range names {
			c.add(lockstep.LockInfo{Name: name})
		}
		m.hear(newsOfLocks{locks: c.done()}, noon)
	}
	relist("lock-0000", "lock-0001", "lock-00015", "lock-0002", "lock-0003")
	if m.selected != "lock-0002" || m.row != 3 {
		t.Errorf("moved: %s in row %d", m.selected, m.row)
	}
	relist("lock-0000", "lock-0001", "lock-00015", "lock-0003")
	if m.selected != "lock-0003" || m.row != 3 {
		t.Errorf("gone: %s in row %d", m.selected, m.row)
	}
	relist()
	if m.press(screen.Enter); m.selected != "" || m.open != "" {
		t.Errorf("of none %q is chosen, and %q open", m.selected, m.open)
	}
	relist("new")
	if m.selected != "new" {
		t.Errorf("of one that is new %q is chosen", m.selected)
	}
	m.hear(newsOfLocks{trouble: "no answer"}, noon)
	if m.selected != "new" || len(m.list()) != 1 {
		t.Error("what was known is forgotten as soon as nobody answers")
	}
}

func TestALockIsOpenedAndClosed(t *testing.T) {
	m := lists(3)
	m.press(screen.Enter)
	m.hear(newsOfLock{"lock-0000", topLock{known: true}}, noon)
	m.press(screen.Down)
	if m.open != "lock-0001" || m.opened.known {
		t.Errorf("%q is open, with what is known of another", m.open)
	}
	m.hear(newsOfLock{"lock-0000", topLock{known: true, trouble: "late"}}, noon)
	if m.opened.known {
		t.Error("what comes late is shown of another lock")
	}
	for _, key := range []screen.Key{screen.Up, screen.Up} {
		m.press(key)
	}
	if m.open != "lock-0000" {
		t.Errorf("%q is open", m.open)
	}
	m.hear(newsOfLock{"lock-0000", topLock{known: true, trouble: "no\x1banswer"}}, noon)
	if page := m.page(canvasOf(80, 10)); !slices.Contains(page, "no answer") {
		t.Errorf("the page is %q", page)
	}
	if m.press(screen.Escape); m.open != "" || m.quit {
		t.Errorf("%q is open", m.open)
	}
	m.press(screen.Right)
	m.press("?")
	m.press("x")
	if m.press("q"); !m.quit {
		t.Error("q does not quit")
	}
}

func TestAFilterIsTyped(t *testing.T) {
	m := lists(3)
	type_ := func(keys ...screen.Key) string {
		for _, key := range keys {
			m.press(key)
		}
		return m.filter
	}
	for _, step := range []struct{ got, want string }{
		{type_("/", "q", "ä", " ", screen.Up), "qä "},
		{type_(screen.Backspace, screen.Backspace, "w"), "qw"},
		{type_(screen.Enter), "qw"},
		{type_("/", "x", screen.Escape), "qw"}, // as it was before
		{type_(screen.Escape), ""},
		{type_("/", screen.Backspace, screen.Enter), ""},
	} {
		if step.got != step.want {
			t.Errorf("got %q, want %q", step.got, step.want)
		}
	}
	if m.quit || m.typing {
		t.Error("what is typed is taken for something else")
	}
	type_("/")
	for range 2 * mostFilter {
		type_("x")
	}
	if len(m.filter) > mostFilter {
		t.Errorf("a filter of %d bytes", len(m.filter))
	}
}

// TestTheFeedIsToldWhatIsWanted: other locks are asked for when another order, another
// filter or another lock is wanted, and not with every key.
func TestTheFeedIsToldWhatIsWanted(t *testing.T) {
	f, m := newFeed(nil, ""), lists(3)
	m.order = byWaiters
	notes := func() (all string) {
		for name, c := range map[string]chan struct{}{"locks": f.changed, "lock": f.opened} {
			select {
			case <-c:
				all += name
			default:
			}
		}
		return all
	}
	for _, step := range []struct {
		key  screen.Key
		want string
	}{{screen.Down, ""}, {"s", "locks"}, {"/", ""}, {"x", "locks"}, {screen.Enter, ""}, {screen.Enter, "lock"}, {screen.Escape, "lock"}} {
		m.press(step.key)
		f.want(m)
		if got := notes(); got != step.want {
			t.Errorf("%q: %q is noted, want %q", step.key, got, step.want)
		}
	}
	if o, filter, open := f.wanted(); o != byAge || filter != "x" || open != "" {
		t.Errorf("wanted: %v %q %q", o, filter, open)
	}
}

func TestOrders(t *testing.T) {
	for o, want := range map[order]string{byWaiters: "deploy/web lab gpu closed", byAge: "lab deploy/web gpu closed", byName: "closed deploy/web gpu lab"} {
		var names []string
		for _, l := range someLocks(o, "").rows {
			names = append(names, l.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %s", orders[o], got)
		}
	}
	if o := byName.next(); o != byWaiters {
		t.Errorf("after the last comes %v", o)
	}
}

func TestAFilterLooksAtNamesAndHolders(t *testing.T) {
	for filter, want := range map[string]int{"": 4, "WEB1": 2, "deploy/": 1, "carol": 0} {
		if c := someLocks(byName, filter); c.matching != want || len(c.rows) != want || c.all != 4 {
			t.Errorf("%q: %d of %d", filter, c.matching, c.all)
		}
	}
}

// TestTheFirstThousandAreKept, of any number, and all are counted.
func TestTheFirstThousandAreKept(t *testing.T) {
	c := newCensus(byWaiters, "")
	for i := range 5*mostRows + 7 {
		c.add(lockstep.LockInfo{Name: fmt.Sprint(i), Waiters: i % (4 * mostRows)})
	}
	c.done()
	if len(c.rows) != mostRows || c.rows[0].Waiters != 4*mostRows-1 || c.rows[mostRows-1].Waiters < 3*mostRows-1 || c.matching != 5*mostRows+7 {
		t.Errorf("%d of %d, from %d waiters to %d", len(c.rows), c.matching, c.rows[0].Waiters, c.rows[len(c.rows)-1].Waiters)
	}
	if cap(c.rows) > 2*mostRows {
		t.Errorf("there is room for %d", cap(c.rows))
	}
}

func TestThePaceIsThatOfTheLastSeconds(t *testing.T) {
	var p pace
	now := noon
	for range 20 { // ten a second
		for range 10 {
			p.add(now)
		}
		now = now.Add(time.Second)
	}
	if got := p.perSecond(now); got != 10 {
		t.Errorf("%.1f a second", got)
	}
	if got := p.perSecond(now.Add(5 * time.Second)); got != 5 {
		t.Errorf("five seconds later: %.1f", got)
	}
	if got := p.perSecond(now.Add(time.Hour)); got != 0 {
		t.Errorf("an hour later: %.1f", got)
	}
}

func TestEventsAreForgotten(t *testing.T) {
	m := &topModel{}
	for i := range 3 * topEvents {
		m.hear(lockstep.Event{Kind: lockstep.EventReleased, Index: uint64(i)}, noon)
	}
	if n := len(m.events); n < topEvents || n > 2*topEvents || m.events[n-1].Index != 3*topEvents-1 || m.events[0].Index != uint64(3*topEvents-n) {
		t.Errorf("%d events, from %d to %d", n, m.events[0].Index, m.events[n-1].Index)
	}
}
