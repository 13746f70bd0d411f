package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// residentOf is the memory that processes have resident, by process id, in bytes.
// Processes that cannot be seen are missing, as they all are where there is no
// /proc.
func residentOf(pids []int) map[int]int64 {
	resident := map[int]int64{}
	for _, pid := range pids {
		statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			continue
		}
		if pages, ok := parseStatm(statm); ok {
			resident[pid] = pages * int64(os.Getpagesize())
		}
	}
	return resident
}

// parseStatm takes the second of the numbers, which counts pages.
func parseStatm(statm []byte) (pages int64, ok bool) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages, err == nil
}
