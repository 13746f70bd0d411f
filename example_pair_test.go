package lockstep_test

import (
	"context"
	"io"
	"log"
	"os"
	"testing"

	"lockstep/locktest"
)

// nodes stands for the addresses of a running pair in the examples: it starts
// one in this process.
func nodes() (addresses []string, stop func()) {
	t := &exampleTB{}
	pair := locktest.StartPair(t)
	return pair.Nodes(), t.end
}

// exampleTB is what locktest needs of a test, for examples, which have none.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (t *exampleTB) Helper()                      {}
func (t *exampleTB) Context() context.Context     { return context.Background() }
func (t *exampleTB) Output() io.Writer            { return io.Discard }
func (t *exampleTB) Errorf(text string, a ...any) { log.Printf(text, a...) }
func (t *exampleTB) Fatalf(text string, a ...any) { log.Fatalf(text, a...) }
func (t *exampleTB) Cleanup(f func())             { t.cleanups = append(t.cleanups, f) }

func (t *exampleTB) TempDir() string {
	dir, err := os.MkdirTemp("", "lockstep-example-")
	if err != nil {
		log.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// end cleans up, the last thing first.
func (t *exampleTB) end() {
	for i := range t.cleanups {
		t.cleanups[len(t.cleanups)-1-i]()
	}
}
