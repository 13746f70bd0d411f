package otlp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CheckURL says what is wrong with the address of a collector.
func CheckURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("want the URL of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318")
	case u.User != nil:
		return errors.New("a URL is seen by everybody: leave the password out, and give what the collector wants to see in OTEL_EXPORTER_OTLP_HEADERS")
	case u.RawQuery != "" || u.Fragment != "":
		return errors.New("want a URL without what stands behind ? and #")
	}
	return nil
}

// The variables of OpenTelemetry that say whether spans are sent, and where to. All
// others are read by its exporter and its SDK.
const (
	disabled     = "OTEL_SDK_DISABLED"
	exporter     = "OTEL_TRACES_EXPORTER"
	endpoint     = "OTEL_EXPORTER_OTLP_ENDPOINT"
	ownEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocol     = "OTEL_EXPORTER_OTLP_PROTOCOL"
	ownProtocol  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	overHTTP     = "http/protobuf"
	overHTTPJSON = "http/json"
	usual        = "http://localhost:4318"
	path         = "/v1/traces"
)

// Collector is the URL that spans are sent to: one that was given, or else what the
// environment says. Empty is nowhere. The error is something that cannot be obeyed.
func Collector(given string, getenv func(string) string) (to string, err error) {
	if to = whole(given); to == "" {
		if to, err = collectorOf(getenv); to == "" || err != nil {
			return "", err
		}
	}
	variable, how := first(getenv, ownProtocol, protocol)
	if how != "" && how != overHTTP && how != overHTTPJSON {
		return "", fmt.Errorf("%s is %.80q, and spans are sent over HTTP here: set %s=%s and name the collector's port for that, mostly 4318", variable, how, ownProtocol, overHTTP)
	}
	return to, nil
}

// whole adds the usual path to a URL that has none.
func whole(given string) string {
	u, err := url.Parse(given)
	if err == nil && u.Host != "" && strings.Trim(u.Path, "/") == "" {
		return u.JoinPath(path).String()
	}
	return given
}

// collectorOf is what the environment says. A variable that is for traces alone has
// the whole URL, and the one for all that is sent the beginning.
func collectorOf(getenv func(string) string) (to string, err error) {
	if strings.EqualFold(getenv(disabled), "true") {
		return "", nil
	}
	variable, where := first(getenv, ownEndpoint, endpoint)
	switch how := getenv(exporter); {
	case how == "none", how == "" && where == "":
		return "", nil
	case how != "" && how != "otlp":
		return "", fmt.Errorf("%s is %.80q, and there is only otlp here: set it to otlp or none", exporter, how)
	case where == "":
		variable, where = endpoint, usual
	}
	if err := CheckURL(where); err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	if variable == ownEndpoint {
		return where, nil
	}
	u, err := url.Parse(where)
	if err != nil {
		return "", err
	}
	return u.JoinPath(path).String(), nil
}

// first is the first of some variables that says something.
func first(getenv func(string) string, variables ...string) (variable, value string) {
	for _, variable := range variables {
		if value := getenv(variable); value != "" {
			return variable, value
		}
	}
	return "", ""
}
