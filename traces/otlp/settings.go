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

// The variables of OpenTelemetry that say whether spans are sent, and how. Those
// that say where and what else are read by its exporter and its SDK.
const (
	disabled     = "OTEL_SDK_DISABLED"
	exporter     = "OTEL_TRACES_EXPORTER"
	endpoint     = "OTEL_EXPORTER_OTLP_ENDPOINT"
	ownEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocol     = "OTEL_EXPORTER_OTLP_PROTOCOL"
	ownProtocol  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	overHTTP     = "http/protobuf"
	overHTTPJSON = "http/json"
)

// Wanted reports whether spans are to be sent: to a URL that was given, or by
// what the environment says. The error is something there that cannot be obeyed.
func Wanted(given string, getenv func(string) string) (bool, error) {
	if given == "" {
		wanted, err := wantedBy(getenv)
		if !wanted || err != nil {
			return false, err
		}
		variable, where := first(getenv, ownEndpoint, endpoint)
		if err := CheckURL(where); err != nil {
			return false, fmt.Errorf("%s: %w", variable, err)
		}
	}
	variable, how := first(getenv, ownProtocol, protocol)
	if how != "" && how != overHTTP && how != overHTTPJSON {
		return false, fmt.Errorf("%s is %.80q, and spans are sent over HTTP here: set %s=%s and name the collector's port for that, mostly 4318", variable, how, ownProtocol, overHTTP)
	}
	return true, nil
}

// wantedBy is what the environment says about it.
func wantedBy(getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv(disabled), "true") {
		return false, nil
	}
	switch how := getenv(exporter); how {
	case "none":
		return false, nil
	case "otlp":
		return true, nil
	case "":
		_, where := first(getenv, ownEndpoint, endpoint)
		return where != "", nil
	default:
		return false, fmt.Errorf("%s is %.80q, and there is only otlp here: set it to otlp or none", exporter, how)
	}
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
