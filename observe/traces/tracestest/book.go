// Package tracestest has a Tracer for tests: it remembers what it is told.
package tracestest

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/observe/traces"
)

// Parent is a span of a caller's in a trace that somebody keeps, and Unkept one in
// a trace that nobody does.
const (
	Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	Unkept = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// Book is a Tracer. It keeps the traces that begin in it, and of others those that
// are kept already. It is used by a pointer.
type Book struct {
	mu    sync.Mutex
	spans []*Span
	news  chan struct{} // closed when a span ends
}

// Span is what was told of one.
type Span struct {
	Name         string
	Kind         traces.Kind
	Self, Parent traces.Context
	Notes        map[string]any
	Failed       string // why, if it has
	Begun, Ended time.Time
	Ends         int // one, if all is well

	book *Book
}

// Begin implements traces.Tracer.
func (b *Book) Begin(ctx context.Context, name string, kind traces.Kind, notes ...traces.Note) traces.Span {
	b.mu.Lock()
	defer b.mu.Unlock()
	parent := traces.Of(ctx)
	if !parent.IsZero() && !parent.Sampled() {
		return nil
	}
	s := &Span{Name: name, Kind: kind, Self: parent, Parent: parent, Notes: map[string]any{}, Begun: time.Now(), book: b}
	number := uint64(len(b.spans) + 1)
	if parent.IsZero() {
		binary.BigEndian.PutUint64(s.Self.Trace[8:], number)
		s.Self.Flags = 1
	}
	binary.BigEndian.PutUint64(s.Self.Span[:], number)
	s.note(notes)
	b.spans = append(b.spans, s)
	return telling{s}
}

func (s *Span) note(notes []traces.Note) {
	for _, n := range notes {
		s.Notes[n.Key] = n.Value
	}
}

// telling is a span as who tells of it has it.
type telling struct{ span *Span }

func (t telling) Context() traces.Context { return t.span.Self }

func (t telling) change(f func(s *Span)) {
	t.span.book.mu.Lock()
	defer t.span.book.mu.Unlock()
	f(t.span)
}

func (t telling) Note(notes ...traces.Note) { t.change(func(s *Span) { s.note(notes) }) }

func (t telling) Fail(why string) { t.change(func(s *Span) { s.Failed = why }) }

func (t telling) End() {
	t.change(func(s *Span) {
		s.Ends++
		s.Ended = time.Now()
		if s.book.news != nil {
			close(s.book.news)
			s.book.news = nil
		}
	})
}

// Spans returns all spans so far, in the order of beginning.
func (b *Book) Spans() (all []Span) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.spans {
		all = append(all, *s)
	}
	return all
}

// Await returns the spans as soon as there are so many and all have ended: that may
// be after their caller was answered.
func (b *Book) Await(t testing.TB, n int) []Span {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		b.mu.Lock()
		over := 0
		for _, s := range b.spans {
			over += s.Ends
		}
		if b.news == nil {
			b.news = make(chan struct{})
		}
		news, whole := b.news, over == n && len(b.spans) == n
		b.mu.Unlock()
		if whole {
			return b.Spans()
		}
		select {
		case <-news:
		case <-late:
			t.Fatalf("there are not %d spans, but:\n%s", n, b.Text())
		}
	}
}

// Text writes the spans, each below its parent; one that is under way has three
// dots, and one that was ended twice an exclamation mark.
func (b *Book) Text() string {
	var text strings.Builder
	all := b.Spans()
	var write func(parent traces.Context, indent string)
	write = func(parent traces.Context, indent string) {
		for _, s := range all {
			if s.Parent.Span == parent.Span {
				fmt.Fprintf(&text, "%s%s%s\n", indent, s.Name, []string{" …", "", " !"}[min(s.Ends, 2)])
				write(s.Self, indent+"  ")
			}
		}
	}
	tops := map[traces.Context]bool{}
	for _, s := range all {
		known := false
		for _, other := range all {
			known = known || other.Self.Span == s.Parent.Span
		}
		if !known && !tops[s.Parent] {
			tops[s.Parent] = true
			write(s.Parent, "")
		}
	}
	return text.String()
}
