// The timeline of failovers: who was the primary, and when nobody was.

import { now } from "./api.js";
import { el, svg } from "./dom.js";
import { count, instant, length, list, millis, moment } from "./words.js";

const lane = 30;
const soon = 20_000; // the age at which the axis begins to be logarithmic

/** The last minutes have most room: what happened then is asked about. */
const place = (age) => Math.log1p(Math.max(0, age) / soon);

const marks = [[60e3, "1 min"], [600e3, "10 min"], [3600e3, "1 h"], [6 * 3600e3, "6 h"], [86400e3, "1 day"], [7 * 86400e3, "1 week"], [30 * 86400e3, "1 month"]];

const reasons = {
  WHY_STARTED: "it was the first", WHY_HANDED_OVER: "handed over", WHY_SUSPECTED: "the one before was not heard any more",
  WHY_WENT_ON: "it went on",
};

export const reason = (reign) => reasons[reign.why] ?? "perhaps earlier, it was first seen then";

const noticed = 300; // milliseconds without a primary that somebody may have felt

/** missed reports whether a reign began with a time that is worth a look. */
const missed = (reign) => reign.why !== "WHY_STARTED" && (reign.why === "WHY_SUSPECTED" || millis(reign.idle) >= noticed) && millis(reign.idle) > 0;

/** nameOf a node; one of a pair goes by its address. */
const nameOf = (reign) => reign.name || reign.address || "?";

/**
 * timeline draws reigns, the oldest first, as wide as there is room, with a lane for
 * each node. The list below it says the same in words.
 */
export function timeline(reigns, names, room) {
  const until = now();
  const known = reigns.filter((one) => instant(one.began));
  if (known.length === 0) return null;
  const nodes = [...new Set([...known.map(nameOf), ...names])].sort();
  const wide = Math.max(160, room - margin(nodes));
  const oldest = Math.max(120_000, until - instant(known[0].began));
  const scale = wide / place(oldest * 1.05);
  const x = (ms) => wide - place(until - ms) * scale;
  const high = nodes.length * lane;
  const bars = known.flatMap((one, i) => {
    const begin = x(instant(one.began));
    const after = known[i + 1];
    const idle = after ? millis(after.idle) : 0;
    const end = after ? x(Math.max(instant(one.began), instant(after.began) - idle)) : wide;
    const y = nodes.indexOf(nameOf(one)) * lane;
    const mine = millis(one.idle);
    const drawn = [svg("rect", { class: after ? "reign" : "reign last", x: begin, y: y + 6, width: Math.max(3, end - begin), height: lane - 12, rx: 3 },
      svg("title", {}, `${nameOf(one)}: ${moment(instant(one.began))}, ${reason(one)}`))];
    if (missed(one)) {
      const from = x(instant(one.began) - mine);
      drawn.push(svg("rect", { class: "gap", x: Math.min(from, begin - 2), y: 0, width: Math.max(2, begin - from), height: high },
        svg("title", {}, `nobody served for ${length(mine)}`)));
    } else if (i > 0) {
      drawn.push(svg("line", { class: "change", x1: begin, x2: begin, y1: 0, y2: high }));
    }
    return drawn;
  });
  let taken = 0; // up to where there is a word, from the right
  const free = ([age]) => place(age) * scale - taken > 90 && place(age) * scale < wide - 36 && (taken = place(age) * scale);
  const ticks = marks.filter(free).flatMap(([age, word]) => {
    const at = wide - place(age) * scale;
    return [svg("line", { class: "tick", x1: at, x2: at, y1: 0, y2: high }), svg("text", { class: "axis", x: at, y: high + 16, "text-anchor": "middle" }, word + " ago")];
  });
  return el("figure", { class: "timeline", id: "timeline" },
    el("div", { class: "lanes", "aria-hidden": "true" }, nodes.map((one) => el("bdi", { text: one }))),
    svg("svg", { viewBox: `0 0 ${wide} ${high + 22}`, width: wide, height: high + 22, role: "img", "aria-label": `Who was the primary: ${count(known.length, "reign")} of ${list([...new Set(known.map(nameOf))])}` },
      nodes.map((_, i) => svg("rect", { class: "ground", x: 0, y: i * lane + 6, width: wide, height: lane - 12, rx: 3 })),
      ticks, bars, svg("text", { class: "axis", x: wide, y: high + 16, "text-anchor": "end" }, "now")));
}

/** margin is the room that the names of the lanes take: as much as they want, up to a quarter. */
const margin = (nodes) => 16 + Math.min(150, 9 * Math.max(...nodes.map((one) => one.length)));

/** reignList says reigns in words, the newest first. */
export function reignList(reigns, most) {
  return el("ol", { class: "reigns" }, [...reigns].reverse().slice(0, most).map((one) => {
    const idle = millis(one.idle);
    return el("li", { "data-view": one.view ?? "0", "data-why": one.why ?? "WHY_UNSPECIFIED" },
      el("time", { datetime: one.began ?? "", text: moment(instant(one.began)) }),
      el("span", {}, el("bdi", { class: "strong", text: nameOf(one) }), ` became the primary: ${reason(one)}.`),
      idle > 0 && one.why !== "WHY_STARTED" ? el("span", { class: missed(one) ? "bad" : "quiet", text: `nobody served for ${length(idle)}` }) : null);
  }));
}
