package words

import "testing"

func TestEdits(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"name", "name", 0}, {"", "ttl", 3}, {"tll", "ttl", 1}, {"nam", "name", 1}, {"names", "name", 1},
		{"nmae", "name", 2}, {"tikc", "tick", 2}, {"wait", "ttl", 4},
	} {
		if there, back := Edits(test.a, test.b), Edits(test.b, test.a); there != test.want || back != test.want {
			t.Errorf("%q and %q: %d and %d, want %d", test.a, test.b, there, back, test.want)
		}
	}
}
