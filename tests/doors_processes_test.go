package tests

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/internal/leash"
	"lockstep/trust"
)

// guarded is a pair of lockd processes whose public ports have doors, and a folder
// with all that opens them.
type guarded struct {
	t      *testing.T
	dir    string
	ports  []string // of the API
	nodes  []string
	tokens map[string]string
}

// startGuarded starts the pair. Who "gone" is loses the token later.
func startGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{t: t, dir: t.TempDir(), ports: []string{freeAddress(t), freeAddress(t)}, tokens: map[string]string{}}
	g.lockd("certs", g.path("tls"), "-nodes", "p=127.0.0.1", "-clients", "alice,bob")
	g.lockd("certs", g.path("elsewhere"), "-clients", "alice")
	var file strings.Builder
	for _, name := range []string{"ci", "gone", "flood"} {
		secret, line, _ := strings.Cut(g.lockd("token", "new", name), "\n")
		g.tokens[name] = secret
		file.WriteString(line)
	}
	file.WriteString("allow ci lock deploy/*\nallow flood lock deploy/*\nallow gone lock deploy/*\nallow alice admin *\nallow bob lock *\n" +
		"limit flood rate=20 burst=20 open=8\n")
	g.write("access", file.String())
	g.nodes = []string{freeAddress(t), freeAddress(t)}
	f := trust.FilesIn(g.path("tls"), "p")
	for i, form := range []string{"-p", "-b"} {
		node := exec.Command(binary(t, "lockd"), form, g.nodes[0], g.nodes[1], "-data", g.path(form), "-api", g.ports[i],
			"-tls-cert", f.Certificate, "-tls-key", f.Key, "-tls-ca", f.Authorities, "-access", g.path("access"), "-audit", g.path("audit"+form))
		var said bytes.Buffer
		node.Stderr = &said
		if err := leash.Start(node); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			node.Process.Signal(syscall.SIGTERM)
			node.Wait()
			g.noSecrets("the log of "+form, said.String())
		})
	}
	for _, port := range g.ports {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if status, _, err := g.ask(visitor{}, port, "GET", "/readyz", ""); err == nil && status == 200 {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%s is not ready: %d, %v", port, status, err)
			}
		}
	}
	return g
}

func (g *guarded) path(name string) string { return filepath.Join(g.dir, name) }

func (g *guarded) write(name, text string) {
	g.t.Helper()
	if err := os.WriteFile(g.path(name), []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guarded) lockd(args ...string) string {
	g.t.Helper()
	out, err := exec.Command(binary(g.t, "lockd"), args...).Output()
	if err != nil {
		g.t.Fatalf("lockd %v: %v", args, err)
	}
	return string(out)
}

// noSecrets looks for what must not stand anywhere.
func (g *guarded) noSecrets(where, text string) {
	g.t.Helper()
	for name, secret := range g.tokens {
		if strings.Contains(text, secret) || strings.Contains(text, secret[:24]) {
			g.t.Errorf("the token of %s stands in %s", name, where)
		}
	}
	if strings.Contains(text, "PRIVATE KEY") {
		g.t.Errorf("a private key stands in %s", where)
	}
}

// visitor is what somebody shows at the door.
type visitor struct {
	certificates []tls.Certificate
	token        string
	plain        bool // without TLS
}

func (g *guarded) with(name string) visitor {
	g.t.Helper()
	return visitor{certificates: []tls.Certificate{g.pair("tls", name)}}
}

func (g *guarded) pair(dir, name string) tls.Certificate {
	g.t.Helper()
	f := trust.FilesIn(g.path(dir), name)
	pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		g.t.Fatal(err)
	}
	return pair
}

// expired is a certificate of the right authority that was alice's until yesterday.
func (g *guarded) expired() visitor {
	g.t.Helper()
	authority := g.pair("tls", "ca")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, NotAfter: time.Now().Add(-24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	if err != nil {
		g.t.Fatal(err)
	}
	return visitor{certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// ask makes a request on a connection of its own.
func (g *guarded) ask(v visitor, port, method, path, body string) (status int, answer string, err error) {
	pool := x509.NewCertPool()
	pool.AddCert(g.pair("tls", "ca").Leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: v.certificates}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second}
	scheme := "https://"
	if v.plain {
		scheme = "http://"
	}
	r, err := http.NewRequest(method, scheme+port+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if v.token != "" {
		r.Header.Set("Authorization", "Bearer "+v.token)
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

const serviceAt = "/lockstep.v1.LockService/"

// refusals is how often a port has refused for each reason, as it tells Prometheus.
func (g *guarded) refusals(port string) map[string]int {
	g.t.Helper()
	status, text, err := g.ask(g.with("alice"), port, "GET", "/metrics", "")
	if err != nil || status != 200 {
		g.t.Fatalf("metrics: %d, %v", status, err)
	}
	counts := map[string]int{}
	for _, m := range refusalLine.FindAllStringSubmatch(text, -1) {
		counts[m[1]], _ = strconv.Atoi(m[2])
	}
	return counts
}

var refusalLine = regexp.MustCompile(`(?m)^lockstep_refusals_total\{.*reason="api: ([a-z_]+)".*\} (\d+)$`)

// TestDoors attacks the public port of a node. Each attack is refused with the code
// that it deserves, counted, and written down without secrets; and between any two
// of them those who may are served.
func TestDoors(t *testing.T) {
	t.Parallel()
	g := startGuarded(t)
	ci := visitor{token: g.tokens["ci"]}
	serves := func(t *testing.T) {
		t.Helper()
		for _, port := range g.ports {
			status, text, err := g.ask(ci, port, "POST", serviceAt+"Lock", `{"name":"deploy/serves"}`)
			if err != nil || status != 200 {
				t.Fatalf("who may is not served: %d %s, %v", status, text, err)
			}
		}
	}
	status, text, err := g.ask(g.with("bob"), g.ports[0], "POST", serviceAt+"TryAcquire", `{"name":"bobs","ttl":"600s"}`)
	var bobs struct{ Session, Token string }
	if err != nil || status != 200 || json.Unmarshal([]byte(text), &bobs) != nil || bobs.Token == "" {
		t.Fatalf("bob: %d %s, %v", status, text, err)
	}
	for who, v := range map[string]visitor{"ci": ci, "bob": g.with("bob")} {
		status, text, err := g.ask(v, g.ports[0], "POST", serviceAt+"WhoAmI", `{}`)
		if err != nil || status != 200 || !strings.Contains(text, `"principal":"`+who+`"`) || strings.Contains(text, "RIGHT_ADMIN") {
			t.Errorf("%s is told %d %s, %v", who, status, text, err)
		}
	}
	serves(t)
	slow := g.readNothing()
	for _, attack := range []struct {
		name         string
		who          visitor
		method, path string
		body         string
		status       int // 0: TLS does not come about
		want, counts string
	}{
		{"nothing shown", visitor{}, "POST", "TryAcquire", `{"name":"deploy/x"}`, 401, "unauthenticated", "unauthenticated"},
		{"a token that was never made", visitor{token: "lockstep_" + strings.Repeat("A", 43)}, "POST", "TryAcquire", `{"name":"deploy/x"}`, 401, "not known here", "unauthenticated"},
		{"a bad token beside a good certificate", visitor{token: "x", certificates: g.with("alice").certificates}, "POST", "Status", `{}`, 401, "not known here", "unauthenticated"},
		{"a certificate of another authority", visitor{certificates: []tls.Certificate{g.pair("elsewhere", "alice")}}, "POST", "Status", `{}`, 0, "tls: ", "handshake"},
		{"an expired certificate", g.expired(), "POST", "Status", `{}`, 0, "tls: ", "handshake"},
		{"without TLS", visitor{plain: true, token: g.tokens["ci"]}, "POST", "Status", `{}`, 400, "HTTP request to an HTTPS server", "handshake"},
		{"a node's certificate", visitor{certificates: []tls.Certificate{g.pair("tls", "p")}}, "POST", "Status", `{}`, 401, "is for a node", "unauthenticated"},
		{"a lock that is not ci's", ci, "POST", "TryAcquire", `{"name":"other"}`, 403, "the rules do not allow ci to lock", "permission_denied"},
		{"one of two that is not", ci, "POST", "TryAcquire", `{"names":["deploy/x","other"]}`, 403, "permission_denied", "permission_denied"},
		{"a look at all", ci, "POST", "ListLocks", `{}`, 403, "permission_denied", "permission_denied"},
		{"at who is there", ci, "POST", "ListSessions", `{}`, 403, "permission_denied", "permission_denied"},
		{"taking away", ci, "POST", "Revoke", `{"name":"deploy/x","reason":"mine"}`, 403, "to admin", "permission_denied"},
		{"the numbers", ci, "GET", "/metrics", "", 403, "", "permission_denied"},
		{"the memory", ci, "GET", "/debug/pprof/heap", "", 403, "", "permission_denied"},
		{"bob's session", ci, "POST", "KeepAlive", `{"session":"` + bobs.Session + `"}`, 403, "was not opened by ci", "foreign_session"},
		{"bob's session, for a lock of ci's", ci, "POST", "TryAcquire", `{"session":"` + bobs.Session + `","name":"deploy/x"}`, 403, "was not opened by ci", "foreign_session"},
		{"closing bob's session", ci, "POST", "CloseSession", `{"session":"` + bobs.Session + `"}`, 403, "was not opened by ci", "foreign_session"},
		{"releasing bob's lock", g.with("alice"), "POST", "Release", `{"session":"` + bobs.Session + `","name":"bobs","token":"` + bobs.Token + `"}`, 403, "was not opened by alice", "foreign_session"},
		{"too much", ci, "POST", "TryAcquire", `{"name":"deploy/` + strings.Repeat("x", 200_000) + `"}`, 429, "resource_exhausted", "too_large"},
		{"much of nobody", visitor{}, "POST", "TryAcquire", `{"name":"deploy/` + strings.Repeat("x", 50_000) + `"}`, 401, "", "unauthenticated"},
		{"half an object", ci, "POST", "TryAcquire", `{"name":`, 400, "invalid_argument", "malformed"},
		{"no session at all", ci, "POST", "KeepAlive", `{"session":"zzz"}`, 400, "invalid_argument", "malformed"},
		{"a name that is none", ci, "POST", "TryAcquire", `{"name":"deploy/\u0000"}`, 400, "invalid_argument", "malformed"},
		{"a field that is none", ci, "POST", "TryAcquire", `{"name":"deploy/x","wiat":"2s"}`, 400, "is \\\"wait\\\" meant?", "malformed"},
		{"what the service cannot do", ci, "POST", "Explode", `{}`, 404, "it has OpenSession", "malformed"},
		{"who nobody is", visitor{}, "POST", "WhoAmI", `{}`, 401, "unauthenticated", "unauthenticated"},
		{"a way around", visitor{}, "POST", "/livez/../lockstep.v1.LockService/Status", `{}`, 401, "", "unauthenticated"},
	} {
		t.Run(attack.name, func(t *testing.T) {
			for _, port := range g.ports {
				before := g.refusals(port)
				path := attack.path
				if !strings.HasPrefix(path, "/") {
					path = serviceAt + path
				}
				status, text, err := g.ask(attack.who, port, attack.method, path, attack.body)
				if err != nil {
					text = err.Error()
				}
				if status != attack.status || !strings.Contains(text, attack.want) {
					t.Errorf("%d %.300s; want %d with %q", status, text, attack.status, attack.want)
				}
				g.noSecrets("an answer", text)
				if now := g.refusals(port); attack.counts != "" && now[attack.counts] != before[attack.counts]+1 {
					t.Errorf("%v, and %v before: want one more for %q", now, before, attack.counts)
				}
			}
			serves(t)
		})
	}
	t.Run("a flood", func(t *testing.T) { g.flood(t, ci) })
	t.Run("a crowd that says nothing", func(t *testing.T) { g.crowd(t, serves) })
	t.Run("readers that read nothing", func(t *testing.T) { g.cutOff(t, slow) })
	t.Run("the port of the nodes", func(t *testing.T) { g.besides(t) })
	t.Run("a token that is taken away", func(t *testing.T) { g.takeAway(t) })
	if n := g.refusals(g.ports[0])["malformed"]; n != 5 {
		t.Errorf("%d requests were malformed, want 5: what is understood is not", n)
	}
	// Of all that, bob has felt nothing.
	status, text, err = g.ask(g.with("bob"), g.ports[1], "POST", serviceAt+"Release", `{"session":"`+bobs.Session+`","name":"bobs","token":"`+bobs.Token+`"}`)
	if err != nil || status != 200 || !strings.Contains(text, `"released":true`) {
		t.Errorf("bob's lock: %d %s, %v", status, text, err)
	}
	status, text, err = g.ask(g.with("alice"), g.ports[0], "POST", serviceAt+"Revoke", `{"name":"deploy/serves","reason":"enough"}`)
	if err != nil || status != 200 {
		t.Errorf("alice: %d %s, %v", status, text, err)
	}
	g.audit(t)
}

// flood asks more than is due. Who asks less is answered all the while.
func (g *guarded) flood(t *testing.T, ci visitor) {
	flood, port := visitor{token: g.tokens["flood"]}, g.ports[0]
	before := g.refusals(port)
	codes, began := map[int]int{}, time.Now()
	for range 150 {
		status, text, err := g.ask(flood, port, "POST", serviceAt+"Unlock", `{"name":"deploy/flood"}`)
		if err != nil || status != 200 && status != 429 {
			t.Fatalf("%d %s, %v", status, text, err)
		}
		if codes[status]++; codes[status]%10 == 0 {
			if status, text, err := g.ask(ci, port, "POST", serviceAt+"Unlock", `{"name":"deploy/ci"}`); err != nil || status != 200 {
				t.Errorf("ci: %d %s, %v", status, text, err)
			}
		}
	}
	// The rules say rate=20 burst=20.
	took := time.Since(began)
	if due := 20 + int(20*took.Seconds()); codes[200] < 20 || codes[200] > due+1 {
		t.Errorf("%v in %v, of which %d were due", codes, took, due)
	}
	if codes[429] == 0 {
		t.Skipf("SKIPPED: this machine takes too long for %v to be a flood", codes)
	}
	if now := g.refusals(port); now["rate"] != before["rate"]+codes[429] {
		t.Errorf("%d are counted, and %v were refused", now["rate"]-before["rate"], codes)
	}
}

// crowd are connections of one address that say nothing. Others are served beside
// them, and they are sent away.
func (g *guarded) crowd(t *testing.T, serves func(*testing.T)) {
	const many = 5000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < many+1000 {
		t.Skipf("%d files are too few for %d connections: %v", limit.Cur, many, err)
	}
	elsewhere := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	if conn, err := elsewhere.Dial("tcp", g.ports[0]); err != nil {
		t.Skipf("this machine has one address only to come from: %v", err)
	} else {
		conn.Close()
	}
	before := g.refusals(g.ports[0])
	crowd := make([]net.Conn, many)
	for i := range crowd {
		conn, err := elsewhere.Dial("tcp", g.ports[0])
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		crowd[i] = conn
	}
	began := time.Now()
	serves(t)
	t.Logf("beside %d connections, answers took %v", many, time.Since(began))
	for i, conn := range crowd {
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		if n, err := conn.Read(make([]byte, 64)); n > 0 || err == nil || os.IsTimeout(err) {
			t.Fatalf("connection %d stays: %v", i, err)
		}
	}
	serves(t)
	now, counted := g.refusals(g.ports[0]), 0
	for _, why := range []string{"handshakes", "handshake", "connections"} {
		counted += now[why] - before[why]
	}
	if counted != many {
		t.Errorf("%d are counted: %v, and %v before", counted, now, before)
	}
}

// slowReaders is how many ask for much and take nothing of it.
const slowReaders = 20

// readNothing begins as many connections of ci.
func (g *guarded) readNothing() []*tls.Conn {
	g.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(g.pair("tls", "ca").Leaf)
	var slow []*tls.Conn
	for range slowReaders {
		conn, err := tls.Dial("tcp", g.ports[0], &tls.Config{RootCAs: pool})
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { conn.Close() })
		go func() {
			for {
				_, err := fmt.Fprintf(conn, "GET /openapi.yaml HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", g.tokens["ci"])
				if err != nil {
					return
				}
				time.Sleep(50 * time.Millisecond) // not more than is due
			}
		}()
		slow = append(slow, conn)
	}
	return slow
}

// cutOff returns when all of them are counted and their connections have come to an
// end.
func (g *guarded) cutOff(t *testing.T, slow []*tls.Conn) {
	for end := time.Now().Add(60 * time.Second); g.refusals(g.ports[0])["slow"] < len(slow); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of %d slow readers %v are counted", len(slow), g.refusals(g.ports[0]))
		}
	}
	for i, conn := range slow {
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, conn); os.IsTimeout(err) {
			t.Errorf("reader %d is still there", i)
		}
	}
}

// besides asks where the rules cannot be held, with lockc. Only who may do everything
// is served there.
func (g *guarded) besides(t *testing.T) {
	for name, want := range map[string]string{"alice": "^reply: true\n$", "bob": "^lockc: .*not allowed: node .* says: .* admit those who may admin \\*, and bob may not: use the public API\n$"} {
		f := trust.FilesIn(g.path("tls"), name)
		lockc := exec.Command(binary(t, "lockc"), "lock", "besides", "-nodes", strings.Join(g.nodes, ","),
			"-tls-cert", f.Certificate, "-tls-key", f.Key, "-tls-ca", f.Authorities)
		said, err := lockc.CombinedOutput()
		if code := lockc.ProcessState.ExitCode(); code != map[string]int{"alice": 0, "bob": 77}[name] || !regexp.MustCompile(want).Match(said) {
			t.Errorf("%s: exit code %d, %q, %v", name, code, said, err)
		}
	}
}

// takeAway removes a token from the file. It counts no more, within seconds.
func (g *guarded) takeAway(t *testing.T) {
	gone := visitor{token: g.tokens["gone"]}
	ask := func() int {
		status, _, err := g.ask(gone, g.ports[0], "POST", serviceAt+"Unlock", `{"name":"deploy/gone"}`)
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if status := ask(); status != 200 {
		t.Fatalf("before: %d", status)
	}
	text, err := os.ReadFile(g.path("access"))
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "token gone ") {
			kept.WriteString(line)
		}
	}
	before := g.refusals(g.ports[0])["unauthenticated"]
	g.write("access", kept.String())
	for end := time.Now().Add(10 * time.Second); ask() != 401; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it still counts")
		}
	}
	if now := g.refusals(g.ports[0])["unauthenticated"]; now != before+1 {
		t.Errorf("%d are counted, and %d before", now, before)
	}
}

// audit reads what was written down.
func (g *guarded) audit(t *testing.T) {
	text, err := os.ReadFile(g.path("audit-p"))
	if err != nil {
		t.Fatal(err)
	}
	g.noSecrets("the audit log", string(text))
	info, err := os.Stat(g.path("audit-p"))
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		var one struct{ Msg, Why, Principal, From, Lock, Outcome string }
		if err := json.Unmarshal([]byte(line), &one); err != nil || one.From == "" {
			t.Errorf("%q: %v", line, err)
		}
		seen[fmt.Sprint(one.Msg, " ", one.Why, one.Lock, " ", one.Principal)] = true
	}
	for _, want := range []string{"refused unauthenticated ", "refused permission_denied ci", "refused foreign_session ci",
		"refused handshake ", "refused too_large ci", "refused malformed ci", "refused rate flood", "refused handshakes ", "refused slow ci", "revoke deploy/serves alice"} {
		if !seen[want] {
			t.Errorf("%q is not there but %v", want, seen)
		}
	}
}
