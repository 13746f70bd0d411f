package screen

import (
	"strings"
	"unicode/utf8"
)

// Key is what was pressed: a character as itself, or one of these.
type Key string

// The keys without a character.
const (
	Up        Key = "up"
	Down      Key = "down"
	Left      Key = "left"
	Right     Key = "right"
	PageUp    Key = "page up"
	PageDown  Key = "page down"
	Home      Key = "home"
	End       Key = "end"
	Enter     Key = "enter"
	Escape    Key = "escape"
	Backspace Key = "backspace"
)

// Char returns the character of a key that has one.
func (k Key) Char() (r rune, ok bool) {
	r, size := utf8.DecodeRuneInString(string(k))
	return r, size == len(k) && r >= ' ' && r != utf8.RuneError
}

// sequences are how terminals send the keys without a character, behind ESC and
// "[" or "O".
var sequences = map[string]Key{
	"A": Up, "B": Down, "C": Right, "D": Left, "H": Home, "F": End,
	"1~": Home, "4~": End, "5~": PageUp, "6~": PageDown, "7~": Home, "8~": End,
}

// decode takes the keys from what a terminal has sent. What may be the beginning
// of one is left, unless nothing follows: a lone ESC is a key.
func decode(sent []byte, follows bool) (keys []Key, rest []byte) {
	for len(sent) > 0 {
		key, size := first(sent)
		if size == 0 {
			if follows {
				return keys, sent
			}
			key, size = Escape, len(sent)
			if sent[0] != escape {
				key = "" // half a character
			}
		}
		if key != "" {
			keys = append(keys, key)
		}
		sent = sent[size:]
	}
	return keys, nil
}

const escape = 0x1b

// first is the first key, if any, and how many bytes it took; none: it is not
// whole.
func first(sent []byte) (Key, int) {
	switch b := sent[0]; {
	case b == escape:
		return sequence(sent)
	case b == '\r' || b == '\n':
		return Enter, 1
	case b == 0x7f || b == '\b':
		return Backspace, 1
	case b < ' ':
		return "", 1
	case !utf8.FullRune(sent):
		return "", 0
	}
	r, size := utf8.DecodeRune(sent)
	if r == utf8.RuneError {
		return "", size
	}
	return Key(string(r)), size
}

// sequence is a key that begins with ESC. One that is not known is no key, but is
// taken as a whole: its rest would look like keys.
func sequence(sent []byte) (Key, int) {
	if len(sent) == 1 {
		return "", 0
	}
	switch sent[1] {
	case '[':
		for i := 2; i < len(sent); i++ {
			if b := sent[i]; b >= '@' && b <= '~' {
				return sequences[unmodified(string(sent[2:i+1]))], i + 1
			}
		}
		return "", 0
	case 'O':
		if len(sent) == 2 {
			return "", 0
		}
		return sequences[string(sent[2])], 3
	case escape:
		return Escape, 1
	default: // ESC, and then something else; or that with Alt
		return Escape, 1
	}
}

// unmodified drops what says that Shift, Control or Alt was held: "1;5A".
func unmodified(code string) string {
	if number, rest, ok := strings.Cut(code, ";"); ok {
		last := rest[len(rest)-1:]
		if last == "~" {
			return number + last
		}
		return last
	}
	return code
}
