package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// ErrTooHard says that the search did not end in time: nothing is proved.
var ErrTooHard = errors.New("history: no verdict in time")

// Check looks for an order that explains the operations. It returns nil if there
// is one, ErrTooHard if within has passed, and otherwise an error that shows the
// locks for which there is none.
func Check(ops []Op, within time.Duration) error {
	result := porcupine.CheckOperationsTimeout(model(), operations(ops), within)
	switch result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return ErrTooHard
	default:
		return fmt.Errorf("history: no order explains it:\n%s", guilty(ops, within))
	}
}

func operations(ops []Op) []porcupine.Operation {
	all := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		all[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Call, Return: o.Return}
	}
	return all
}

// guilty lists the operations of the locks that have no order.
func guilty(ops []Op, within time.Duration) string {
	var lines []string
	for name, part := range split(ops) {
		if porcupine.CheckOperationsTimeout(model(), operations(part), within) != porcupine.Illegal {
			continue
		}
		lines = append(lines, "lock "+name)
		slices.SortFunc(part, func(a, b Op) int { return int(a.Call - b.Call) })
		for _, o := range part {
			lines = append(lines, "  "+o.String())
		}
	}
	return strings.Join(lines, "\n")
}

func split(ops []Op) map[string][]Op {
	parts := map[string][]Op{}
	for _, o := range ops {
		parts[o.Name] = append(parts[o.Name], o)
	}
	return parts
}
