// How things are said to people: as lockc says them.

/** length is a length of time in two units at most: "4.2s", "3m07s". */
export function length(ms) {
  ms = Math.max(0, ms);
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  const s = ms / 1000;
  if (s < 1) return `${Math.floor(ms)}ms`;
  if (s < 10) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  if (s < 60) return `${Math.floor(s)}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two((s % 3600) / 60)}m`;
  return `${Math.floor(s / 86400)}d${two((s % 86400) / 3600)}h`;
}

/** whole is a length that is looked at every second: without tenths. */
export const whole = (ms) => (ms < 1000 ? "0s" : ms < 10_000 ? `${Math.floor(ms / 1000)}s` : length(ms));

/** millis reads protobuf's JSON form of a length of time, "2.5s". */
export function millis(span) {
  return span ? Math.round(parseFloat(span) * 1000) : 0;
}

/** instant reads protobuf's JSON form of a moment, as milliseconds; 0 is unknown. */
export function instant(stamp) {
  return stamp ? Date.parse(stamp) || 0 : 0;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** moment is a time of day, with the date if that is not today's. */
export function moment(ms) {
  if (!ms) return "–";
  const then = new Date(ms);
  return (then.toDateString() === new Date().toDateString() ? clock : date).format(then);
}

/** count puts a number before its noun. */
export function count(n, one, many = one + "s") {
  return `${number(n)} ${n === 1 ? one : many}`;
}

const digits = new Intl.NumberFormat("en");

export const number = (n) => digits.format(n);

/** bytes is a size, roughly. */
export function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; n >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return `${unit === 0 || n >= 10 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

/** list says names one after the other: "a, b and c". */
export function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/**
 * person tells who somebody is: "alice@web1, pid 7: make deploy". What a grant says
 * counts more than what its session says. Who does not say which user that is goes by
 * the name that the rules have.
 */
export function person(session, grant) {
  const info = saying(session, grant);
  return sentence(place(info) + pid(info) + (info("command") ? ": " + info("command") : ""));
}

/** process is a person without what it does: "alice@web1, pid 7", or whatever is known. */
export function process(session, grant) {
  const info = saying(session, grant);
  return sentence(place(info) + pid(info)) || info("command");
}

/** doing is what a person's place does not say: "pid 7: make deploy". */
export function doing(session, grant) {
  const info = saying(session, grant);
  return sentence(pid(info) + (place(info) && info("command") ? ": " + info("command") : ""));
}

const place = (info) => info("user") + (info("host") ? "@" + info("host") : "");
const pid = (info) => (info("pid") ? ", pid " + info("pid") : "");
const sentence = (text) => text.replace(/^(, |: )/, "");

function saying(session, grant) {
  const said = (key) => grant?.[key] ?? session?.[key] ?? "";
  return (key) => said(key) || (key === "user" ? session?.principal ?? "" : "");
}

/** shorten cuts text that is longer than most characters. */
export function shorten(text, most = 100) {
  const all = text.length > most ? [...text] : [];
  return all.length > most ? all.slice(0, most - 1).join("") + "…" : text;
}

/** brief is a person without process: "alice@web1", or whatever is known. */
export function brief(session, grant) {
  const info = saying(session, grant);
  return place(info) || info("command");
}

/** extras are the rest of an info, as pairs. */
export function extras(...infos) {
  const all = Object.assign({}, ...infos.filter(Boolean));
  return Object.keys(all).filter((key) => !["user", "host", "pid", "command"].includes(key)).sort().map((key) => [key, all[key]]);
}

/** manner is how a lock is held or wanted: "2 of 3 permits". */
export function manner(mode, permits, of) {
  switch (mode) {
    case "MODE_SHARED": return "shared";
    case "MODE_PERMITS": return permits ? (of ? `${permits} of ${count(of, "permit")}` : count(permits, "permit")) : "permits";
    default: return "exclusive";
  }
}

/** happened says an event in few words; who and where stand beside it, if somebody did it. */
export function happened(kind, somebody = true) {
  if (!somebody) return { KIND_ACQUIRED: "Locked:", KIND_RELEASED: "Unlocked:", KIND_REVOKED: "Taken away:", KIND_REOPENED: "Open again:" }[kind] ?? "Changed:";
  return {
    KIND_ACQUIRED: "took", KIND_RELEASED: "gave back", KIND_EXPIRED: "was lost with", KIND_REVOKED: "was made to give up",
    KIND_OVERHELD: "had for too long", KIND_WAIT_BEGAN: "waits for", KIND_WAIT_ENDED: "waits no more for",
    KIND_SESSION_OPENED: "session opened", KIND_SESSION_CLOSED: "session closed", KIND_SESSION_ENDED: "session ended in silence",
  }[kind] ?? "something happened to";
}

/** ending says how somebody's time with a lock ended. */
export function ending(tenure) {
  switch (tenure.how) {
    case "ENDING_RELEASED": return "released";
    case "ENDING_CLOSED": return "released with its session";
    case "ENDING_EXPIRED": return "the session ended in silence";
    case "ENDING_REVOKED": return "taken away";
    case "ENDING_OVERHELD": return "held for too long";
    default: return "holds it";
  }
}
