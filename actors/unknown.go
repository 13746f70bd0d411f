package actors

import (
	"log/slog"

	"github.com/asynkron/protoactor-go/actor"
)

// unknown speaks up about a message that nobody expects. It is loud in tests,
// which fail on a warning, and harmless in production.
func unknown(ctx actor.Context) {
	switch ctx.Message().(type) {
	case actor.SystemMessage, actor.AutoReceiveMessage:
		return // the framework talks to every actor
	}
	ctx.Logger().Warn("an actor got a message that it does not know",
		slog.String("actor", ctx.Self().Id), slog.Any("message", ctx.Message()), slog.Any("sender", ctx.Sender()))
}
