package traces

import (
	"context"
	"encoding/hex"
)

// Context names a span to those below it, in the same process or in others. The
// zero Context names none.
type Context struct {
	Trace [16]byte
	Span  [8]byte
	Flags byte
}

// sampledFlag is the bit of Flags that W3C has for Sampled.
const sampledFlag = 1

// IsZero reports whether the context names no span.
func (c Context) IsZero() bool { return c.Trace == [16]byte{} || c.Span == [8]byte{} }

// Sampled reports whether somebody keeps the spans of this trace.
func (c Context) Sampled() bool { return !c.IsZero() && c.Flags&sampledFlag != 0 }

// Where the parts of a traceparent begin, and where it ends.
const (
	traceAt = len("00-")
	spanAt  = traceAt + 2*16 + 1
	flagsAt = spanAt + 2*8 + 1
	length  = flagsAt + 2
)

// String is the context as W3C's header traceparent has it.
func (c Context) String() string {
	b := make([]byte, 0, length)
	b = append(b, "00-"...)
	b = append(hex.AppendEncode(b, c.Trace[:]), '-')
	b = append(hex.AppendEncode(b, c.Span[:]), '-')
	return string(hex.AppendEncode(b, []byte{c.Flags}))
}

// Parse reads a traceparent. Of a version that came later it reads what all
// versions have in common. It returns false for everything that is none.
func Parse(text string) (c Context, ok bool) {
	if len(text) < length || text[traceAt-1] != '-' || text[spanAt-1] != '-' || text[flagsAt-1] != '-' {
		return Context{}, false
	}
	var version, flags [1]byte
	ok = decode(version[:], text[:2]) && decode(c.Trace[:], text[traceAt:]) &&
		decode(c.Span[:], text[spanAt:]) && decode(flags[:], text[flagsAt:])
	c.Flags = flags[0]
	longer := len(text) > length
	switch {
	case !ok, c.IsZero(), version[0] == 0xff,
		longer && (version[0] == 0 || text[length] != '-'):
		return Context{}, false
	}
	return c, true
}

// decode reads as many bytes as there is room for. W3C has no capitals.
func decode(into []byte, text string) bool {
	for i := range into {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high > 0xf || low > 0xf {
			return false
		}
		into[i] = high<<4 | low
	}
	return true
}

// nibble is above 15 for what is no digit.
func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}

// key is that of the Context in a context.Context.
type key struct{}

// With returns a context in which what is begun is below a span.
func With(ctx context.Context, in Context) context.Context { return context.WithValue(ctx, key{}, in) }

// Without returns a context in which what is begun is below no span of With.
func Without(ctx context.Context) context.Context {
	if Of(ctx).IsZero() {
		return ctx
	}
	return With(ctx, Context{})
}

// Of returns the span that With has put into a context, or none.
func Of(ctx context.Context) Context {
	in, _ := ctx.Value(key{}).(Context)
	return in
}
