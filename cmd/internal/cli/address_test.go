package cli

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, good := range []string{
		"127.0.0.1:7101", "localhost:1", "[::1]:7101", "[fe80::1%eth0]:7101", "db-1.example.com:65535", "node_1:7101",
	} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                                    "empty",
		"localhost":                           "the port is missing",
		"127.0.0.1.7101":                      "the port is missing",
		"http://localhost:7101":               "no scheme",
		"::1:7101":                            "in brackets",
		"[::1:7101":                           "in brackets",
		":7101":                               "the host is missing",
		"localhost:":                          "is no number from 1 to 65535",
		"localhost:0":                         "is no number from 1 to 65535",
		"localhost:65536":                     "is no number from 1 to 65535",
		"localhost:71O1":                      "is no number from 1 to 65535",
		"localhost:+80":                       "is no number from 1 to 65535",
		"127.0.0.256:7101":                    "127.0.0.256 is no IP address",
		"127.0.0:7101":                        "127.0.0 is no IP address",
		"0.0.0.0:7101":                        "every address of a machine",
		"[::]:7101":                           "every address of a machine",
		"local host:7101":                     "a character that no name or address has",
		"local\x00host:7101":                  "a character that no name or address has",
		"../../etc:7101":                      "a character that no name or address has",
		strings.Repeat("x", 254) + ":7101":    "253 bytes",
		"127.0.0.1:7101,127.0.0.1:7102":       "brackets",
		"localhost:7101 ":                     "is no number",
		"\x1blocalhost:7101":                  "a character that no name or address has",
		"[127.0.0.1]:7101extra":               "is no number",
		strings.Repeat("9", 300) + ".1:12345": "253 bytes",
	} {
		err := CheckAddress(bad)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want a mention of %q", bad, err, want)
		}
	}
}

func TestNodesHaveAnAddressEach(t *testing.T) {
	if err := CheckNodes(make([]string, MaxNodes+1)); err == nil || !strings.Contains(err.Error(), "more than the 64") {
		t.Errorf("too many: %v", err)
	}
	p := newToy()
	if code := p.Main([]string{"take", "x", "-nodes", "a:1, b:2 ,c:3"}); code != OK || strings.Join(p.nodes, "|") != "a:1|b:2|c:3" {
		t.Errorf("exit code %d, nodes %q: %s", code, p.nodes, &p.stderr)
	}
}

func TestListeningIsForThisMachineUnlessAllowed(t *testing.T) {
	for address, open := range map[string]bool{
		"127.0.0.1:0": false, "[::1]:7101": false, "127.9.9.9:1": false,
		":7101": true, "0.0.0.0:7101": true, "[::]:7101": true, "192.0.2.1:7101": true,
	} {
		if err := CheckListen(address, false); (err != nil) != open {
			t.Errorf("%s: %v", address, err)
		}
		if err := CheckListen(address, true); err != nil {
			t.Errorf("%s with -insecure: %v", address, err)
		}
	}
	for address, everywhere := range map[string]bool{"127.0.0.1:0": false, ":0": true, "0.0.0.0:0": true, "[::]:0": true, "192.0.2.1:0": false} {
		if err := CheckReachable(address); (err != nil) != everywhere {
			t.Errorf("%s: %v", address, err)
		}
	}
}
