package main

import (
	"strings"
	"testing"
)

// A story is a row of requests on one lock: l and u are asked and answered + or
// -, or get no answer: ?.
func tell(c checker, story string) (wrong []string) {
	for _, step := range strings.Fields(story) {
		v := lockVerb
		if step[0] == 'u' {
			v = unlockVerb
		}
		if step[1] == '?' {
			c.unknown(v)
		} else if w := c.answered(v, step[1] == '+'); w != "" {
			wrong = append(wrong, w)
		}
	}
	return wrong
}

func TestOwnCheck(t *testing.T) {
	for _, test := range []struct{ story, wrong string }{
		{"l+ u+ l+ u+", ""},
		{"l+ l- u+ u-", ""},
		{"l+ l+", "granted twice"},
		{"l-", "refused"},
		{"l+ u-", "lost"},
		{"u+", "freed twice"},
		{"l+ u+ u+", "freed twice"},
		{"l? u+ l+", ""},
		{"l? u- l+", ""},
		{"l? l+ u+", ""},
		{"l? l- u+", ""},
		{"l+ u? l+", ""},
		{"l+ u? l- u+", ""},
		{"l+ l? u+ u-", ""},
		// An answer settles what was in doubt before it.
		{"l? u+ u+", "freed twice"},
		{"l+ u? l- l+", "granted twice"},
		// A lock that was held stays so, whatever became of another lock request.
		{"l+ l? u-", "lost"},
		// After one wrong answer the next right one is right.
		{"l+ l+ u+ l+ u+", "granted twice"},
	} {
		wrong := tell(newOwnCheck("x"), test.story)
		switch {
		case test.wrong == "" && len(wrong) > 0:
			t.Errorf("%s: reported %v", test.story, wrong)
		case test.wrong != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], test.wrong)):
			t.Errorf("%s: reported %q, want one that says %q", test.story, wrong, test.wrong)
		}
	}
}

func TestSharedCheck(t *testing.T) {
	for _, test := range []struct{ story, end, wrong string }{
		{"", "", ""},
		{"l+ l- u+ u- l+", "", ""},
		{"l+ l+", "", "granted twice, or lost"},
		{"u+", "", "freed twice"},
		{"l+ u+ u+", "", "freed twice"},
		{"l+ u? l+", "", ""},
		{"l+ u? l+ l+", "", "granted twice, or lost"},
		{"l? u+", "", ""},
		{"l? u+ u+", "", "freed twice"},
		{"l+ l? u+ u+ l+", "", ""},
		{"l+ u+", "free", ""},
		{"l+ u+", "held", "held by nobody"},
		{"l+ u+ l+", "free", "lost"},
		{"l+ u+ l+", "held", ""},
		{"l+ u?", "free", ""},
		{"l+ u?", "held", ""},
		{"l?", "free", ""},
		{"l?", "held", ""},
	} {
		c := &sharedCheck{name: "x"}
		tell(c, test.story)
		if got := c.verdict(test.end == "free", test.end != ""); (got == "") != (test.wrong == "") || !strings.Contains(got, test.wrong) {
			t.Errorf("%s, then %q: the verdict is %q, want %q", test.story, test.end, got, test.wrong)
		}
	}
}
