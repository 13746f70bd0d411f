package lock

import (
	"fmt"
	"strings"
	"testing"
)

// happened are n events of an entry, of names prefix/0 and so on.
func happened(index Index, prefix string, n int) []Event {
	var events []Event
	for i := range n {
		events = append(events, Event{Index: index, Name: fmt.Sprintf("%s/%d", prefix, i), Kind: LockAcquired})
	}
	return events
}

func summary(events []Event, missed bool) string {
	var words []string
	for _, e := range events {
		words = append(words, fmt.Sprintf("%d:%s", e.Index, e.Name))
	}
	return fmt.Sprint(strings.Join(words, " "), " ", missed)
}

func TestAHistoryTellsWhatCameBehind(t *testing.T) {
	h := NewHistory(5, 10)
	h.Add(happened(11, "a", 2))
	h.Add(nil)
	h.Add(happened(13, "b", 1))
	h.Add([]Event{{Index: 14, Kind: SessionClosed}})
	for _, tc := range []struct {
		behind Index
		prefix string
		room   int
		want   string
	}{
		{10, "", roomy, "11:a/0 11:a/1 13:b/0 14: false"},
		{11, "", roomy, "13:b/0 14: false"},
		{14, "", roomy, " false"},
		{10, "a/", roomy, "11:a/0 11:a/1 false"},
		{10, "b", roomy, "13:b/0 false"},
		{10, "c", roomy, " false"},
		{9, "", roomy, "11:a/0 11:a/1 13:b/0 14: true"}, // what came of entry 10 is not known
		{0, "b", roomy, "13:b/0 true"},
		{10, "", 1, "11:a/0 11:a/1 false"}, // an entry comes whole
		{11, "", 1, "13:b/0 false"},
		{10, "", 300, "11:a/0 11:a/1 13:b/0 false"},
	} {
		if got := summary(h.Behind(tc.behind, tc.prefix, tc.room)); got != tc.want {
			t.Errorf("behind %d, prefix %q, room %d: %q, not %q", tc.behind, tc.prefix, tc.room, got, tc.want)
		}
	}
}

// What a session held may be more than a message can bring.
func TestAnEntryOfVeryManyEventsIsCut(t *testing.T) {
	h := NewHistory(HistorySize, 0)
	h.Add(happened(1, "a", 2))
	h.Add(happened(2, strings.Repeat("b", MaxNameBytes-8), HistorySize-10))
	h.Add(happened(3, "c", 1))
	size := func(events []Event) (n int) {
		for _, e := range events {
			n += e.size()
		}
		return n
	}
	if got := summary(h.Behind(0, "", 1000)); got != "1:a/0 1:a/1 false" {
		t.Error(got)
	}
	events, missed := h.Behind(1, "", 1000)
	if n := len(events); !missed || n == 0 || events[n-1].Index != 2 || size(events) > entryRoom || size(events) < entryRoom-1000 {
		t.Errorf("missed %v, %d events of %d bytes", missed, n, size(events))
	}
	if got := summary(h.Behind(2, "", 1000)); got != "3:c/0 false" {
		t.Error(got)
	}
}

func TestAFullHistoryForgetsWholeEntries(t *testing.T) {
	h := NewHistory(3, 0)
	h.Add(happened(1, "a", 1))
	h.Add(happened(2, "b", 2))
	h.Add(happened(3, "c", 1)) // a is overwritten
	if got := summary(h.Behind(1, "", roomy)); got != "2:b/0 2:b/1 3:c/0 false" {
		t.Error(got)
	}
	if got := summary(h.Behind(0, "", roomy)); got != "2:b/0 2:b/1 3:c/0 true" {
		t.Error(got)
	}
	h.Add(happened(4, "d", 1)) // half of b is overwritten, so none of it is told
	if got := summary(h.Behind(1, "", roomy)); got != "3:c/0 4:d/0 true" {
		t.Error(got)
	}
	h.Add(happened(5, "e", 4)) // more than there is room for
	if got := summary(h.Behind(4, "", roomy)); got != " true" {
		t.Error(got)
	}
}

func TestAHistoryKeepsNoFrames(t *testing.T) {
	h := NewHistory(2, 0)
	frame := strings.Repeat("x", 64<<10)
	h.Add([]Event{{Index: 1, Name: frame[:3]}})
	events, _ := h.Behind(0, "", roomy)
	if events[0].Name != "xxx" || within(events[0].Name, frame) || within(h.ring[0].event.Name, frame) {
		t.Error("a name of 3 bytes keeps a frame of 64 KiB alive")
	}
}

func TestATableTellsItsHistory(t *testing.T) {
	s := begin(t)
	h := NewHistory(HistorySize, s.Index())
	for _, c := range []Command{opening(1), locking(SessionID(at(1, 1)), 0, 1, "a"), unlocking(SessionID(at(1, 1)), 0, 2, "a")} {
		s.apply(c)
		h.Add(s.Events())
	}
	if got := summary(h.Behind(0, "", roomy)); got != "1: 2:a 3:a false" {
		t.Error(got)
	}
}
