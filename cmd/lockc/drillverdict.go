package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"lockstep"
	"lockstep/cmd/internal/cli"
	"lockstep/words"
)

// judgement is what a drill has seen. Many goroutines tell it.
type judgement struct {
	prefix string
	nodes  int
	took   time.Duration

	mu         sync.Mutex
	steps      []stepResult
	requests   int
	longest    time.Duration
	wrongs     []string
	losses     []string
	unanswered []string
	trouble    string // why the drill was not brought to its end
	left       string // what it could not put back
}

// stepResult is one step as it went. Its JSON form is stable.
type stepResult struct {
	What  string `json:"what"`
	Done  bool   `json:"done"`
	Took  milli  `json:"took_ms"`  // until it was done
	Whole milli  `json:"whole_ms"` // until all nodes were there again
	Pause milli  `json:"pause_ms"` // the longest that a session was kept waiting
	Error string `json:"error,omitempty"`
}

// milli is milliseconds in JSON.
type milli time.Duration

func (m milli) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, time.Duration(m).Milliseconds()), nil
}

func (r stepResult) text() string {
	if !r.Done {
		return fmt.Sprintf("%s: not done: %s", r.What, r.Error)
	}
	return fmt.Sprintf("%s: took %s, all nodes were there after %s, longest pause %s",
		r.What, words.Length(time.Duration(r.Took)), words.Length(time.Duration(r.Whole)), words.Length(time.Duration(r.Pause)))
}

func newJudgement() *judgement { return &judgement{prefix: drillPrefix()} }

func (v *judgement) step(r stepResult) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.steps = append(v.steps, r)
}

func (v *judgement) request() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.requests++
}

func (v *judgement) pause(took time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.longest = max(v.longest, took)
}

// mostFindings bounds what is kept of each kind.
const mostFindings = 100

func (v *judgement) note(to *[]string, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(*to) < mostFindings {
		*to = append(*to, cli.OneLine(fmt.Sprintf(format, args...)))
	}
}

func (v *judgement) wrong(format string, args ...any) { v.note(&v.wrongs, format, args...) }

func (v *judgement) lost(format string, args ...any) { v.note(&v.losses, format, args...) }

// unable says that a request came to nothing: with its session, or because nobody
// answered in time.
func (v *judgement) unable(verb, name string, err error) {
	for _, loss := range []error{lockstep.ErrLost, lockstep.ErrSessionExpired, lockstep.ErrExpired, lockstep.ErrRevoked} {
		if errors.Is(err, loss) {
			v.lost("%s %s: %s", verb, name, cli.Plain(err))
			return
		}
	}
	v.note(&v.unanswered, "%s %s: %s", verb, name, cli.Plain(err))
}

func (v *judgement) abandon(why string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.trouble = cli.OneLine(why)
}

func (v *judgement) leave(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.left = cli.OneLine(what)
}

// drillReport is the JSON form. It is stable.
type drillReport struct {
	Prefix     string       `json:"prefix"`
	Nodes      int          `json:"nodes"`
	Sessions   int          `json:"sessions"`
	Took       milli        `json:"took_ms"`
	Requests   int          `json:"requests"`
	Steps      []stepResult `json:"steps"`
	Longest    milli        `json:"longest_pause_ms"`
	Wrong      []string     `json:"wrong_answers"`
	Lost       []string     `json:"lost_locks"`
	Unanswered []string     `json:"unanswered"`
	Trouble    string       `json:"trouble,omitempty"`
	OK         bool         `json:"ok"`
}

func (v *judgement) report() drillReport {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := func(all []string) []string { return append([]string{}, all...) }
	return drillReport{
		Prefix: v.prefix, Nodes: v.nodes, Sessions: drillSessions, Took: milli(v.took), Requests: v.requests,
		Steps: append([]stepResult{}, v.steps...), Longest: milli(v.longest),
		Wrong: list(v.wrongs), Lost: list(v.losses), Unanswered: list(v.unanswered), Trouble: v.trouble, OK: v.fine(),
	}
}

func (v *judgement) fine() bool {
	return len(v.wrongs)+len(v.losses)+len(v.unanswered) == 0 && v.trouble == "" && v.undone() == 0
}

func (v *judgement) undone() (n int) {
	for _, step := range v.steps {
		if !step.Done {
			n++
		}
	}
	return n
}

// text is the form for people.
func (v *judgement) text() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := &table{}
	t.add(plain, "DONE", "TOOK", "WHOLE AFTER", "LONGEST PAUSE")
	for _, s := range v.steps {
		if s.Done {
			t.add(plain, s.What, words.Length(time.Duration(s.Took)), words.Length(time.Duration(s.Whole)), words.Length(time.Duration(s.Pause)))
		} else {
			t.add(plain, s.What, "not done", "-", words.Length(time.Duration(s.Pause)))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s against %s for %s: %s\n\n", count(drillSessions, "session", "sessions"), count(v.nodes, "node", "nodes"), words.Length(v.took), count(v.requests, "request", "requests"))
	b.WriteString(t.String())
	fmt.Fprintf(&b, "\nlongest pause   %s\n", words.Length(v.longest))
	writeFindings(&b, "wrong answers", v.wrongs)
	writeFindings(&b, "lost locks", v.losses)
	writeFindings(&b, "unanswered", v.unanswered)
	fmt.Fprintf(&b, "verdict         %s\n", v.word())
	return b.String()
}

func writeFindings(b *strings.Builder, what string, findings []string) {
	fmt.Fprintf(b, "%-15s %d\n", what, len(findings))
	for _, finding := range findings {
		fmt.Fprintf(b, "    %s\n", finding)
	}
}

func (v *judgement) word() string {
	switch {
	case len(v.wrongs) > 0:
		return "WRONG ANSWERS"
	case len(v.losses) > 0:
		return "LOCKS WERE LOST"
	case v.trouble != "":
		return "not brought to its end: " + v.trouble
	case len(v.unanswered) > 0:
		return "requests were left unanswered"
	case v.undone() > 0:
		return "nothing was lost, but not everything could be done"
	default:
		return "nothing was lost"
	}
}

// failure is how lockc ends.
func (v *judgement) failure(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case len(v.wrongs)+len(v.losses)+len(v.unanswered) > 0:
		return cli.Fail(cli.No, "")
	case ctx.Err() != nil && v.left != "":
		return cli.Fail(cli.Interrupted, "interrupted; %s", v.left)
	case ctx.Err() != nil:
		return cli.Fail(cli.Interrupted, "interrupted; what was done until then is above, and nothing is left of it")
	case !v.fine():
		return cli.Fail(cli.TempFail, "the drill was not brought to its end")
	default:
		return nil
	}
}
