package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"lockstep/cmd/internal/cli"
	"lockstep/cmd/internal/screen"
)

// topSettings are what top takes.
type topSettings struct {
	interval time.Duration
	once     bool
}

func (p *program) addTopFlags() {
	cli.Duration(p.Flags, &p.interval, "interval", "1s", "the `time` between two looks at the nodes, and the least between two at the locks", 100*time.Millisecond, time.Minute)
	cli.Bool(p.Flags, &p.once, "once", "print one picture, as where the output is no terminal")
}

func (p *program) topCommand() cli.Command {
	return cli.Command{
		Verb: "top", Names: []string{"PREFIX"}, Optional: true,
		Flags: append([]string{"nodes", "interval", "once"}, reaching...),
		About: `show it all in one picture that lives: nodes, failovers, the busiest locks, deadlocks

` + aboutTop,
		Examples: []string{"lockc top", "lockc top deploy/", "lockc top --interval 5s", "lockc top --once"},
		Codes:    lookCodes,
		Run: func(names []string) error {
			prefix := ""
			if len(names) > 0 {
				prefix = names[0]
			}
			return p.top(prefix)
		},
	}
}

const aboutTop = `Above are the nodes as lockc status has them, what is not safe, who was the primary since
when and for how long nobody served before, and deadlocks in red; then the locks whose names
begin with PREFIX, those first that most wait for; then what happens. The keys: arrows choose
a lock, enter shows it with its queue and its history, / shows only locks with a text in
their name or in that of who holds them, s puts those first that most wait for or that are
held longest, or sorts by name, ? helps, q quits. It changes nothing.

Where the output is no terminal, or with --once, one picture is printed. The 1,000 locks
that come first are shown; there may be any number. The list is drawn anew when something
has changed, and a long one not so often: what that takes of a node stays small.`

// top shows all there is in one picture: once, or until somebody has seen enough.
func (p *program) top(prefix string) error {
	if err := checkPrefix(prefix); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := p.dial(ctx, p.nodes); err != nil {
		return err
	}
	out, live := p.terminal()
	if !live || p.once {
		return p.topOnce(ctx, prefix)
	}
	m := &topModel{prefix: prefix}
	m.hear(p.newsOfNodes(ctx), time.Now())
	if ctx.Err() == nil {
		if err := p.judge(m.nodes.nodes, p.patience()); err != nil {
			return err // most often a typing mistake, which no waiting mends
		}
	}
	page, err := screen.Open(os.Stdin, out)
	if err != nil {
		return cli.Fail(cli.IOError, "the terminal cannot be used: %v; lockc top --once needs none", err)
	}
	defer page.Close()
	return p.topLive(ctx, m, newFeed(p, prefix), page)
}

// wide is for what nobody has to fit into a terminal.
const wide = 1 << 16

// topOnce prints one picture. If the locks cannot be had, the nodes may say why.
func (p *program) topOnce(ctx context.Context, prefix string) error {
	m := &topModel{prefix: prefix}
	m.hear(p.newsOfNodes(ctx), time.Now())
	locks, cycles, err := p.census(ctx, prefix, m.order, "")
	if err = p.silence(ctx, err); err != nil {
		m.hear(newsOfLocks{trouble: err.Error()}, time.Now())
	} else {
		m.hear(newsOfLocks{locks: locks, cycles: cycles}, time.Now())
	}
	if ctx.Err() != nil {
		return err
	}
	lines := m.once(canvas{columns: wide, paint: p.colourful(), now: time.Now()})
	if _, printed := fmt.Fprintln(p.Stdout, strings.Join(lines, "\n")); printed != nil {
		return cli.Fail(cli.IOError, "the picture cannot be printed: %v", printed)
	}
	return err
}

// shown is what topLive shows its pages on.
type shown interface {
	Size() (columns, rows int)
	Show(lines []string) error
	Keys() <-chan screen.Key
	Changed() <-chan struct{}
}

// calm is the least time between two pages, unless a key was pressed.
const calm = 100 * time.Millisecond

// topLive shows the picture until somebody quits.
func (p *program) topLive(ctx context.Context, m *topModel, f *feed, page shown) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	f.start(ctx)
	clock := time.NewTicker(time.Second) // for how long is it held?
	defer clock.Stop()
	var soon <-chan time.Time // when what is new is shown
	for due := true; !m.quit; {
		if due {
			if err := p.draw(m, page); err != nil {
				return err
			}
			soon = nil
		}
		due = true
		select {
		case news := <-f.news:
			if due = false; m.hear(news, time.Now()) && soon == nil {
				soon = time.After(calm)
			}
		case key := <-page.Keys():
			m.press(key)
			f.want(m)
		case <-page.Changed():
		case <-clock.C:
		case <-soon:
		case err := <-f.failed:
			return err
		case <-ctx.Done():
			return cli.Fail(cli.Interrupted, "")
		}
	}
	return nil
}

func (p *program) draw(m *topModel, page shown) error {
	columns, rows := page.Size()
	if err := page.Show(m.page(canvas{columns, rows, p.colourful(), time.Now()})); err != nil {
		return cli.Fail(cli.IOError, "the terminal cannot be written to: %v", err)
	}
	return nil
}
