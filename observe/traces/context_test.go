package traces

import (
	"context"
	"strings"
	"testing"
)

const given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestThereAndBack(t *testing.T) {
	for _, text := range []string{given, strings.TrimSuffix(given, "01") + "00", strings.TrimSuffix(given, "01") + "fe"} {
		c, ok := Parse(text)
		if !ok || c.String() != text || c.Sampled() != (text == given) {
			t.Errorf("%s: got %s, %v, sampled %v", text, c, ok, c.Sampled())
		}
	}
}

// What a version that does not exist yet has added is passed over.
func TestLaterVersionsAreRead(t *testing.T) {
	for _, text := range []string{"cc" + given[2:], "cc" + given[2:] + "-what-the-future-holds"} {
		if c, ok := Parse(text); !ok || c.String() != given {
			t.Errorf("%s: got %s, %v", text, c, ok)
		}
	}
}

func TestWhatIsNoTraceparent(t *testing.T) {
	zeros := strings.Repeat("0", 32)
	for name, text := range map[string]string{
		"nothing":                       "",
		"an end that comes too early":   given[:len(given)-1],
		"more than version 0 has":       given + "-00",
		"more without a dash":           "cc" + given[2:] + "00",
		"a version that there is never": "ff" + given[2:],
		"a version that is no number":   "0x" + given[2:],
		"capitals":                      strings.ToUpper(given),
		"no trace":                      given[:3] + zeros + given[35:],
		"no span":                       given[:36] + zeros[:16] + given[52:],
		"a trace that is no number":     given[:3] + "g" + given[4:],
		"a span that is no number":      given[:36] + " " + given[37:],
		"flags that are no number":      given[:53] + "+1",
		"other dashes":                  strings.ReplaceAll(given, "-", "_"),
		"a space before it":             " " + given,
	} {
		if c, ok := Parse(text); ok || c != (Context{}) {
			t.Errorf("%s: %q is read as %s", name, text, c)
		}
	}
}

func TestContextsCarryASpan(t *testing.T) {
	c, _ := Parse(given)
	if got := Of(With(context.Background(), c)); got != c {
		t.Errorf("got %s", got)
	}
	if got := Of(Without(With(context.Background(), c))); !got.IsZero() {
		t.Errorf("without it there is %s", got)
	}
	if got := Of(context.Background()); !got.IsZero() || got.Sampled() {
		t.Errorf("out of nothing came %s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(given)
	f.Add("cc" + given[2:] + "-more")
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := Parse(text)
		if again, same := Parse(c.String()); ok && (!same || again != c) {
			t.Errorf("%q becomes %s, which becomes %s", text, c, again)
		}
		if !ok && c != (Context{}) {
			t.Errorf("%q is none, and becomes %s", text, c)
		}
	})
}
