package screen

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

const red = "\x1b[31m"

func TestClipCountsWhatIsSeen(t *testing.T) {
	for _, c := range []struct {
		line    string
		columns int
		want    string
	}{
		{"short", 10, "short"},
		{"short", 5, "short"},
		{"short", 4, "shor"},
		{"short", 0, ""},
		{"über", 2, "üb"},
		{red + "red" + reset + " and plain", 3, red + "red" + reset},
		{red + "red" + reset + " and plain", 5, red + "red" + reset + " a"},
		{red + "red" + reset, 2, red + "re" + reset},
		{red + "red" + reset, 3, red + "red" + reset},
		{"\x1b[1;31mx" + reset + "y", 1, "\x1b[1;31mx" + reset},
		{"\x1b[2J", 1, "\x1b"}, // nobody's colour: it counts
	} {
		if got := Clip(c.line, c.columns); got != c.want {
			t.Errorf("%q in %d columns: got %q, want %q", c.line, c.columns, got, c.want)
		}
	}
}

// TestAClippedLineFits, leaves no colour on, and is the beginning of what it was.
func TestAClippedLineFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.OneOf(rapid.StringN(0, 5, -1), rapid.SampledFrom([]string{red, reset, "\x1b[7m", "\x1b"}))).Draw(t, "pieces")
		line := strings.Join(pieces, "") + reset
		columns := rapid.IntRange(0, 12).Draw(t, "columns")
		clipped := Clip(line, columns)
		switch bare := Bare(clipped); {
		case Columns(clipped) > columns:
			t.Fatalf("%q has %d columns", clipped, Columns(clipped))
		case !strings.HasPrefix(Bare(line), bare):
			t.Fatalf("%q is not how %q begins", bare, Bare(line))
		case Columns(line) >= columns && utf8.RuneCountInString(bare) < columns:
			t.Fatalf("%q is cut more than it must be", clipped)
		}
		last := ""
		for rest := clipped; rest != ""; {
			n := colour(rest)
			if n > 0 {
				last = rest[:n]
			} else {
				_, n = utf8.DecodeRuneInString(rest)
			}
			rest = rest[n:]
		}
		if last != "" && last != reset {
			t.Fatalf("%q leaves a colour on", clipped)
		}
	})
}

func TestWrapBreaksBetweenWords(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
	}{
		{"", ""},
		{"one two", "one two"},
		{"one two three", "one two/  three"},
		{"  one \n two  three four five ", "one two/  three/  four/  five"},
		{"a unbreakable b", "a/  unbreakable/  b"},
	} {
		if got := strings.Join(Wrap(c.text, 8, "  "), "/"); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// TestAFrameIsNoLargerThanTheScreen, and leaves nothing of the one before.
func TestAFrameIsNoLargerThanTheScreen(t *testing.T) {
	got := frame([]string{"one", "two long", "three"}, 3, 2)
	if want := beginFrame + "one" + endLine + "two" + endFrame; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := frame(nil, 3, 2); got != beginFrame+endFrame {
		t.Errorf("an empty one: %q", got)
	}
}
