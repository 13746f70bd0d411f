package otlp

import (
	"strings"
	"testing"
)

func TestWanted(t *testing.T) {
	const here = "http://127.0.0.1:4318"
	for name, c := range map[string]struct {
		given  string
		set    map[string]string
		want   bool
		refuse string // of what is set
	}{
		"nobody says anything":            {},
		"a URL is given":                  {given: here, want: true},
		"the environment has a collector": {set: map[string]string{endpoint: here}, want: true},
		"or one for traces":               {set: map[string]string{ownEndpoint: here}, want: true},
		"or wants the usual one":          {set: map[string]string{exporter: "otlp"}, want: true},
		"it says so and means no traces":  {set: map[string]string{endpoint: here, exporter: "none"}},
		"it switches all off":             {set: map[string]string{endpoint: here, disabled: "true"}},
		"a URL counts more":               {given: here, set: map[string]string{exporter: "none", disabled: "true"}, want: true},
		"another exporter":                {set: map[string]string{exporter: "zipkin"}, refuse: exporter},
		"another protocol":                {set: map[string]string{endpoint: here, protocol: "grpc"}, refuse: protocol},
		"another protocol for traces":     {given: here, set: map[string]string{ownProtocol: "grpc", protocol: overHTTP}, refuse: ownProtocol},
		"ours for traces":                 {given: here, set: map[string]string{ownProtocol: overHTTP, protocol: "grpc"}, want: true},
		"a collector that is no URL":      {set: map[string]string{endpoint: "localhost:4318"}, refuse: endpoint},
		"one for traces that is none":     {set: map[string]string{ownEndpoint: "grpc://a:1", endpoint: here}, refuse: ownEndpoint},
		"none that is not used":           {given: here, set: map[string]string{endpoint: "localhost:4318"}, want: true},
		"another one that is not used":    {set: map[string]string{protocol: "grpc"}},
	} {
		got, err := Wanted(c.given, func(name string) string { return c.set[name] })
		if got != c.want || (err != nil) != (c.refuse != "") {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), c.refuse+" is ") && !strings.HasPrefix(err.Error(), c.refuse+": want the URL") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestURLs(t *testing.T) {
	for _, good := range []string{"", "http://127.0.0.1:4318", "https://collector.example/v1/traces", "http://[::1]:4318/"} {
		if err := CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"127.0.0.1:4318", "collector", "ftp://collector", "http://", "http://me:secret@collector", "http://collector?key=1", "http://collector#top", "http://[", " "} {
		if err := CheckURL(bad); err == nil || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestWhole(t *testing.T) {
	for given, want := range map[string]string{
		"http://a:1":         "http://a:1/v1/traces",
		"http://a:1/":        "http://a:1/v1/traces",
		"http://a:1/my/path": "http://a:1/my/path",
	} {
		if got := whole(given); got != want {
			t.Errorf("%s: got %s", given, got)
		}
	}
}
