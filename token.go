package lockstep

import (
	"fmt"
	"strconv"

	"lockstep/lock"
)

// Token is a fencing token. Every grant carries one, and tokens strictly rise,
// through failing over and the restart of everything: a resource that remembers
// the highest token it has seen can refuse whoever comes with a lower one. As
// text, and so in JSON, it is a decimal number in a string, because it does not
// fit into the numbers of every language.
type Token uint64

// ParseToken reads what Token.String writes.
func ParseToken(text string) (Token, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("lockstep: %q is not a token: %w", text, ErrInvalid)
	}
	return Token(n), nil
}

// String returns the token in decimal.
func (t Token) String() string { return strconv.FormatUint(uint64(t), 10) }

// MarshalText returns the token in decimal.
func (t Token) MarshalText() ([]byte, error) { return strconv.AppendUint(nil, uint64(t), 10), nil }

// UnmarshalText reads what MarshalText writes.
func (t *Token) UnmarshalText(text []byte) error {
	parsed, err := ParseToken(string(text))
	*t = parsed
	return err
}

// sessionText is the name of a session: 16 hexadecimal digits, so that it never
// looks like a token. Ownerless locks have none.
func sessionText(id lock.SessionID) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", uint64(id))
}

func parseSession(text string) (lock.SessionID, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q names no session: %w", text, ErrInvalid)
	}
	return lock.SessionID(n), nil
}
