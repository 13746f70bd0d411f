package access

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func parsed(t *testing.T, text string) *Policy {
	t.Helper()
	p, err := Parse("rules", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestRightsAreTheLinesThatAreAboutSomebody: those about everybody, too.
func TestRightsAreTheLinesThatAreAboutSomebody(t *testing.T) {
	p := parsed(t, "allow ci lock deploy/*\nallow bob admin *\nallow * read public\nallow ci read public\nallow ci lock one\nallow ci read \"\"")
	for who, want := range map[string]string{
		"ci": "[{lock deploy/*} {read public} {lock one} {read }]", "bob": "[{admin *} {read public}]", "carol": "[{read public}]",
	} {
		if got := fmt.Sprint(p.Rights(who)); got != want {
			t.Errorf("%s: got %s, want %s", who, got, want)
		}
	}
	if got := fmt.Sprint(parsed(t, "").Rights("anybody")); got != "[{admin *}]" {
		t.Errorf("without a rule: %s", got)
	}
	if got := parsed(t, "allow ci lock x").Rights("bob"); got != nil {
		t.Errorf("of whom nothing is said: %v", got)
	}
}

// TestWhoMayDoWhat: nothing is refused without a rule, and everything that none
// allows with one.
func TestWhoMayDoWhat(t *testing.T) {
	open := parsed(t, "# nothing\n\n  \t\n")
	if open.Ruled() || !open.May("anybody", Admin, "x") || !open.MayAll("anybody", Admin, "") {
		t.Error("without a rule something is refused")
	}
	p := parsed(t, `
allow ci    lock  deploy/*   # its own
allow ci    read  "a b*"
allow alice admin *
allow *     read  public
allow bob   lock  one
allow bob   read  ""`)
	for _, test := range []struct {
		who   string
		right Right
		name  string
		may   bool
	}{
		{"ci", Lock, "deploy/web", true},
		{"ci", Read, "deploy/web", true},
		{"ci", Admin, "deploy/web", false},
		{"ci", Lock, "deploy/", true},
		{"ci", Lock, "deploy", false},
		{"ci", Lock, "Deploy/web", false},
		{"ci", Lock, "", false},
		{"ci", Read, "a b", true},
		{"ci", Read, "a bc", true},
		{"ci", Read, "a", false},
		{"ci", Lock, "a bc", false},
		{"alice", Admin, "anything", true},
		{"alice", Lock, "deploy/web", true},
		{"nobody", Read, "public", true},
		{"nobody", Read, "public2", false},
		{"nobody", Lock, "public", false},
		{"", Lock, "deploy/web", false},
		{"bob", Lock, "one", true},
		{"bob", Lock, "one/more", false},
		{"bob", Read, "", true},
		{"bob", Read, "x", false},
		{"*", Read, "deploy/web", false},
	} {
		if may := p.May(test.who, test.right, test.name); may != test.may {
			t.Errorf("may %s %s %q: %v", test.who, test.right, test.name, may)
		}
	}
	for _, test := range []struct {
		who    string
		right  Right
		prefix string
		may    bool
	}{
		{"ci", Read, "deploy/", true},
		{"ci", Read, "deploy/web", true},
		{"ci", Read, "deploy", false},
		{"ci", Read, "", false},
		{"alice", Admin, "", true},
		{"nobody", Read, "public", false},
	} {
		if may := p.MayAll(test.who, test.right, test.prefix); may != test.may {
			t.Errorf("may %s %s all of %q: %v", test.who, test.right, test.prefix, may)
		}
	}
}

// TestTokens: only the very token counts, and the file does not tell it.
func TestTokens(t *testing.T) {
	secret, line, err := NewToken("ci")
	if err != nil {
		t.Fatal(err)
	}
	other, otherLine, _ := NewToken("alice")
	if strings.Contains(line, secret) || secret == other || len(secret) < 50 {
		t.Fatalf("%q, %q", line, secret)
	}
	p := parsed(t, line+"\n"+otherLine+"\n")
	for shown, want := range map[string]string{
		secret: "ci", other: "alice", "": "", secret[1:]: "", secret + "x": "", secret[:len(secret)-1]: "",
		strings.ToUpper(secret): "", strings.TrimPrefix(line, "token ci "): "", strings.Repeat("x", 1<<20): "",
	} {
		if who, ok := p.Who(shown); who != want || ok != (want != "") {
			t.Errorf("%.60q is %q", shown, who)
		}
	}
	if _, ok := parsed(t, otherLine).Who(secret); ok {
		t.Error("a token that was removed is good")
	}
	if _, _, err := NewToken("two words"); err == nil {
		t.Error("a token for two words")
	}
}

// TestMistakes: each is found, with its line, and in one line.
func TestMistakes(t *testing.T) {
	secret, line, _ := NewToken("ci")
	for text, want := range map[string]string{
		"grant ci lock x":                              `"grant" is nothing that a line begins with: want token, allow or limit`,
		"allow ci lock":                                "want allow PRINCIPAL RIGHT NAMES",
		"allow ci lock a b":                            "want allow PRINCIPAL RIGHT NAMES",
		"allow ci write x":                             `"write" is no right: want read, lock or admin`,
		"allow c*i lock x":                             "is no name of a principal",
		`allow "" lock x`:                              "the name of a principal is empty",
		"allow ci lock a*b":                            "has a * that is not its end",
		"allow ci lock a**":                            "has a * that is not its end",
		`allow ci lock "a`:                             "a quotation does not end",
		`allow ci lock "a"b`:                           "a space is missing behind",
		`allow ci lock "\q"`:                           "a quotation does not end",
		"allow ci lock \xff":                           "this is no UTF-8",
		"allow ci lock " + strings.Repeat("x", 257):    "longer than a lock's name can be",
		"allow " + strings.Repeat("x", 65) + " lock x": "longer than the 64 bytes",
		"token ci":                                     "want token PRINCIPAL sha256:HASH",
		"token ci sha256:12":                           "want the hash of a token",
		"token ci 7d9f":                                "want the hash of a token",
		"token * " + strings.Fields(line)[2]:           "is no name of a principal",
		"token ci " + secret:                           "this is a token itself, which belongs in no file of the nodes",
		line + "\n" + line:                             "this token stands here twice",
		"limit ci":                                     "want limit PRINCIPAL and some of",
		"limit ci rate":                                `"rate" is no limit`,
		"limit ci rate=0":                              `"rate=0" is no limit`,
		"limit ci rate=-1":                             `"rate=-1" is no limit`,
		"limit ci rate=1e9":                            `"rate=1e9" is no limit`,
		"limit ci rate=1000001":                        "from 1 to 1000000",
		"limit ci speed=1":                             `"speed" is no limit`,
		"limit ci burst=5":                             "burst goes with rate only",
		"limit ci open=1 open=2":                       "open stands here twice",
		"limit ci open=1\nlimit ci rate=1":             "ci has a limit already",
	} {
		_, err := Parse("rules", []byte("\n\n"+text+"\n"))
		number := 3 + strings.Count(text, "\n")
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("rules:%d: ", number)) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v, want %q at line %d", text, err, want, number)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows a token: %v", err)
		}
	}
	for text, want := range map[string]string{
		strings.Repeat("\n", maxLines+1):               "more than 10000 lines",
		strings.Repeat("allow a read x\n", maxRules+1): "more than 2000 lines with allow",
		strings.Repeat("#", MaxFileBytes+1):            "longer than 1048576 bytes",
	} {
		if _, err := Parse("rules", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestLimits: a rate after a burst, and what is under way at once.
func TestLimits(t *testing.T) {
	p := parsed(t, "limit ci rate=10 burst=3 open=2 sessions=4\nlimit * rate=5\n")
	if own, all := p.LimitsOf("ci"), p.LimitsOf("bob"); own != (Limits{10, 3, 2, 4}) || all != (Limits{Rate: 5, Burst: 5}) {
		t.Fatalf("%+v, %+v", own, all)
	}
	if l := parsed(t, "limit ci rate=10\n").LimitsOf("bob"); l != DefaultLimits || l.Rate == 0 || l.Burst == 0 || l.Open == 0 || l.Sessions == 0 {
		t.Fatalf("of whom no line is about: %+v", l)
	}
	if l := new(Policy).LimitsOf("bob"); l != DefaultLimits {
		t.Fatalf("without a file: %+v", l)
	}
	m, l := NewMeter(), p.LimitsOf("ci")
	now := time.Unix(1000, 0)
	begin := func(want Exceeded, wait time.Duration) {
		t.Helper()
		if got, after := m.Begin("ci", l, now); got != want || after != wait {
			t.Errorf("at %v: %d, after %v; want %d after %v", now, got, after, want, wait)
		}
	}
	begin(Nothing, 0)
	begin(Nothing, 0)
	begin(TooManyOpen, time.Second)
	m.End("ci")
	begin(Nothing, 0)
	m.End("ci")
	begin(TooFast, 100*time.Millisecond)
	now = now.Add(99 * time.Millisecond)
	if got, after := m.Begin("ci", l, now); got != TooFast || after > 2*time.Millisecond {
		t.Errorf("%d, %v", got, after)
	}
	now = now.Add(2 * time.Millisecond)
	begin(Nothing, 0)
	m.End("ci")
	begin(TooFast, m.missing(l))
	now = now.Add(-time.Hour) // a clock that went back gives nothing
	begin(TooFast, m.missing(l))
	now = now.Add(3 * time.Hour)
	for range l.Burst {
		begin(Nothing, 0)
		m.End("ci")
	}
	begin(TooFast, 100*time.Millisecond)
	if got, _ := m.Begin("bob", Limits{}, now); got != Nothing {
		t.Error("one principal's limit holds another up")
	}
	m.End("nobody")
}

// missing is the time until there is a whole request again.
func (m *Meter) missing(l Limits) time.Duration {
	return time.Duration((1 - m.all["ci"].tokens) / l.Rate * float64(time.Second))
}

// TestTheMeterIsBounded: who is idle is forgotten, and nobody who is not.
func TestTheMeterIsBounded(t *testing.T) {
	m, l, now := NewMeter(), Limits{Rate: 1, Burst: 3}, time.Unix(1000, 0)
	for i := range maxAccounts {
		m.Begin(fmt.Sprint(i), l, now)
		if i > 0 {
			m.End(fmt.Sprint(i))
		}
	}
	if got, _ := m.Begin("one more", l, now); got != TooManyOpen {
		t.Errorf("one more: %d", got)
	}
	m.Charge("1", l, 3, now) // so it has its burst again in 4 s, and the others in one
	now = now.Add(sweepEvery)
	if got, _ := m.Begin("one more", l, now); got != Nothing || len(m.all) != 3 || m.all["0"] == nil || m.all["1"] == nil {
		t.Errorf("one more later: %d, %d accounts", got, len(m.all))
	}
}

// TestDebtsAreNotForgotten for others to have room, but for those that nobody lives to
// pay; and who is held to no rate has none.
func TestDebtsAreNotForgotten(t *testing.T) {
	m, began := NewMeter(), time.Unix(1000, 0)
	poor, slow, free := Limits{Rate: 1, Burst: 2}, Limits{Rate: 1e-9, Burst: 1}, Limits{Open: 5}
	for who, l := range map[string]Limits{"poor": poor, "slow": slow, "free": free} {
		m.Begin(who, l, began)
		m.Charge(who, l, 59, began)
		m.End(who)
	}
	for _, test := range []struct {
		after time.Duration
		left  int
	}{{sweepEvery, 2}, {time.Minute - 1, 2}, {time.Minute + sweepEvery, 1}, {longestDebt - 1, 1}, {longestDebt + sweepEvery, 0}} {
		if m.forgetLocked(began.Add(test.after)); len(m.all) != test.left {
			t.Errorf("after %v %d accounts are left, want %d", test.after, len(m.all), test.left)
		}
	}
}

// TestATokenItselfIsNeverShown: wherever in the file it stands, and however.
func TestATokenItselfIsNeverShown(t *testing.T) {
	secret, line, _ := NewToken("ci")
	for _, text := range []string{
		secret, secret + " ci", "token " + secret, "token " + secret + " ci", "token ci sha256:" + secret, "ci " + secret,
		"allow " + secret + " lock x", "allow ci " + secret + " x", "allow ci lock x*" + secret, `allow ci lock "` + secret + `"x`,
		"limit ci " + secret + "=1", "limit " + secret, line + " " + secret, "Authorization: Bearer " + secret,
		line + " # " + secret, `"` + secret, secret[:40],
	} {
		_, err := Parse("rules", []byte("# fine\n"+text+"\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "rules:2: this is a token itself") || strings.Contains(err.Error(), secret[9:14]) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if p := parsed(t, "allow ci lock lockstep_tests/*\n"); !p.May("ci", Lock, "lockstep_tests/x") {
		t.Error("names of locks don't begin with lockstep_ any more")
	}
}

func FuzzParse(f *testing.F) {
	_, line, _ := NewToken("ci")
	f.Add(line + "\nallow ci lock \"a b*\"\nlimit * rate=5 # x")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("rules", []byte(text))
		if err != nil && strings.ContainsRune(err.Error(), '\n') {
			t.Errorf("an error of two lines: %q", err)
		}
		if err == nil && p.Ruled() && p.May("a principal that cannot be named", Admin, "x") && !strings.Contains(text, "*") {
			t.Error("nobody is allowed everything")
		}
	})
}

// TestWhatWeighsMore: it counts as so many, however few they have left, and is paid off
// at the rate; no more than a burst may be owed.
func TestWhatWeighsMore(t *testing.T) {
	m, l, now := NewMeter(), Limits{Rate: 10, Burst: 20}, time.Unix(1000, 0)
	if !m.Charge("nobody", l, 1000, now) || len(m.all) != 0 {
		t.Error("who has not asked is charged")
	}
	begin := func() Exceeded {
		got, _ := m.Begin("ci", l, now)
		m.End("ci")
		return got
	}
	if begin() != Nothing || !m.Charge("ci", l, 29, now) { // 20 - 1 - 29
		t.Error("more than is left is too much")
	}
	if begin() != TooFast {
		t.Error("who owes something may ask")
	}
	now = now.Add(time.Second)
	if begin() != TooFast {
		t.Error("who owes nothing and has nothing left may ask")
	}
	now = now.Add(100 * time.Millisecond)
	if begin() != Nothing {
		t.Error("who has paid may not ask")
	}
	if !m.Charge("ci", l, 20, now) || m.Charge("ci", l, 0.5, now) {
		t.Error("owing a burst is not where it ends")
	}
	if !m.Charge("ci", Limits{}, 1000, now) {
		t.Error("without a rate something is owed")
	}
}
