package browser

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lockstep"
	"lockstep/tests/browser/chrome"
)

const (
	many    = 10_000
	racks   = 100 // folders, with as many locks in each
	hurried = 16  // clients that take and release all the while
)

func job(i int) string { return fmt.Sprintf("fleet/rack-%02d/job-%04d", i%racks, i) }

// dial opens a client for much at once.
func (h *house) dial() *lockstep.Client {
	h.Helper()
	client, err := lockstep.Dial(h.Context(), h.Addresses(), lockstep.WithTTL(longest))
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = client.Close() }) // the nodes may be gone
	return client
}

// takeMany has one client hold many locks.
func (h *house) takeMany() {
	h.Helper()
	client := h.dial()
	var hands sync.WaitGroup
	for hand := range 100 {
		hands.Go(func() {
			for i := hand; i < many; i += 100 {
				if _, err := client.TryAcquire(h.Context(), job(i)); err != nil {
					h.Errorf("%s: %v", job(i), err)
					return
				}
			}
		})
	}
	hands.Wait()
	if h.Failed() {
		h.FailNow()
	}
}

// hurry has clients take and release further locks until it is told to stop, and
// then returns how often they did. Each rests a little, so that the browser has a
// share of a small machine.
func (h *house) hurry() (stop func() int) {
	client := h.dial()
	ctx, cancel := context.WithCancel(h.Context())
	counts := make([]int, hurried)
	var hands sync.WaitGroup
	for hand := range hurried {
		hands.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("fleet/rack-%02d/visitor-%d", (i*7+hand)%racks, hand)
				lease, err := client.TryAcquire(h.Context(), name)
				if err == nil {
					err = lease.Release(h.Context())
				}
				if err != nil {
					h.Errorf("%s: %v", name, err)
					return
				}
				counts[hand] += 2
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond): // what makes it a load of some hundred changes a second
				}
			}
		})
	}
	return func() int {
		cancel()
		hands.Wait()
		return sum(counts)
	}
}

func sum(counts []int) (all int) {
	for _, n := range counts {
		all += n
	}
	return all
}

// watchStalls begins to write down how long the page's only thread is kept by one
// task: while it is, nothing that people do has an effect.
const watchStalls = `
	window.stalls = []
	new PerformanceObserver(list => { for (const task of list.getEntries()) window.stalls.push(task.duration) }).observe({type: "longtask"})`

// stall is the longest task since the last call, in milliseconds; those below 50 ms
// are none to the browser.
const stall = `
	await new Promise(done => setTimeout(done, 100)) // what was observed is told a little later
	const longest = Math.max(0, ...window.stalls)
	window.stalls = []
	return longest`

// plainly is how long the page's thread is kept by the same locks as plain rows, all
// of them at once: the stall that there would be, on this machine, at this moment.
const plainly = `
	const began = performance.now()
	const all = document.createElement("ul")
	for (let i = 0; i < 10000; i++) {
		const row = document.createElement("li")
		for (const text of ["fleet/rack-" + i % 100 + "/job-" + i, "exclusive", "somebody@somewhere, pid " + i, "4.2s"]) {
			const cell = document.createElement("span")
			cell.textContent = text
			row.append(cell)
		}
		all.append(row)
	}
	document.body.append(all)
	all.getBoundingClientRect()
	const took = performance.now() - began
	all.remove()
	return took`

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// TestTenThousandLocksDoNotStall: what people do has an effect at once, however many
// locks there are and however much happens to them. What is at once depends on the
// machine, and on what else it does; so no other test runs beside this one, and the
// page is held against what the same browser needs for the same locks as plain rows.
func TestTenThousandLocksDoNotStall(t *testing.T) {
	h := build(t)
	h.takeMany()
	s := look(t, chrome.Desk, h.pages[h.backup()], "")
	s.run(watchStalls)
	s.stays()
	s.visit("#/locks")
	s.await(says(one("#sum"), "10,000 locks"))
	worst := map[string][]float64{"listing": {value[float64](s, stall)}}
	var plain []float64
	stop := h.hurry()
	for range 5 {
		plain = append(plain, value[float64](s, plainly))
		value[float64](s, stall) // that was ours
		for _, deed := range []struct{ name, does, done string }{
			{"opening all", one("#open-all") + ".click()", row(job(0))},
			{"scrolling", `
				const tree = document.querySelector("#tree")
				for (let i = 1; i <= 30; i++) {
					tree.scrollTop = tree.scrollHeight * i / 30
					await new Promise(done => requestAnimationFrame(done))
				}`, row(job(many - 1))},
			{"filtering", `
				const filter = document.querySelector("#filter")
				for (const text of ["j", "jo", "job-", "job-99", "job-9999", ""]) {
					filter.value = text
					filter.dispatchEvent(new Event("input"))
					await new Promise(done => requestAnimationFrame(done))
				}`, says(one("#sum"), "10,0", "locks")},
			{"going away and back", `
				for (const place of ["#/", "#/waits", "#/sessions", "#/locks"]) {
					location.hash = place
					await new Promise(done => setTimeout(done, 100))
				}`, one("#tree") + " && " + says(one("#sum"), "10,0", "locks")},
			{"closing all", one("#close-all") + ".click()", "!" + row(job(many-1)) + " && " + folder("fleet/")},
		} {
			s.run(deed.does)
			s.await(deed.done)
			worst[deed.name] = append(worst[deed.name], value[float64](s, stall))
		}
	}
	changes := stop()

	limit := max(100, median(plain)/2) // what takes 100 ms is felt as at once
	for deed, stalls := range worst {
		t.Logf("%s: the thread was kept for %.0f ms at most (median of %.0f); plain rows take %.0f ms", deed, median(stalls), stalls, median(plain))
		if median(stalls) > limit {
			t.Errorf("%s keeps the page for more than half of what drawing all locks at once would", deed)
		}
	}
	s.click(one("#open-all"))
	s.await(row(job(0)))
	if n := value[int](s, `return document.querySelectorAll("*").length`); n > 2000 {
		t.Errorf("the document has %d elements: rows that nobody sees are in it", n)
	}
	// Nothing was missed: what came and went has gone, and what comes is there.
	s.await(says(one("#sum"), "10,000 locks"))
	h.client("zoe", "web9", "last").takes("fleet/zz")
	s.await(says(one("#sum"), "10,001 locks"))
	s.press("Tab")
	s.run(one("#tree") + ".focus()")
	s.press("End")
	s.await(says(row("fleet/zz"), "zoe@web9"))
	s.same()
	t.Logf("%d changes came meanwhile", changes)
}
