package traces

import "testing"

func TestBelow(t *testing.T) {
	in, _ := Parse(given)
	span := Below(in).Begin(t.Context(), "call", Client)
	if span == nil || span.Context() != in {
		t.Errorf("got %v", span)
	}
	if in.Flags = 0; Below(in).Begin(t.Context(), "call", Client) != nil {
		t.Error("there is a span in a trace that nobody keeps")
	}
}
