package messages

import (
	"fmt"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

const benchItems = 256

func benchCommand(i int) lock.Command {
	return lock.Command{
		Session: lock.SessionID(3<<40 | i),
		Slot:    lock.Slot(i),
		Number:  lock.Number(1_000_000 + i),
		Verb:    lock.Lock,
		Name:    fmt.Sprintf("lock-%06d", i),
	}
}

func benchRequests() *Parcel {
	p := &Parcel{}
	for i := range benchItems {
		p.Requests = append(p.Requests, Request{ClientID(i), benchCommand(i)})
	}
	return p
}

func benchForward() *Parcel {
	m := replica.Forward{View: 3}
	for i := range benchItems {
		m.Entries = append(m.Entries, lock.Entry{View: 3, Index: lock.Index(5_000_000 + i), Command: benchCommand(i)})
	}
	return &Parcel{Pair: []replica.Message{m}}
}

func benchAnswers() *Parcel {
	p := &Parcel{}
	for i := range benchItems {
		p.Answers = append(p.Answers, Answer{ClientID(i), replica.Answer{
			Request: benchCommand(i).ID(),
			Kind:    replica.Executed,
			Result:  lock.Result{Outcome: lock.Granted, Token: lock.Token(3<<40 | i)},
		}})
	}
	return p
}

// benchEncode and benchDecode report the time for one of the parcel's items.
func benchEncode(b *testing.B, p *Parcel) {
	b.ReportAllocs()
	for b.Loop() {
		Encode(Header{}, p)
	}
	reportPerCommand(b)
}

func benchDecode(b *testing.B, p *Parcel) {
	f := Encode(Header{}, p)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Decode(f); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(f.GetBody()))/benchItems, "B/command")
	reportPerCommand(b)
}

func reportPerCommand(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchItems, "ns/command")
}

func benchReport() *Parcel { return &Parcel{Reports: []Report{largeReport()}} }

func BenchmarkEncodeRequests(b *testing.B) { benchEncode(b, benchRequests()) }
func BenchmarkDecodeRequests(b *testing.B) { benchDecode(b, benchRequests()) }
func BenchmarkEncodeForward(b *testing.B)  { benchEncode(b, benchForward()) }
func BenchmarkDecodeForward(b *testing.B)  { benchDecode(b, benchForward()) }
func BenchmarkEncodeAnswers(b *testing.B)  { benchEncode(b, benchAnswers()) }
func BenchmarkDecodeAnswers(b *testing.B)  { benchDecode(b, benchAnswers()) }
func BenchmarkEncodeReport(b *testing.B)   { benchEncode(b, benchReport()) }
func BenchmarkDecodeReport(b *testing.B)   { benchDecode(b, benchReport()) }
