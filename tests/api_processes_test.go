package tests

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "lockstep/api/lockstep/v1"
	"lockstep/tests/cluster"
	"lockstep/trust"
)

// examples are the files that people copy.
const examples = "../api/examples"

// served is three nodes with public ports, the last of them on a socket.
type served struct {
	*trio
	urls   []string // of the first two nodes
	socket string   // of the third
}

func serveAPI(t *testing.T) *served {
	t.Helper()
	apis := []string{freeAddress(t), freeAddress(t), "unix:" + filepath.Join(t.TempDir(), "api.sock")}
	w := start(t, cluster.New(cluster.Config{
		Lockd: binary(t, "lockd"), Dir: t.TempDir(), Addresses: []string{freeAddress(t), freeAddress(t), freeAddress(t)}, APIs: apis,
	}))
	return &served{w, []string{"http://" + apis[0], "http://" + apis[1]}, apis[2]}
}

// tool is a program that the examples need, which not every machine has.
func tool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("SKIPPED, since there is no %s here: its example was not run", name)
	}
}

// example runs one of the files to its end, and returns what it has printed.
func example(t *testing.T, file string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, filepath.Join(examples, file), args...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", file, args, err, out)
	}
	return string(out)
}

func matches(t *testing.T, got, pattern string) {
	t.Helper()
	if !regexp.MustCompile(`\A` + pattern + `\z`).MatchString(got) {
		t.Errorf("got\n%s\nwant\n%s", got, pattern)
	}
}

func TestExampleCurl(t *testing.T) {
	t.Parallel()
	tool(t, "curl")
	s := serveAPI(t)
	for _, address := range []string{s.urls[0], s.urls[1], s.socket} {
		matches(t, example(t, "curl.sh", address, "deploy"),
			`granted: session [0-9a-f]{16}, token [0-9]+
refused: \\"deploy\\" is held by session [0-9a-f]{16}, for [0-9.]+m?s
released
`)
	}
}

// TestExamplesShowTokens: with the token in the environment or in a file, and never
// among the arguments, they come in where nobody does without.
func TestExamplesShowTokens(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	g.write("ci.token", g.tokens["ci"]+"\n")
	authority := trust.FilesIn(g.path("tls"), "p").Authorities
	trusting := []string{"CURL_CA_BUNDLE=" + authority, "SSL_CERT_FILE=" + authority, "NODE_EXTRA_CA_CERTS=" + authority}
	for _, test := range []struct {
		runs, file string
		nodes      int
		code       int // with a token of nobody
		want       string
	}{{"curl", "curl.sh", 1, 22, "401"}, {"python3", "lock.py", 2, 1, "not known here"}, {"node", "lock.mjs", 2, 1, "not known here"}} {
		t.Run(test.file, func(t *testing.T) {
			tool(t, test.runs)
			var urls []string
			for _, port := range g.ports[:test.nodes] {
				urls = append(urls, "https://"+port)
			}
			run := func(shown ...string) (code int, said string) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				command := exec.CommandContext(ctx, filepath.Join(examples, test.file), strings.Join(urls, ","), "deploy/example")
				command.Env = slices.Concat(os.Environ(), trusting, shown)
				text, err := command.CombinedOutput() // there is no input, so the lock is given back
				if command.ProcessState == nil {
					t.Fatal(err)
				}
				return command.ProcessState.ExitCode(), string(text)
			}
			for _, shown := range []string{"LOCKSTEP_TOKEN=" + g.tokens["ci"], "LOCKSTEP_TOKEN_FILE=" + g.path("ci.token")} {
				if code, said := run(shown); code != 0 || !strings.Contains(said, "released") {
					t.Errorf("exit code %d: %s", code, said)
				}
			}
			if code, said := run("LOCKSTEP_TOKEN=lockstep_" + strings.Repeat("A", 43)); code != test.code || strings.Contains(said, "released") || !strings.Contains(said, test.want) {
				t.Errorf("with a token of nobody: exit code %d: %s", code, said)
			}
		})
	}
}

func TestExampleGrpcurl(t *testing.T) {
	t.Parallel()
	tool(t, "grpcurl")
	s := serveAPI(t)
	matches(t, example(t, "grpcurl.sh", strings.TrimPrefix(s.urls[0], "http://"), "deploy"),
		`SERVING
granted: session [0-9a-f]{16}, token [0-9]+
(waiting: number 1\n)+released
`)
}

// TestExamplesOutliveTheirNode: a client in another language, whose node is killed,
// goes on at another node, in the session that it has, and keeps its lock.
func TestExamplesOutliveTheirNode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ runs, file string }{{"python3", "lock.py"}, {"node", "lock.mjs"}} {
		t.Run(test.file, func(t *testing.T) {
			tool(t, test.runs)
			s := serveAPI(t)
			other := pb.NewLockServiceClient(http.DefaultClient, s.urls[1])
			defer http.DefaultClient.CloseIdleConnections()

			command := exec.CommandContext(t.Context(), test.runs, filepath.Join(examples, test.file), strings.Join(s.urls, ","), "deploy")
			command.Stderr = os.Stderr
			input, err := command.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			said := bufio.NewScanner(output)
			said.Scan()
			token, ok := strings.CutPrefix(said.Text(), "held ")
			if !ok {
				t.Fatalf("it said %q", said.Text())
			}
			s.Nodes[0].Kill()

			// For more than two TTLs, of 2 s each.
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				shown, err := other.ShowLock(t.Context(), &pb.ShowLockRequest{Name: "deploy"})
				if err != nil {
					t.Fatal(err)
				}
				holders := shown.GetLock().GetHolders()
				if len(holders) != 1 || token != strconv.FormatUint(holders[0].GetToken(), 10) {
					t.Fatalf("the lock is not held under token %s: %v", token, shown)
				}
			}
			_ = input.Close()
			if said.Scan(); said.Text() != "released" {
				t.Errorf("it said %q", said.Text())
			}
			if err := command.Wait(); err != nil {
				t.Error(err)
			}
			shown, err := other.ShowLock(t.Context(), &pb.ShowLockRequest{Name: "deploy"})
			if err != nil || !shown.GetLock().GetFree() {
				t.Errorf("afterwards: %v, %v", shown, err)
			}
		})
	}
}

// TestHealthOverTheSocket: a node says that it can grant as long as it can, and
// that it lives when it cannot.
func TestHealthOverTheSocket(t *testing.T) {
	t.Parallel()
	s := serveAPI(t)
	path := strings.TrimPrefix(s.socket, "unix:")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	get := func(path string) (int, string) { return fetch(t, client, "http://node"+path) }
	if status, body := get("/readyz"); status != 200 {
		t.Errorf("/readyz of three nodes: %d %s", status, body)
	}
	s.Nodes[0].Kill()
	s.Nodes[1].Kill()
	for end := time.Now().Add(20 * time.Second); ; {
		status, body := get("/readyz")
		if status == 503 && strings.Contains(body, "no quorum") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("/readyz of one node of three: %d %s", status, body)
		}
	}
	if status, _ := get("/livez"); status != 200 {
		t.Errorf("/livez: %d", status)
	}
}
