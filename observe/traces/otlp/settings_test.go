package otlp

import (
	"strings"
	"testing"
)

func TestCollector(t *testing.T) {
	const here, there = "http://127.0.0.1:4318", "https://collector:9/base"
	for name, c := range map[string]struct {
		given  string
		set    map[string]string
		want   string
		refuse string // of what is set
	}{
		"nobody says anything":            {},
		"a URL is given":                  {given: here, want: here + "/v1/traces"},
		"with a slash":                    {given: here + "/", want: here + "/v1/traces"},
		"with a path":                     {given: there, want: there},
		"the environment has a collector": {set: map[string]string{endpoint: there}, want: there + "/v1/traces"},
		"or one for traces":               {set: map[string]string{ownEndpoint: there, endpoint: here}, want: there},
		"or wants the usual one":          {set: map[string]string{exporter: "otlp"}, want: usual + "/v1/traces"},
		"it says so and means no traces":  {set: map[string]string{endpoint: here, exporter: "none"}},
		"it switches all off":             {set: map[string]string{endpoint: here, disabled: "true"}},
		"a URL counts more":               {given: there, set: map[string]string{exporter: "none", disabled: "true", ownEndpoint: here}, want: there},
		"another exporter":                {set: map[string]string{exporter: "zipkin"}, refuse: exporter},
		"another protocol":                {set: map[string]string{endpoint: here, protocol: "grpc"}, refuse: protocol},
		"another protocol for traces":     {given: here, set: map[string]string{ownProtocol: "grpc", protocol: overHTTP}, refuse: ownProtocol},
		"ours for traces":                 {given: there, set: map[string]string{ownProtocol: overHTTP, protocol: "grpc"}, want: there},
		"JSON":                            {given: there, set: map[string]string{protocol: overHTTPJSON}, want: there},
		"a collector that is no URL":      {set: map[string]string{endpoint: "localhost:4318"}, refuse: endpoint},
		"one for traces that is none":     {set: map[string]string{ownEndpoint: "grpc://a:1", endpoint: here}, refuse: ownEndpoint},
		"none that is not used":           {given: there, set: map[string]string{endpoint: "localhost:4318"}, want: there},
		"another one that is not used":    {set: map[string]string{protocol: "grpc"}},
	} {
		got, err := Collector(c.given, func(name string) string { return c.set[name] })
		if got != c.want || (err != nil) != (c.refuse != "") {
			t.Errorf("%s: got %q, %v", name, got, err)
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
