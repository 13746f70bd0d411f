package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lockstep"
)

// past is a lock that Alice had, then Bob until it was taken from him, then nobody
// in particular, and that Carol shares.
func past(begins time.Time) lockstep.History {
	return lockstep.History{Name: "deploy/web", Complete: begins.IsZero(), Begins: begins, Tenures: []lockstep.Tenure{
		{Session: alice.ID, Token: 1<<40 | 5, Mode: lockstep.ModeExclusive, Granted: noon.Add(-time.Hour), Ended: noon.Add(-time.Hour + 17*sec),
			How: lockstep.EndReleased, Owner: alice.Info, Info: map[string]string{"command": "make deploy", "ticket": "OPS-9"}},
		{Session: bob.ID, Token: 1<<40 | 6, Mode: lockstep.ModeExclusive, Granted: noon.Add(-time.Hour + 17*sec), Ended: noon.Add(-50 * time.Minute),
			Waited: lockstep.Span{Duration: 2500 * ms}, How: lockstep.EndRevoked, Reason: "it\x07hangs", By: alice.ID, ByOwner: alice.Info, Owner: bob.Info},
		{Token: 1<<40 | 7, Mode: lockstep.ModeExclusive, Granted: noon.Add(-40 * time.Minute), Ended: noon.Add(-39 * time.Minute),
			How: lockstep.EndReleased, By: bob.ID, ByOwner: bob.Info},
		{Session: "0000010000000003", Token: 1<<40 | 8, Mode: lockstep.ModePermits, Permits: 1, Of: 3, Granted: noon.Add(-5 * time.Minute)},
	}}
}

func TestAHistoryIsATable(t *testing.T) {
	wantText(t, historyText(past(time.Time{}), noon, false), `FROM                  FOR     WAITED   TOKEN           ENDED      WHO
2031-05-06 11:00:00   17s     0ms      1099511627781   released   alice@web1, pid 7: make deploy
2031-05-06 11:00:17   9m43s   2.5s     1099511627782   revoked    bob@db [2J; taken away by alice@web1, pid 7: lockc run: it hangs
2031-05-06 11:20:00   1m00s   0ms      1099511627783   released   nobody's own (lockc lock); unlocked by bob@db [2J
2031-05-06 11:55:00   5m00s   0ms      1099511627784   has it     somebody, 1/3 permits
`)
	got := historyText(past(noon.Add(-2*time.Hour)), noon, true)
	if !strings.HasSuffix(got, "\nthis is complete from 2031-05-06 10:00:00 on\n") || !strings.Contains(got, "\x1b[31mrevoked") {
		t.Errorf("got %q", got)
	}
	wantText(t, historyText(lockstep.History{Name: "x", Complete: true}, noon, false), "nobody has ever had \"x\"\n")
	wantText(t, historyText(lockstep.History{Name: "x", Begins: noon}, noon, false),
		"nobody who is remembered had \"x\"; this is complete from 2031-05-06 12:00:00 on\n")
	wantText(t, historyText(lockstep.History{Name: "x"}, noon, false),
		"nobody who is remembered had \"x\"; from when on this is complete is not known yet\n")
}

func TestAMomentOfAHistory(t *testing.T) {
	for name, tc := range map[string]struct {
		begins time.Time
		at     time.Time
		want   string
	}{
		"alone": {time.Time{}, noon.Add(-time.Hour + sec), `at 2031-05-06 11:00:01 "deploy/web" was held
  by alice@web1, pid 7: make deploy
     from 2031-05-06 11:00:00, released at 2031-05-06 11:00:17, after 17s, token 1099511627781, session 0000010000000001
     ticket=OPS-9
`},
		"nobody":  {time.Time{}, noon.Add(-45 * time.Minute), "at 2031-05-06 11:15:00 nobody had \"deploy/web\"\n"},
		"unknown": {noon.Add(-2 * time.Hour), noon.Add(-3 * time.Hour), "who had \"deploy/web\" at 2031-05-06 09:00:00 is not known\nthe record of it begins at 2031-05-06 10:00:00\n"},
		"unsure": {noon.Add(-time.Minute), noon.Add(-2 * time.Minute), `at 2031-05-06 11:58:00 "deploy/web" was held
  by somebody, 1/3 permits
     from 2031-05-06 11:55:00, and still: for 5m00s, token 1099511627784, session 0000010000000003
others may have had it too: the record of it begins at 2031-05-06 11:59:00
`},
	} {
		t.Run(name, func(t *testing.T) {
			wantText(t, momentText(momentOf(past(tc.begins), tc.at), noon), tc.want)
		})
	}
	text, err := json.Marshal(momentOf(past(time.Time{}), noon.Add(-45*time.Minute)))
	if want := `{"name":"deploy/web","complete":true,"tenures":[],"at":"2031-05-06T11:15:00Z","sure":true}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestAMomentIsReadAsPeopleWriteIt(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := noon.In(zone) // 14:00
	for text, want := range map[string]string{
		"":                          "0001-01-01T00:00:00Z",
		"-10m":                      "2031-05-06T11:50:00Z",
		"0s":                        "2031-05-06T12:00:00Z",
		"14:05":                     "2031-05-06T12:05:00Z",
		"09:30:05.5":                "2031-05-06T07:30:05.5Z",
		"2031-05-05T14:05":          "2031-05-05T12:05:00Z",
		"2031-05-05 14:05:06":       "2031-05-05T12:05:06Z",
		"2031-05-05T14:05Z":         "2031-05-05T14:05:00Z",
		"2031-05-05T14:05:00-07:00": "2031-05-05T21:05:00Z",
	} {
		got, err := parseMoment(text, now)
		if s := got.UTC().Format(time.RFC3339Nano); err != nil || s != want {
			t.Errorf("%q: %s, %v", text, s, err)
		}
	}
	for _, text := range []string{"10m", "yesterday", "25:00", "14", "2031-05-05", "2031-13-05T14:05Z", "-10"} {
		if got, err := parseMoment(text, now); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
	if err := checkPast(now.Add(5*time.Minute), now); err == nil || err.Error() != "-at 2031-05-06 14:05:00 is still to come; another day is named like this: 2031-05-05T14:05" {
		t.Errorf("got %v", err)
	}
	if err := checkPast(now, now); err != nil {
		t.Error(err)
	}
}
