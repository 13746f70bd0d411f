package tests

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layer is one folder of the house: what it may know, and why nothing else. An
// entry that ends in a slash allows what is below it.
type layer struct {
	folder string // as an import path, without the module
	ours   []string
	theirs []string // modules of others; the standard library is in std
	std    []string // nil: all of it
	why    string
}

const (
	protoactor  = "github.com/asynkron/protoactor-go/"
	systemCalls = "golang.org/x/sys/unix"
)

var layers = []layer{
	{
		folder: "lock",
		std:    []string{"cmp", "container/heap", "errors", "fmt", "iter", "maps", "slices", "strings", "unicode", "unicode/utf8"},
		why:    "the table is a pure function of the ordered entries: no clock, randomness, encoding or I/O",
	},
	{
		folder: "replica",
		ours:   []string{"lock"},
		std:    []string{"cmp", "errors", "fmt", "maps", "math", "math/bits", "slices", "strings", "unicode/utf8"},
		why:    "the protocol is a step function that a simulator can run: no clock, randomness, encoding or I/O",
	},
	{
		folder: "journal",
		ours:   []string{"replica", "lock"},
		std: []string{"cmp", "encoding/binary", "errors", "fmt", "hash/crc32", "io", "io/fs", "math", "os", "path/filepath",
			"slices", "strconv", "strings", "syscall"},
		why: "the log on disk keeps bytes; what they mean is the cores' business",
	},
	{
		folder: "journal/journaltest",
		ours:   []string{"journal"},
		std:    []string{"bytes", "errors", "fmt", "io/fs", "maps", "math/rand/v2", "slices", "strings", "sync", "syscall"},
		why:    "the disk that fails knows nothing of what is on it",
	},
	{
		folder: "replica/quorum",
		ours:   []string{"lock", "replica"},
		theirs: []string{"go.etcd.io/raft/v3", "go.etcd.io/raft/v3/", "google.golang.org/protobuf/proto"},
		std:    []string{"cmp", "encoding/binary", "errors", "fmt", "hash/fnv", "slices"},
		why:    "the rules of three nodes or more, pure as well; only this folder knows the consensus engine",
	},
	{
		folder: "words",
		ours:   []string{"lock"},
		std:    []string{"fmt", "maps", "strings", "time"},
		why:    "how things are said is the same wherever they are said",
	},
	{
		folder: "muster",
		ours:   []string{"lock", "replica", "words"},
		std:    []string{"cmp", "fmt", "slices", "strings", "time"},
		why:    "what follows from what the nodes say is a function of that: no clock, encoding or I/O",
	},
	{
		folder: "internal/leash",
		std:    []string{"os/exec", "runtime", "sync", "syscall"},
		why:    "whoever starts processes uses it: it knows nothing of what they are",
	},
	{
		folder: "messages",
		ours:   []string{"lock", "replica", "muster", "messages/wire"},
		theirs: []string{"google.golang.org/protobuf/"},
		std:    []string{"bytes", "errors", "fmt", "slices"},
		why:    "the wire turns values into bytes and back; it decides nothing",
	},
	{
		folder: "messages/wire",
		theirs: []string{"google.golang.org/protobuf/"},
		why:    "it is generated",
	},
	{
		folder: "observe/metrics",
		ours:   []string{"lock", "replica"},
		std:    []string{"cmp", "container/heap", "math/bits", "slices", "strings", "sync", "sync/atomic", "time"},
		why:    "what a node counts are plain values; who shows them to whom is not their business",
	},
	{
		folder: "observe/traces",
		std:    []string{"context", "encoding/hex"},
		why:    "everybody may speak of spans: who keeps them is not their business",
	},
	{
		folder: "observe/traces/opentelemetry",
		ours:   []string{"observe/traces"},
		theirs: []string{"go.opentelemetry.io/otel/attribute", "go.opentelemetry.io/otel/codes", "go.opentelemetry.io/otel/trace"},
		why:    "programs link it that have OpenTelemetry anyway: it brings in nothing else",
	},
	{
		folder: "observe/traces/tracestest",
		ours:   []string{"observe/traces"},
		why:    "tests of all folders may use it",
	},
	{
		folder: "observe/traces/otlp",
		ours:   []string{"observe/traces", "observe/traces/opentelemetry"},
		theirs: []string{"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/"},
		why:    "only this folder knows where spans go",
	},
	{
		folder: "actors",
		ours:   []string{"lock", "replica", "muster", "journal", "messages", "observe/metrics", "observe/traces", "words"},
		theirs: []string{protoactor + "actor", systemCalls},
		std: []string{"context", "encoding/json", "errors", "fmt", "io/fs", "iter", "log/slog", "os", "path/filepath",
			"runtime", "runtime/debug", "slices", "strings", "sync", "sync/atomic", "time", "unsafe"},
		why: "shells know no sockets and no addresses",
	},
	{
		folder: "trust",
		why:    "certificates know nothing of locks and nodes: whoever has a port uses them",
	},
	{
		folder: "doors/access",
		std:    []string{"crypto/rand", "crypto/sha256", "crypto/subtle", "encoding/base64", "encoding/hex", "fmt", "slices", "strconv", "strings", "sync", "time", "unicode", "unicode/utf8"},
		why:    "who may do what is decided from what it is told: no clock, file or port",
	},
	{
		folder: "doors",
		ours:   []string{"lock", "replica", "muster", "api", "api/lockstep/v1", "doors/access", "trust", "words"},
		theirs: []string{"connectrpc.com/connect"},
		why:    "they stand before the public port, and know of the node what that knows; calls they know by their names",
	},
	{
		folder: "remote",
		ours:   []string{"lock", "replica", "replica/quorum", "journal", "messages", "observe/metrics", "observe/traces", "actors", "trust"},
		theirs: []string{protoactor + "actor", protoactor + "eventstream", protoactor + "remote", "google.golang.org/grpc",
			"google.golang.org/grpc/", "google.golang.org/protobuf/proto"},
		why: "the network carries what the others say",
	},
	{
		folder: "",
		ours:   []string{"lock", "replica", "muster", "observe/traces", "actors", "remote", "trust"},
		theirs: []string{protoactor + "actor"},
		why:    "the API wires a client together; rules live below it",
	},
	{
		folder: "observe",
		ours:   []string{"lock", "replica", "observe/metrics"},
		theirs: []string{"github.com/prometheus/client_golang/", "github.com/google/pprof/profile"},
		why:    "what others see of a node: it is given the numbers, and reaches nobody",
	},
	{
		folder: "api/page",
		std:    []string{"bytes", "compress/gzip", "crypto/sha256", "embed", "encoding/hex", "io/fs", "net/http", "path", "strconv", "strings"},
		why:    "the page is files: what it shows it asks the node for in the browser, as any client does",
	},
	{
		folder: "api",
		ours:   []string{"lock", "replica", "muster", "words", "api/lockstep/v1", "observe/traces"},
		theirs: []string{"connectrpc.com/connect", "connectrpc.com/grpcreflect", "google.golang.org/grpc/health/grpc_health_v1",
			"google.golang.org/protobuf/"},
		why: "the public port translates: what it asks of a node it says in interfaces of its own",
	},
	{
		folder: "api/lockstep/v1",
		theirs: []string{"connectrpc.com/connect", "google.golang.org/protobuf/"},
		why:    "it is generated",
	},
	{
		folder: "api/internal/openapi",
		theirs: []string{"google.golang.org/protobuf/"},
		why:    "it runs when code is generated, and knows schemas only",
	},
	{folder: "locktest", ours: []string{"", "lock", "replica", "messages", "actors", "remote"}, theirs: []string{protoactor + "actor"},
		why: "users import it into their tests: it brings in nothing but the service"},
	{folder: "tests/sim", ours: []string{"lock", "replica", "replica/quorum", "journal", "journal/journaltest", "messages"},
		theirs: []string{"google.golang.org/protobuf/encoding/protowire"},
		why:    "the simulator runs the pure cores alone, their snapshots as they travel, and their logs"},
}

// TestLayers holds every import of every package against the table.
func TestLayers(t *testing.T) {
	for path, imports := range importsByPackage(t) {
		for _, l := range layers {
			if path != modulePath(l.folder) {
				continue
			}
			for _, imported := range imports {
				if !l.allows(imported) {
					t.Errorf("%s imports %s: %s", path, imported, l.why)
				}
			}
		}
	}
}

// TestOneImporterOfRemoting: the network is one package's business.
func TestOneImporterOfRemoting(t *testing.T) {
	for path, imports := range importsByPackage(t) {
		attacker := path == modulePath("tests/attacker") // it speaks to the port as a stranger would
		if slices.Contains(imports, protoactor+"remote") && path != modulePath("remote") && !attacker {
			t.Errorf("%s imports protoactor's remote: only remote/ may", path)
		}
	}
}

// TestSystemCallsAreForTheClock: the actors need the system for one thing, a clock
// that runs through suspend (T5), in one file.
func TestSystemCallsAreForTheClock(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "actors", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if imported.Path.Value == `"`+systemCalls+`"` && filepath.Base(path) != "clock_linux.go" {
				t.Errorf("%s imports %s: only the clock may", path, systemCalls)
			}
		}
	}
}

// TestLayersTableIsWhole: a new folder needs its line.
func TestLayersTableIsWhole(t *testing.T) {
	for path := range importsByPackage(t) {
		known := slices.ContainsFunc(layers, func(l layer) bool { return path == modulePath(l.folder) })
		free := strings.HasPrefix(path, "lockstep/cmd/") || strings.HasPrefix(path, "lockstep/tests")
		if !known && !free {
			t.Errorf("the package %s is in no layer: add it to the table, with its reason", path)
		}
	}
}

func modulePath(folder string) string {
	if folder == "" {
		return "lockstep"
	}
	return "lockstep/" + folder
}

func (l layer) allows(path string) bool {
	if inside := path == "lockstep" || strings.HasPrefix(path, "lockstep/"); inside {
		return slices.ContainsFunc(l.ours, func(f string) bool { return path == modulePath(f) })
	}
	if domain, _, _ := strings.Cut(path, "/"); !strings.Contains(domain, ".") {
		return l.std == nil || slices.Contains(l.std, path)
	}
	return slices.ContainsFunc(l.theirs, func(m string) bool {
		return path == m || strings.HasSuffix(m, "/") && strings.HasPrefix(path, m)
	})
}

// importsByPackage lists the imports of the code that ships, not of its tests.
func importsByPackage(t *testing.T) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "lockstep/...")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		packages[fields[0]] = fields[1:]
	}
	if len(packages) < len(layers) {
		t.Fatalf("go list found %d packages, fewer than the table has", len(packages))
	}
	return packages
}

// TestPureCores: the cores have none of the language's concurrency either.
func TestPureCores(t *testing.T) {
	for _, folder := range []string{"lock", "replica", "replica/quorum"} {
		files, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", folder, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				checkPure(t, file)
			}
		}
	}
}

func checkPure(t *testing.T, path string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		what := ""
		switch n.(type) {
		case *ast.GoStmt:
			what = "starts a goroutine"
		case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
			what = "uses a channel"
		}
		if what != "" {
			t.Errorf("%s %s: a pure core must not", files.Position(n.Pos()), what)
		}
		return true
	})
}
