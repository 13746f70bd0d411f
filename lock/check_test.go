package lock

import (
	"fmt"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for name, want := range map[string]Limit{
		"":                          LimitName,
		"a":                         NoLimit,
		"with space":                NoLimit,
		"Schlüssel/鍵/🔑":             NoLimit,
		strings.Repeat("x", 256):    NoLimit,
		strings.Repeat("x", 257):    LimitName,
		strings.Repeat("é", 128):    NoLimit, // 256 bytes
		strings.Repeat("é", 129):    LimitName,
		"a\x00":                     LimitName,
		"a\n":                       LimitName,
		"tab\t":                     LimitName,
		"\x7f":                      LimitName,
		"\u0085":                    LimitName, // a control character beyond ASCII
		"zero\u200bwidth":           LimitName,
		"right-to-left\u202eornate": LimitName,
		"\xff":                      LimitName,
		"half a rune \xc3":          LimitName,
		"\xed\xa0\x80":              LimitName, // a surrogate
		"\ufffd":                    NoLimit,   // a replacement character that is really there
	} {
		if got := CheckName(name); got != want {
			t.Errorf("CheckName(%q) = %d, want %d", name, got, want)
		}
	}
}

// acquiring is an Acquire of a with those terms.
func acquiring(terms Terms) Command {
	return Command{Session: 5, Number: 1, Verb: Acquire, Name: "a", Terms: &terms}
}

func counting(permits, of uint32) Command {
	c := acquiring(Terms{Permits: permits, Of: of})
	c.Mode = Counted
	return c
}

func many(n int) []Want {
	wants := make([]Want, n)
	for i := range wants {
		wants[i].Name = fmt.Sprint("b", i)
	}
	return wants
}

func TestCheckJudgesTheForm(t *testing.T) {
	ttl := func(ttl Millis) Command {
		return Command{Verb: OpenSession, Number: 1, Terms: &Terms{TTL: ttl}}
	}
	info := func(info Info) Command { return acquiring(Terms{Info: info}) }
	reason := func(info Info) Command {
		return Command{Verb: Revoke, Number: 1, Name: "a", Terms: &Terms{Info: info}}
	}
	for _, tc := range []struct {
		command Command
		want    Limit
	}{
		{opening(1), NoLimit},
		{opening(0), LimitNumber},
		{ttl(0), NoLimit},
		{ttl(MinTTL - 1), LimitTTL},
		{ttl(MinTTL), NoLimit},
		{ttl(MaxTTL), NoLimit},
		{ttl(MaxTTL + 1), LimitTTL},
		{Command{Verb: OpenSession, Number: 1, Terms: &Terms{Info: "no pair"}}, LimitInfo},
		{ending(0), NoLimit},
		{ending(5), NoLimit},
		{Command{Verb: KeepAlive, Session: 5}, NoLimit},

		{locking(5, 0, 1, "a"), NoLimit},
		{unlocking(5, MaxSlots-1, 1, "a"), NoLimit},
		{locking(5, MaxSlots, 1, "a"), LimitSlot},
		{locking(5, 0, 0, "a"), LimitNumber},
		{unlocking(5, 0, 0, "a"), LimitNumber},
		{locking(5, 0, 1, ""), LimitName},
		{unlocking(5, 0, 1, "\n"), LimitName},

		{Command{Verb: Acquire, Number: 1, Name: "a"}, NoLimit},
		{Command{Verb: Acquire, Number: 0, Name: "a"}, LimitNumber},
		{Command{Verb: Acquire, Number: 1, Name: ""}, LimitName},
		{Command{Verb: Acquire, Number: 1, Name: "a", Mode: Shared}, NoLimit},
		{Command{Verb: Acquire, Number: 1, Name: "a", Mode: Counted + 1}, LimitMode},
		{Command{Verb: Acquire, Number: 1, Name: "a", Mode: Counted}, LimitPermits},
		{counting(0, 3), LimitPermits},
		{counting(1, 1), NoLimit},
		{counting(4, 3), LimitPermits},
		{counting(MaxPermits, MaxPermits), NoLimit},
		{counting(1, MaxPermits+1), LimitPermits},
		{acquiring(Terms{Permits: 1, Of: 1}), LimitPermits},
		{acquiring(Terms{And: many(MaxNames - 1)}), NoLimit},
		{acquiring(Terms{And: many(MaxNames)}), LimitNames},
		{acquiring(Terms{And: []Want{{Name: "a"}}}), LimitNames},
		{acquiring(Terms{And: []Want{{Name: "b"}, {Name: "b", Mode: Shared}}}), LimitNames},
		{acquiring(Terms{And: []Want{{Name: ""}}}), LimitName},
		{acquiring(Terms{And: []Want{{Name: "b", Mode: 77}}}), LimitMode},
		{acquiring(Terms{And: []Want{{Name: "b", Mode: Counted, Permits: 3, Of: 2}}}), LimitPermits},
		{acquiring(Terms{MaxHold: MinMaxHold - 1}), LimitMaxHold},
		{acquiring(Terms{MaxHold: MinMaxHold}), NoLimit},
		{acquiring(Terms{MaxHold: MaxMaxHold}), NoLimit},
		{acquiring(Terms{MaxHold: MaxMaxHold + 1}), LimitMaxHold},
		{acquiring(Terms{LockDelay: MaxLockDelay}), NoLimit},
		{acquiring(Terms{LockDelay: MaxLockDelay + 1}), LimitLockDelay},
		{acquiring(Terms{Under: Holding{"b", 7}}), NoLimit},
		{acquiring(Terms{Under: Holding{"b", 0}}), LimitToken},
		{acquiring(Terms{Under: Holding{"", 7}}), LimitName},

		{info("a=1\nb=2\nc="), NoLimit},
		{info("key=with = more"), NoLimit},
		{info("b=2\na=1"), LimitInfo},
		{info("a=1\na=2"), LimitInfo},
		{info("a=1\n"), LimitInfo},
		{info("=1"), LimitInfo},
		{info("a"), LimitInfo},
		{info("a=\x07"), LimitInfo},
		{info(Info("a=" + strings.Repeat("x", MaxInfoBytes-2))), NoLimit},
		{info(Info("a=" + strings.Repeat("x", MaxInfoBytes-1))), LimitInfo},

		{Command{Verb: Release, Number: 1, Name: "a", Token: 7}, NoLimit},
		{Command{Verb: Release, Number: 1, Name: "a"}, LimitToken},
		{Command{Verb: Release, Number: 1, Token: 7}, LimitName},
		{Command{Verb: Release, Name: "a", Token: 7}, LimitNumber},
		{Command{Verb: Cancel, Number: 1}, NoLimit},
		{Command{Verb: Cancel}, LimitNumber},
		{Command{Verb: Cancel, Number: 1, Slot: MaxSlots}, LimitSlot},
		{Command{Verb: Revoke, Number: 1, Name: "a"}, NoLimit},
		{Command{Verb: Revoke, Number: 1, Name: ""}, LimitName},
		{Command{Verb: Revoke, Number: 0, Name: "a"}, LimitNumber},
		{reason("it hangs since Friday\nsays Ann"), NoLimit},
		{reason("\x1b[31m"), LimitReason},
		{reason(Info(strings.Repeat("x", MaxReasonBytes))), NoLimit},
		{reason(Info(strings.Repeat("x", MaxReasonBytes+1))), LimitReason},

		{acquiring(Terms{Reentrant: true, MaxHold: MinMaxHold}), LimitReentrant},
		{acquiring(Terms{Reentrant: true}), NoLimit},

		{Command{}, LimitVerb},
		{Command{Verb: 10, Number: 1, Name: "a"}, LimitVerb},
		{Command{Verb: Expire, Session: 5}, LimitVerb},
		{Command{Verb: EndHold, Name: "a", Token: 7}, LimitVerb},
		{Command{Verb: Reopen, Name: "a", Token: 7}, LimitVerb},
	} {
		if got := tc.command.Check(); got != tc.want {
			t.Errorf("%+v: limit %d, want %d", tc.command, got, tc.want)
		}
	}
}

// What a verb does not look at must not enter the order either: it would be kept
// and sent on without ever having been judged.
func TestTermsAreOfTheirVerb(t *testing.T) {
	terms := map[string]Terms{
		"nothing": {}, "ttl": {TTL: MinTTL}, "info": {Info: "a=b"}, "and": {And: many(1)}, "permits": {Permits: 1}, "of": {Of: 1},
		"under": {Under: Holding{"a", 1}}, "sequential": {Sequential: true}, "reentrant": {Reentrant: true},
		"allow": {AllowDeadlock: true}, "hold": {MaxHold: MinMaxHold}, "delay": {LockDelay: 1},
	}
	own := map[Verb]string{
		OpenSession: "nothing ttl info",
		Acquire:     "nothing info and permits of under sequential reentrant allow hold delay",
		Revoke:      "nothing info",
	}
	for verb := OpenSession; verb <= KeepAlive; verb++ {
		for name, asked := range terms {
			c := Command{Verb: verb, Number: 1, Name: "x", Token: 1, Terms: &asked}
			if c.Verb == Acquire && asked.Permits+asked.Of > 0 {
				c.Mode, asked.Permits, asked.Of = Counted, 1, 1
			}
			want := LimitTerms
			if strings.Contains(" "+own[verb]+" ", " "+name+" ") {
				want = NoLimit
			}
			if got := c.Check(); got != want {
				t.Errorf("verb %d with %s: limit %d, not %d", verb, name, got, want)
			}
		}
	}
}

func TestARequestIsOfBoundedSize(t *testing.T) {
	name := func(i int) string { return fmt.Sprintf("%02d", i) + strings.Repeat("x", MaxNameBytes-2) }
	full := Terms{Info: Info("a=" + strings.Repeat("x", MaxInfoBytes-2)), Under: Holding{name(0), 1}}
	for i := range MaxNames - 1 {
		full.And = append(full.And, Want{Name: name(i)})
	}
	if c := acquiring(full); c.Check() != NoLimit || c.Weight() > MaxRequestBytes/2 {
		t.Errorf("the largest Acquire, of %d bytes: limit %d", c.Weight(), c.Check())
	}
	for verb := range 256 {
		for what, c := range map[string]Command{
			"name":  {Name: strings.Repeat("x", MaxRequestBytes)},
			"info":  {Terms: &Terms{Info: Info(strings.Repeat("x", MaxRequestBytes))}},
			"under": {Terms: &Terms{Under: Holding{Name: strings.Repeat("x", MaxRequestBytes)}}},
			"names": {Terms: &Terms{And: make([]Want, MaxRequestBytes/24)}},
		} {
			c.Verb, c.Number, c.Token = Verb(verb), 1, 1
			if got := c.Check(); got != LimitRequest {
				t.Errorf("verb %d with a long %s: limit %d", verb, what, got)
			}
		}
	}
}

// What passes Check and is ordered must never make a table panic.
func TestClientsSendTheKnownVerbsThatAreNotOfTheClock(t *testing.T) {
	for v := range 256 {
		c := Command{Verb: Verb(v), Number: 1, Name: "a", Token: 1}
		if passes := c.Check() == NoLimit; passes != (c.Verb.Known() && !c.Verb.OfClock()) {
			t.Errorf("verb %d: passes %v, known %v, of the clock %v", v, passes, c.Verb.Known(), c.Verb.OfClock())
		}
	}
}

func TestLimitsSayTheirNumbers(t *testing.T) {
	for limit, number := range map[Limit]int{
		LimitName: MaxNameBytes, LimitSlot: MaxSlots - 1, LimitSessions: MaxSessions, LimitLocks: MaxLocks,
		LimitNames: MaxNames, LimitInfo: MaxInfoBytes, LimitPermits: MaxPermits, LimitSessionLocks: MaxSessionLocks,
		LimitSessionWaits: MaxSessionWaits, LimitWaits: MaxWaits, LimitRequest: MaxRequestBytes, LimitReason: MaxReasonBytes,
		LimitLockWaits: MaxLockWaits,
	} {
		if text := limit.String(); !strings.Contains(text, fmt.Sprint(number)) {
			t.Errorf("limit %d reads %q, without %d", limit, text, number)
		}
	}
	texts := map[string]Limit{}
	for limit := NoLimit; int(limit) <= len(limitTexts); limit++ {
		if other, taken := texts[limit.String()]; taken || limit.String() == "" {
			t.Errorf("limits %d and %d share the text %q", limit, other, limit)
		}
		texts[limit.String()] = limit
	}
}

func FuzzCheckName(f *testing.F) {
	for _, seed := range []string{"", "a", "a b", "\n", "é", "\xff", "\u200b", strings.Repeat("x", 257)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if CheckName(name) != NoLimit {
			return
		}
		if len(name) < 1 || len(name) > 256 || strings.ToValidUTF8(name, "") != name {
			t.Errorf("%q passed", name)
		}
		for _, r := range name {
			if r < ' ' || r >= 0x7f && r < 0xa0 {
				t.Errorf("%q has a control character and passed", name)
			}
		}
	})
}
