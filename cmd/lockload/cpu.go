package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// cpuTimes is the processor time that processes have used, by process id, in
// seconds. Processes that cannot be seen are missing.
type cpuTimes map[int]float64

// ticksPerSecond is the unit of /proc/PID/stat: Linux shows hundredths of a
// second there on every architecture that Go runs on.
const ticksPerSecond = 100

// cpuOf looks processes up. Where there is no /proc it finds none.
func cpuOf(pids []int) cpuTimes {
	times := cpuTimes{}
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		if seconds, ok := parseStat(stat); ok {
			times[pid] = seconds
		}
	}
	return times
}

// parseStat adds user and system time. The second field is the program's name in
// parentheses and may contain anything, so counting begins after the last one.
func parseStat(stat []byte) (seconds float64, ok bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, false
	}
	fields := bytes.Fields(stat[end+1:])
	const user, system = 11, 12 // the 14th and 15th of all
	if len(fields) <= system {
		return 0, false
	}
	var sum int64
	for _, field := range [][]byte{fields[user], fields[system]} {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, false
		}
		sum += n
	}
	return float64(sum) / ticksPerSecond, true
}

// since is what was used after an earlier look. A process that has gone or came
// in between is left out.
func (c cpuTimes) since(before cpuTimes) cpuTimes {
	used := cpuTimes{}
	for pid, seconds := range c {
		if earlier, ok := before[pid]; ok {
			used[pid] = seconds - earlier
		}
	}
	return used
}
