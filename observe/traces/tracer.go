package traces

import "context"

// Tracer begins spans. It is safe for concurrent use, and nothing in it waits.
type Tracer interface {
	// Begin begins a span below that of ctx: the one of With, or else what the
	// tracer itself finds there; without any, the span begins a trace. It returns
	// nil if nobody keeps that trace.
	Begin(ctx context.Context, name string, kind Kind, notes ...Note) Span
}

// Span is a part of the way. It belongs to one goroutine at a time.
type Span interface {
	// Context names the span to those below it.
	Context() Context
	// Note says more about it.
	Note(notes ...Note)
	// Fail says that it went wrong, and why.
	Fail(why string)
	// End ends it, once.
	End()
}

// Kind is what a span is in what its process does.
type Kind uint8

// The kinds.
const (
	Internal Kind = iota // a part of what the process does
	Server               // it was asked by another
	Client               // it asks another
)

// Note is something to know about a span. A Value is a string or an int64.
type Note struct {
	Key   string
	Value any
}

// Text is a note in words.
func Text(key, value string) Note { return Note{key, value} }

// Count is a note of a number.
func Count[N ~uint16 | ~uint64](key string, n N) Note { return Note{key, int64(n)} }
