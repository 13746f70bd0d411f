package api

import (
	_ "embed"
	"net/http"
)

// openAPI is made from the schema of the service.
//
//go:embed openapi.yaml
var openAPI []byte

func describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI) // who has gone needs none
}
