package browser

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	pb "lockstep/api/lockstep/v1"
	"lockstep/internal/leash"
	"lockstep/tests/browser/chrome"
	"lockstep/trust"
)

// pair is two nodes as processes, the primary first.
type pair struct {
	addresses []string
	nodes     []*exec.Cmd
	apis      []string
}

func startPair(t *testing.T, flags ...string) *pair {
	t.Helper()
	program := program(t)
	p := &pair{addresses: []string{free(t), free(t)}}
	for _, form := range []string{"-p", "-b"} {
		api := free(t)
		args := append([]string{form, p.addresses[0], p.addresses[1], "-api", api, "-data", filepath.Join(t.TempDir(), "state")}, flags...)
		node := exec.Command(program, args...)
		if err := leash.Start(node); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = node.Process.Kill() // it may be dead by then
			_ = node.Wait()         // of the signal
		})
		p.nodes, p.apis = append(p.nodes, node), append(p.apis, api)
	}
	return p
}

// TestAPairHasItsPage, which says when one of the two is alone.
func TestAPairHasItsPage(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	page := "http://" + p.apis[1]
	ready(t, http.DefaultClient, page)
	s := look(t, chrome.Desk, page, "")
	s.await(says(one("#headline"), p.addresses[0]+" is the primary"))
	s.await(says(one("#safety"), "Both nodes answer", "Either may fail, but not the network between them"))
	s.await(has(card(p.addresses[1]), "role", "backup"))
	if err := p.nodes[0].Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	s.await(says(one("#headline"), p.addresses[1]+" is the primary") + " && " + has(card(p.addresses[1]), "role", "solo"))
	s.await(shown(one("#warnings")) + " && " + says(one("#reigns"), p.addresses[1]+" became the primary", "nobody served for"))
}

// TestThePageGoesOverTLS, as it does wherever others can reach it: with HTTP/2, and
// for strangers, who have to sign in.
func TestThePageGoesOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command(program(t), "certs", dir, "-nodes", "p=127.0.0.1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	made, err := exec.Command(program(t), "token", "new", "alice").Output()
	if err != nil {
		t.Fatal(err)
	}
	token, line, _ := strings.Cut(string(made), "\n")
	rules := filepath.Join(dir, "access")
	if err := os.WriteFile(rules, []byte(line+"allow alice admin *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := trust.FilesIn(dir, "p")
	p := startPair(t, "-tls-cert", f.Certificate, "-tls-key", f.Key, "-tls-ca", f.Authorities, "-access", rules)

	authority, err := os.ReadFile(f.Authorities)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	page := "https://" + p.apis[0]
	ready(t, &http.Client{Transport: transport}, page)

	how := chrome.Desk
	how.AnyCertificate = true // the browser knows nothing of our authority
	s := look(t, how, page, "#/locks")
	s.signIn(token)
	s.await(says(one("#nothing"), "Nothing is locked"))
	s.stays()
	client := pb.NewLockServiceClient(&http.Client{Transport: bearer{token, transport}}, page)
	if _, err := client.Lock(t.Context(), &pb.LockRequest{Name: "here"}); err != nil {
		t.Fatal(err)
	}
	s.await(says(row("here"), "ownerless"))
	s.same()
}
