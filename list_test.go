package lockstep_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep"
	"lockstep/locktest"
)

func TestAListShowsWhatIsBelowAPrefix(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client := pair.Client()
		for _, name := range []string{"deploy/web", "db", "deploy/api", "deployer"} {
			acquired(t, client, name)
		}
		waitFor(t.Context(), t, pair.Client(), "deploy/api")
		var names []string
		for info, err := range client.List(t.Context(), "deploy/", lockstep.Queues()) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, fmt.Sprintf("%s:%d/%d", info.Name, info.Waiters, len(info.Queue)))
		}
		if got := strings.Join(names, " "); got != "deploy/api:1/1 deploy/web:0/0" {
			t.Errorf("the list is %q", got)
		}
	})
}

// A list of any length comes page by page.
func TestALongListIsWhole(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		const locks = 3000
		client := pair.Client()
		for i := range locks {
			acquired(t, client, fmt.Sprintf("%04d/%s", i, strings.Repeat("x", 200)))
		}
		count := 0
		for info, err := range client.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("%04d/", count); !strings.HasPrefix(info.Name, want) {
				t.Fatalf("lock %d is %.10s", count, info.Name)
			}
			count++
		}
		if count != locks {
			t.Errorf("%d of %d locks", count, locks)
		}
	})
}

func TestSessionsAreShown(t *testing.T) {
	onPair(t, func(t *testing.T, pair *locktest.Pair) {
		client, other := pair.Client(lockstep.WithTTL(20*time.Second)), pair.Client()
		lease := acquired(t, client, "db")
		waitFor(t.Context(), t, other, "db")
		sessions := map[string]lockstep.SessionInfo{}
		for info, err := range client.Sessions(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			sessions[info.ID] = info
		}
		mine := sessions[lease.Session()]
		if len(sessions) != 2 || mine.Holds != 1 || mine.TTL.Duration != 20*time.Second || mine.Info["pid"] == "" {
			t.Errorf("%+v", sessions)
		}
		info, locks, err := other.ShowSession(t.Context(), lease.Session())
		if err != nil || info.ID != lease.Session() || len(locks) != 1 || locks[0].Name != "db" || len(locks[0].Queue) != 1 {
			t.Errorf("%+v, %+v, %v", info, locks, err)
		}
		if _, _, err := other.ShowSession(t.Context(), "0000000000000001"); !errors.Is(err, lockstep.ErrSessionExpired) {
			t.Errorf("a session that never was: %v", err)
		}
	})
}

// The names of the fields are promised.
func TestTheJSONFormIsStable(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	owner := lockstep.SessionInfo{
		ID: "0000010000000001", TTL: lockstep.Span{Duration: 10 * time.Second}, Info: map[string]string{"pid": "7"},
		Since: at, Holds: 1, Heard: lockstep.Span{Duration: 1500 * time.Millisecond},
	}
	for want, value := range map[string]any{
		`{"name":"free","holders":[],"waiters":0}`: lockstep.LockInfo{Name: "free", Holders: []lockstep.HolderInfo{}},
		`{"session":"0000010000000001","token":"1099511627778","mode":"exclusive","since":"2026-01-02T03:04:05Z",` +
			`"max_hold_ms":60000,"info":{"step":"3"},"owner":{"id":"0000010000000001","ttl_ms":10000,"info":{"pid":"7"},` +
			`"since":"2026-01-02T03:04:05Z","holds":1,"waits":0,"heard_ms_ago":1500}}`: lockstep.HolderInfo{
			Session: owner.ID, Token: 1099511627778, Mode: lockstep.ModeExclusive, Since: at,
			MaxHold: lockstep.Span{Duration: time.Minute}, Info: map[string]string{"step": "3"}, Owner: owner,
		},
		`{"kind":"revoked","index":9,"name":"db","token":"5","mode":"shared","reason":"enough"}`: lockstep.Event{
			Kind: lockstep.EventRevoked, Index: 9, Name: "db", Token: 5, Mode: lockstep.ModeShared, Reason: "enough",
		},
	} {
		got, err := json.Marshal(value)
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
	var back lockstep.SessionInfo
	text, _ := json.Marshal(owner)
	if err := json.Unmarshal(text, &back); err != nil || back.Heard != owner.Heard || back.TTL != owner.TTL {
		t.Errorf("back from JSON: %+v, %v", back, err)
	}
}

func TestATokenIsAText(t *testing.T) {
	token := lockstep.Token(1 << 60)
	if back, err := lockstep.ParseToken(token.String()); err != nil || back != token {
		t.Errorf("%v, %v", back, err)
	}
	for _, text := range []string{"", "0", "-1", "x", "18446744073709551616"} {
		if _, err := lockstep.ParseToken(text); !errors.Is(err, lockstep.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
