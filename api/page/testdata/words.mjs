import assert from "node:assert/strict";
import { brief, bytes, count, doing, instant, length, list, manner, millis, person, process, shorten, whole } from "../static/words.js";

for (const [ms, said] of [[-5, "0ms"], [0, "0ms"], [999, "999ms"], [1000, "1.0s"], [4299, "4.2s"], [9999, "9.9s"], [10_000, "10s"], [59_999, "59s"],
  [60_000, "1m00s"], [187_000, "3m07s"], [3_600_000, "1h00m"], [86_399_000, "23h59m"], [90_000_000, "1d01h"]]) {
  assert.equal(length(ms), said);
}
assert.deepEqual([0, 999, 1000, 9999, 10_000, 61_000].map(whole), ["0s", "0s", "1s", "9s", "10s", "1m01s"]);
assert.deepEqual(["2.5s", "0.001s", "3600s", "", undefined].map(millis), [2500, 1, 3_600_000, 0, 0]);
assert.deepEqual([instant("1970-01-01T00:00:01Z"), instant(""), instant("nonsense")], [1000, 0, 0]);
assert.deepEqual([count(0, "lock"), count(1, "lock"), count(12_000, "entry", "entries")], ["0 locks", "1 lock", "12,000 entries"]);
assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(list), ["", "a", "a and b", "a, b and c"]);
assert.deepEqual([0, 999, 1000, 12_345, 3e9].map(bytes), ["0 B", "999 B", "1.0 kB", "12 kB", "3.0 GB"]);
assert.equal(person({ user: "alice", host: "web1", pid: "7", command: "make deploy" }), "alice@web1, pid 7: make deploy");
assert.equal(person({ user: "alice", command: "sh" }, { command: "make" }), "alice: make");
assert.equal(person({ pid: "7" }), "pid 7");
assert.equal(person(undefined, undefined), "");
assert.equal(person({ command: "lock.py" }), "lock.py");
assert.equal(person({ principal: "ci", command: "lock.py" }), "ci: lock.py");
assert.equal(person({ principal: "ci", user: "alice" }), "alice");
assert.equal(person({ principal: "ci", host: "web1" }, { user: "bob" }), "bob@web1");
assert.deepEqual([brief({ user: "alice", host: "web1", command: "make" }), brief({ principal: "ci", command: "make" }), brief({ command: "make" }), brief()],
  ["alice@web1", "ci", "make", ""]);
assert.deepEqual([process({ user: "alice", host: "web1", pid: "7", command: "make" }), process({ pid: "7" }), process({ command: "make" }), process()],
  ["alice@web1, pid 7", "pid 7", "make", ""]);
assert.deepEqual([doing({ user: "alice", pid: "7", command: "make" }), doing({ user: "alice", command: "make" }), doing({ user: "alice", pid: "7" }), doing({ command: "make" }), doing()],
  ["pid 7: make", "make", "pid 7", "", ""]);
assert.deepEqual([manner("MODE_EXCLUSIVE"), manner("MODE_SHARED"), manner("MODE_PERMITS", 2, 3), manner("MODE_PERMITS", 1, 0), manner("MODE_PERMITS", 0, 0)],
  ["exclusive", "shared", "2 of 3 permits", "1 permit", "permits"]);
assert.deepEqual([shorten("abc", 3), shorten("abcd", 3), shorten("🔒🔒🔒", 3), shorten("🔒🔒🔒🔒", 3)], ["abc", "ab…", "🔒🔒🔒", "🔒🔒…"]);
