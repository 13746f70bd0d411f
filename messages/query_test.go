package messages

import (
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

func sampleQuery() Query {
	return Query{Client: 1<<32 - 1, ID: 1<<64 - 1, Query: lock.Query{
		Kind: lock.QueryEvents, Name: strings.Repeat("n", lock.MaxNameBytes), After: strings.Repeat("a", lock.MaxNameBytes),
		Session: 1 << 63, Token: 1 << 63, Index: 1 << 62, Waiters: true,
	}}
}

// sampleReport has every field of a report, with the largest values that a
// table gives.
func sampleReport() Report {
	card := lock.SessionCard{ID: 1 << 63, TTL: lock.MaxTTL, Info: lock.Info(strings.Repeat("i", 300)), Since: 1 << 42,
		Holds: lock.MaxSessionLocks, Waits: lock.MaxSessionWaits, Heard: lock.MaxTTL}
	holder := lock.HolderCard{Session: 1 << 63, Token: 1 << 63, Mode: lock.Counted, Permits: lock.MaxPermits,
		Count: 1<<32 - 1, Since: 1 << 42, MaxHold: lock.MaxMaxHold, Info: lock.Info(strings.Repeat("i", lock.MaxInfoBytes)), Owner: card}
	waiter := lock.WaiterCard{Session: 1 << 63, Mode: lock.Shared, Permits: lock.MaxPermits, Since: 1 << 42,
		Names: []string{strings.Repeat("m", lock.MaxNameBytes), "", strings.Repeat("n", lock.MaxNameBytes)}, Info: "k=v", Owner: card}
	event := lock.Event{Index: 1 << 62, At: 1 << 42, Session: 1 << 63, Token: 1 << 63,
		Request: lock.RequestID{Session: 1 << 63, Slot: 4095, Number: 1 << 63, Verb: lock.KeepAlive},
		Name:    "a", Reason: strings.Repeat("r", 200), Kind: lock.LockRevoked, Mode: lock.Counted, Span: lock.MaxMaxHold}
	return Report{Client: 1<<32 - 1, Reported: replica.Reported{
		ID: 1<<64 - 1, Kind: replica.Executed, Hint: "a:1",
		Report: lock.Report{
			Index: 1 << 62,
			Locks: []lock.LockCard{
				{Name: "a", Delayed: true, Of: lock.MaxPermits, Holders: []lock.HolderCard{holder, {Token: 1}},
					Waiters: lock.MaxWaits, Queue: []lock.WaiterCard{waiter, {Session: 1}}},
				{Name: "b", Ownerless: true},
			},
			Sessions:    []lock.SessionCard{card, {ID: 1}},
			Cycles:      []lock.Cycle{{{Session: 1 << 63, Holds: "a", Waits: "b", Info: "k=v"}, {Session: 1, Holds: "b"}}, {{Session: 2}}},
			Events:      []lock.Event{event, {Index: 1}},
			Revocations: []lock.Revocation{{Token: 1 << 63, Kind: lock.LockOverheld, Reason: strings.Repeat("r", 200)}, {Token: 1}},
			Current:     true, More: true, Missed: true, Record: sampleRecord(),
		},
	}}
}

// sampleRecord has every field of a record, with the largest values that a table
// gives.
func sampleRecord() *lock.Record {
	return &lock.Record{
		Whole: true, Forgot: 1 << 42,
		Parties: []lock.Party{{ID: 1 << 63, Info: lock.Info(strings.Repeat("i", lock.MaxInfoBytes))}, {}},
		Tenures: []lock.Tenure{{
			Name: strings.Repeat("n", lock.MaxNameBytes), Token: 1 << 63, Session: 1 << 63, Mode: lock.Counted,
			Permits: lock.MaxPermits, Of: lock.MaxPermits, Since: 1 << 42, Until: 1 << 42, Waited: 1 << 42,
			How: lock.SessionClosed, Info: lock.Info(strings.Repeat("i", lock.MaxInfoBytes)), By: 1 << 63,
			Reason: strings.Repeat("r", lock.MaxReasonBytes), Forgot: 1 << 42,
		}, {}},
	}
}

func sampleNotice() Notice {
	return Notice{Client: 1<<32 - 1, Session: 1 << 63, Revocation: lock.Revocation{Token: 1 << 63, Kind: lock.LockRevoked, Reason: "upkeep"}}
}

// largeReport is a page of locks, each with its holder.
func largeReport() Report {
	report := sampleReport()
	locks := report.Reported.Report.Locks[:1]
	for len(locks) < benchItems {
		locks = append(locks, locks[0])
	}
	report.Reported.Report.Locks = locks
	return report
}

// TestReportsKeepNoFrame: who keeps one card of a page, or waits for an event,
// must not keep the text of the whole frame.
func TestReportsKeepNoFrame(t *testing.T) {
	for name, p := range map[string]*Parcel{
		"query":  {Queries: []Query{{Query: lock.Query{Name: "a", After: "b"}}}},
		"report": {Reports: []Report{sampleReport()}},
		"notice": {Notices: []Notice{sampleNotice()}},
	} {
		r := newReader(appendParcel(nil, p))
		if r.parcel(new(Parcel)); r.err != nil || r.text != "" {
			t.Errorf("%s: its strings are pieces of %d bytes; %v", name, len(r.text), r.err)
		}
	}
}

func TestMoreReportsThanAnybodySendsAreRefused(t *testing.T) {
	most := &Parcel{Reports: make([]Report, maxReports)}
	if _, p, err := Decode(Encode(Header{}, most)); err != nil || len(p.Reports) != maxReports {
		t.Errorf("%d reports were read: %v", len(p.Reports), err)
	}
	most.Reports = append(most.Reports, Report{})
	_, _, err := Decode(Encode(Header{}, most))
	want := "messages: Parcel.reports: at byte 1: there are more than 16384 in one parcel"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestTooLargeInAReport is TestTooLarge for what people are shown: a number that
// does not fit becomes the largest, and a kind one that no version uses (W2).
func TestTooLargeInAReport(t *testing.T) {
	const wide = 1<<32 + 1
	body := field(8, slices.Concat(varint(3, 257),
		field(6, slices.Concat(varint(4, wide), varint(6, wide), field(5, slices.Concat(varint(3, 257), varint(4, wide), varint(5, wide))...))...),
		field(7, slices.Concat(varint(5, wide), varint(6, wide))...),
		field(9, slices.Concat(varint(8, 257), varint(9, 257))...),
		field(10, varint(2, 257)...),
		field(14, field(4, slices.Concat(varint(4, 257), varint(5, wide), varint(6, wide), varint(10, 257))...)...))...)
	p, err := decodeBody(append(body, field(7, varint(3, 257)...)...))
	if err != nil {
		t.Fatal(err)
	}
	const largest = 1<<32 - 1
	told, r := p.Reports[0].Reported, p.Reports[0].Reported.Report
	if told.Kind != 255 || p.Queries[0].Query.Kind != 255 || r.Events[0].Kind != 255 || r.Revocations[0].Kind != 255 {
		t.Errorf("kinds: %+v", p)
	}
	if card, h := r.Locks[0], r.Locks[0].Holders[0]; card.Of != largest || card.Waiters != largest ||
		h.Mode != 255 || h.Permits != largest || h.Count != largest {
		t.Errorf("lock: %+v", card)
	}
	if one := r.Record.Tenures[0]; one.Mode != 255 || one.Permits != largest || one.Of != largest || one.How != 255 {
		t.Errorf("tenure: %+v", one)
	}
	if s := r.Sessions[0]; s.Holds != largest || s.Waits != largest || r.Events[0].Mode != 255 {
		t.Errorf("session %+v, event %+v", s, r.Events[0])
	}
}
