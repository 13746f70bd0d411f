package actors

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// fragile panics on any string.
type fragile struct{}

func (fragile) Receive(ctx actor.Context) {
	if text, ok := ctx.Message().(string); ok {
		panic(text)
	}
}

const panicEnv = "LOCKSTEP_TEST_PANIC"

// TestPanicEndsTheProcess runs itself in a process of its own: an actor that
// panics must not come back empty.
func TestPanicEndsTheProcess(t *testing.T) {
	if os.Getenv(panicEnv) != "" {
		system := actor.NewActorSystem()
		pid := system.Root.Spawn(Props(func() actor.Actor { return fragile{} }))
		system.Root.Send(pid, "the table is broken")
		time.Sleep(time.Minute) // the panic ends the wait
		return
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicEndsTheProcess$")
	self.Env = append(os.Environ(), panicEnv+"=1")
	out, err := self.CombinedOutput()
	if self.ProcessState.ExitCode() != PanicExitCode {
		t.Fatalf("exit code %d (%v), output:\n%s", self.ProcessState.ExitCode(), err, out)
	}
	for _, want := range []string{"the table is broken", "must not go on", "props_test.go"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the last words lack %q:\n%s", want, out)
		}
	}
}
