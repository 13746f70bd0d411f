package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// A token is tokenBytes of randomness behind a prefix that searches for secrets
// can know it by. So it cannot be guessed, and a plain hash of it tells nothing.
const (
	tokenPrefix = "lockstep_"
	tokenBytes  = 32
	hashPrefix  = "sha256:"

	maxTokenBytes = 256 // of what somebody shows

	tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	tellingChars  = 24 // of the 43 of a token; fewer leave more than can be guessed
)

// token is the hash of one, and whom it is for.
type token struct {
	hash      [sha256.Size]byte
	principal string
}

// NewToken draws a token, and makes the line of a file that it is known by.
func NewToken(principal string) (secret, line string, err error) {
	if err := CheckPrincipal(principal); err != nil {
		return "", "", err
	}
	var b [tokenBytes]byte
	rand.Read(b[:]) // it never fails: the runtime ends the process instead
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	hash := sha256.Sum256([]byte(secret))
	return secret, fmt.Sprintf("token %s %s%s", principal, hashPrefix, hex.EncodeToString(hash[:])), nil
}

// errRawToken has nothing of the token: it goes into logs.
var errRawToken = fmt.Errorf("this is a token itself, which belongs in no file of the nodes: want its hash, as lockd token new prints it; the token is known to too many now, make another")

// tellsToken reports whether there is a token in a line, or much of one. Names of
// locks may begin in the same way.
func tellsToken(line string) bool {
	for {
		_, rest, found := strings.Cut(line, tokenPrefix)
		if !found {
			return false
		}
		odd := func(r rune) bool { return !strings.ContainsRune(tokenAlphabet, r) }
		if end := strings.IndexFunc(rest+" ", odd); end >= tellingChars {
			return true
		}
		line = rest
	}
}

func parseHash(s string) (hash [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(s, hashPrefix)
	raw, err := hex.DecodeString(digits)
	switch {
	case !ok || err != nil || len(raw) != len(hash):
		return hash, fmt.Errorf("want the hash of a token, %s and %d hexadecimal digits, as lockd token new prints it", hashPrefix, 2*len(hash))
	}
	copy(hash[:], raw)
	return hash, nil
}

// Who returns the principal of a token. How long it takes tells nothing of how
// close a wrong one is.
func (p *Policy) Who(secret string) (principal string, ok bool) {
	if len(secret) > maxTokenBytes {
		return "", false
	}
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range p.tokens {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(hash[:], p.tokens[i].hash[:]), i, found)
	}
	if found < 0 {
		return "", false
	}
	return p.tokens[found].principal, true
}
