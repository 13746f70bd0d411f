package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// NewLog returns a logger for people, or one of JSON lines for machines.
func NewLog(w io.Writer, json bool, level slog.Level) *slog.Logger {
	if json {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(newHumanLog(w, level))
}

// humanLog writes lines that are read in a terminal: the time of day, the level,
// the message, and then the attributes as slog's text has them.
type humanLog struct {
	out   *sharedOutput
	attrs slog.Handler // writes the attributes alone, into out.buffer
}

// sharedOutput belongs to all handlers that were derived from one.
type sharedOutput struct {
	mu     sync.Mutex
	w      io.Writer
	buffer bytes.Buffer
}

func newHumanLog(w io.Writer, level slog.Level) *humanLog {
	out := &sharedOutput{w: w}
	return &humanLog{out: out, attrs: slog.NewTextHandler(&out.buffer, &slog.HandlerOptions{
		Level: level, ReplaceAttr: withoutBuiltIns,
	})}
}

// withoutBuiltIns drops what the line begins with already.
func withoutBuiltIns(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		return slog.Attr{}
	}
	return a
}

func (h *humanLog) Enabled(ctx context.Context, level slog.Level) bool {
	return h.attrs.Enabled(ctx, level)
}

func (h *humanLog) Handle(ctx context.Context, r slog.Record) error {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.buffer.Reset()
	if err := h.attrs.Handle(ctx, r); err != nil {
		return err
	}
	attrs := bytes.TrimSpace(h.out.buffer.Bytes())
	line := fmt.Appendf(nil, "%s %-5s %s", r.Time.Format("15:04:05.000"), r.Level, OneLine(r.Message))
	if len(attrs) > 0 {
		line = append(append(line, "  "...), attrs...)
	}
	_, err := h.out.w.Write(append(line, '\n'))
	return err
}

func (h *humanLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &humanLog{out: h.out, attrs: h.attrs.WithAttrs(attrs)}
}

func (h *humanLog) WithGroup(name string) slog.Handler {
	return &humanLog{out: h.out, attrs: h.attrs.WithGroup(name)}
}
