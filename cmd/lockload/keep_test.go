package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/lock"
)

// keepToy holds locks at a toy service, and has something happen to it meanwhile.
func keepToy(t *testing.T, service *lessor, meanwhile func(*keeper)) (r *keepReport) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := keepPlan{work: "hold", locks: 500, duration: 10 * time.Second, timeout: time.Minute}
		cpu, resident := 0.0, int64(10<<20)
		use := func() usage {
			cpu, resident = cpu+0.5, resident+100_000
			return usage{time.Now(), []int{812}, cpuTimes{812: cpu}, map[int]int64{812: resident}}
		}
		k := newKeeper(p, service.members(5), use, func(string) {})
		if meanwhile != nil {
			time.AfterFunc(5*time.Second, func() { meanwhile(k) })
		}
		r = k.run(nil)
	})
	return r
}

func TestHeldLocksAreWeighed(t *testing.T) {
	r := keepToy(t, &lessor{}, nil)
	if !r.OK || r.Held != 500 || len(r.Errors) > 0 || r.HeldSeconds != 10 {
		t.Errorf("got %+v", r)
	}
	want := nodeUsage{PID: 812, Before: 10<<20 + 100_000, After: 10<<20 + 300_000, BytesPerLock: 400, Share: 0.05}
	if len(r.Usage) != 1 || r.Usage[0] != want {
		t.Errorf("got %+v, want %+v", r.Usage, want)
	}
	var out bytes.Buffer
	r.write(&out)
	if !strings.Contains(out.String(), "400") || !strings.Contains(out.String(), "5.00%") {
		t.Error(out.String())
	}
}

func TestWrongAnswersAboutHeldLocksAreReported(t *testing.T) {
	for _, test := range []struct {
		says    string
		service *lessor
	}{
		{"granted twice", &lessor{doubles: above(500)}},
		{"the lock was lost", &lessor{forgets: at(77)}},
		{"nobody else asks", &lessor{refuses: at(77)}},
		{"a token of another", &lessor{tokens: func(n lock.Token) lock.Token { return n / 2 }}},
	} {
		t.Run(test.says, func(t *testing.T) {
			r := keepToy(t, test.service, nil)
			if r.OK || len(r.Wrongs) == 0 || !strings.Contains(strings.Join(r.Wrongs, "; "), test.says) {
				t.Errorf("reported %q, want %q", r.Wrongs, test.says)
			}
		})
	}
}

func TestSessionsThatExpireAreCounted(t *testing.T) {
	r := keepToy(t, &lessor{}, func(k *keeper) {
		for i := range 20 {
			k.kept[5*i].(*toyLease).lose() // one tenant's, and no other's
		}
	})
	if r.OK || r.Lost != 20 || r.Expired != 1 || len(r.Wrongs) > 0 || r.failure() == nil {
		t.Errorf("got %+v", r)
	}
}

func TestParseStatm(t *testing.T) {
	if pages, ok := parseStatm([]byte("309514 5125 2048 1650 0 40832 0\n")); !ok || pages != 5125 {
		t.Errorf("got %d, %v", pages, ok)
	}
	for _, bad := range []string{"", "17", "17 x"} {
		if _, ok := parseStatm([]byte(bad)); ok {
			t.Errorf("%q was understood", bad)
		}
	}
}
