package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/observe/metrics"
	"lockstep/replica"
)

// How often a herald looks at the nodes: as long as they are not ready, and then.
const (
	heraldSoon = 50 * time.Millisecond
	heraldRate = time.Second
)

// herald tells who has started this process how its nodes stand, in the words of
// systemd: it is ready when all of them serve, and it is alive as long as the
// actors of all of them answer. A process whose actors are stuck is restarted then.
type herald struct {
	to      net.Conn
	pace    time.Duration // between two looks when the nodes are ready
	watched bool          // somebody wants signs of life
	ask     func(context.Context) ([]replica.Status, error)

	ready bool
	said  string
}

// newHerald returns nil if nobody wants to be told.
func newHerald(getenv func(string) string, ask func(context.Context) ([]replica.Status, error)) (*herald, error) {
	socket := getenv("NOTIFY_SOCKET")
	if socket == "" {
		return nil, nil
	}
	to, err := net.Dial("unixgram", socket)
	if err != nil {
		return nil, err
	}
	h := &herald{to: to, pace: heraldRate, ask: ask}
	if limit := watchdog(getenv); limit > 0 {
		h.watched, h.pace = true, min(heraldRate, limit/4)
	}
	return h, nil
}

// watchdog is how long this process may be silent, or zero.
func watchdog(getenv func(string) string) time.Duration {
	micros, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err != nil || micros <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(micros) * time.Microsecond
}

// run tells until the nodes are told to stop.
func (h *herald) run(over <-chan struct{}) {
	defer h.to.Close()
	for {
		h.tell(h.look())
		wait := h.pace
		if !h.ready {
			wait = min(wait, heraldSoon)
		}
		select {
		case <-time.After(wait):
		case <-over:
			h.tell([]string{"STOPPING=1", "STATUS=stopping"})
			return
		}
	}
}

// look asks the nodes, and returns what is worth telling.
func (h *herald) look() (words []string) {
	ctx, cancel := context.WithTimeout(context.Background(), h.pace)
	defer cancel()
	all, err := h.ask(ctx)
	text := standing(all)
	if err != nil {
		text = err.Error()
	}
	if text != h.said {
		h.said = text
		words = append(words, "STATUS="+text)
	}
	if err != nil {
		return words
	}
	if !h.ready && serve(all) {
		h.ready = true
		words = append(words, "READY=1")
	}
	if h.watched {
		words = append(words, "WATCHDOG=1")
	}
	return words
}

// tell sends a few words. If nobody hears them, that is not our fault.
func (h *herald) tell(words []string) {
	if len(words) > 0 {
		_, _ = h.to.Write([]byte(strings.Join(words, "\n")))
	}
}

// serving are the roles of nodes that have found their place. A quiet one serves
// nobody, and is not meant to.
var serving = []replica.Role{replica.Primary, replica.Backup, replica.Solo, replica.Quiet}

// serve reports whether all nodes have a role that serves.
func serve(all []replica.Status) bool {
	for _, s := range all {
		if !slices.Contains(serving, s.Role) {
			return false
		}
	}
	return true
}

// standing is one line about the nodes of this process.
func standing(all []replica.Status) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = fmt.Sprintf("%s is %s", s.Name, s.Role)
		if s.View > 0 {
			texts[i] += fmt.Sprintf(" in view %d", s.View)
		}
	}
	return strings.Join(texts, ", ")
}

// sendHerald tells about the nodes of this process until they are told to stop.
func (g *group) sendHerald() {
	h, err := newHerald(os.Getenv, g.answers)
	if err != nil {
		g.log.Warn("whoever started this process cannot be told how it stands", "error", err)
	}
	if h != nil {
		go h.run(g.over)
	}
}

// answers asks the actors of all nodes of this process.
func (g *group) answers(ctx context.Context) (all []replica.Status, err error) {
	for _, node := range g.nodes {
		var told metrics.Node
		node.Actors.Numbers(ctx, &told)
		if told.Table == nil || told.Standing == nil {
			return nil, fmt.Errorf("the actors of %s do not answer", node.Address())
		}
		all = append(all, told.Standing.Status)
	}
	return all, nil
}
