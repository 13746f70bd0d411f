// Package observe shows a node to those who look after it:
//
//	/metrics       its numbers, for Prometheus (families.go, collector.go)
//	/debug/locks   which locks are waited for, for go tool pprof (locks.go)
//	/debug/pprof/  what the process does, for go tool pprof (profiles.go)
//
// What is under /debug/ names locks or costs time, so a Guard stands before it.
// The numbers name neither locks nor sessions, and cost a message to each actor.
//
// grafana.json is a dashboard of the numbers; a test holds it against a real
// scrape.
package observe
