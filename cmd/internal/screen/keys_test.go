package screen

import (
	"slices"
	"testing"
)

func TestKeys(t *testing.T) {
	for sent, want := range map[string][]Key{
		"q":                {"q"},
		"ä€/?":             {"ä", "€", "/", "?"},
		"\x1b[A\x1b[B":     {Up, Down},
		"\x1bOC\x1bOD":     {Right, Left},
		"\x1b[5~\x1b[6~":   {PageUp, PageDown},
		"\x1b[H\x1b[F":     {Home, End},
		"\x1b[1~\x1b[4~":   {Home, End},
		"\x1b[1;5A":        {Up}, // with Control
		"\x1b[5;2~":        {PageUp},
		"\x1b[99~x":        {"", "x"}, // not one of ours
		"\r\n":             {Enter, Enter},
		"\x7f\b":           {Backspace, Backspace},
		"\x1bx":            {Escape, "x"},
		"\x1b\x1b[A":       {Escape, Up},
		"\x00\x01\tq":      {"q"},
		"\xff\xfeq":        {"q"},
		"\x1b[<0;10;20Mq":  {"", "q"}, // a mouse
		"\x1b[200~x\x1b[A": {"", "x", Up},
	} {
		want = slices.DeleteFunc(want, func(k Key) bool { return k == "" })
		got, rest := decode([]byte(sent), true)
		if !slices.Equal(got, want) || len(rest) > 0 {
			t.Errorf("%q: got %q and %q, want %q", sent, got, rest, want)
		}
	}
}

// TestKeysComeInPieces: what may be the beginning of a key waits for its rest, and
// is a key of its own if none comes.
func TestKeysComeInPieces(t *testing.T) {
	for sent, alone := range map[string][]Key{"\x1b": {Escape}, "\x1b[": {Escape}, "\x1b[1;": {Escape}, "\x1bO": {Escape}, "\xc3": nil} {
		keys, rest := decode([]byte("a"+sent), true)
		if !slices.Equal(keys, []Key{"a"}) || string(rest) != sent {
			t.Errorf("%q: got %q, and %q is left", sent, keys, rest)
		}
		if keys, rest := decode([]byte(sent), false); !slices.Equal(keys, alone) || len(rest) > 0 {
			t.Errorf("%q alone: got %q and %q, want %q", sent, keys, rest, alone)
		}
	}
	_, rest := decode([]byte("\x1b"), true)
	if keys, _ := decode(append(rest, "[A"...), true); !slices.Equal(keys, []Key{Up}) {
		t.Errorf("in two pieces: %q", keys)
	}
}

func TestCharactersOfKeys(t *testing.T) {
	for key, want := range map[Key]bool{"a": true, "€": true, " ": true, Up: false, Enter: false, "": false, "\x01": false} {
		if _, got := key.Char(); got != want {
			t.Errorf("%q: %v", key, got)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[1;5A\x1bO\xffq"), true)
	f.Fuzz(func(t *testing.T, sent []byte, follows bool) {
		keys, rest := decode(sent, follows)
		if len(keys) > len(sent) || !follows && len(rest) > 0 {
			t.Errorf("%q: %q and %q", sent, keys, rest)
		}
	})
}
