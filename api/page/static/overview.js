// How everything is, at a glance: the nodes, what is not safe, the failovers, and
// which locks deserve a look.

import { now } from "./api.js";
import { el, fill, link, lockHref, lockName, svg, text } from "./dom.js";
import { blank, chip, lockLink, section, short } from "./people.js";
import { reignList, timeline } from "./reigns.js";
import { bytes, count, happened, instant, length, millis, moment, number, whole } from "./words.js";

const few = 5; // of a kind are shown
const lines = 10; // of what has just happened
const drawEvery = 500; // milliseconds
const unknown = "Not known yet.";

const serving = (node) => node.answered && (node.role === "primary" || node.role === "solo");
const nameOf = (node) => node.name || node.address || "?";

export function overview(feed) {
  const headline = el("h1", { tabindex: "-1", id: "headline" });
  const under = el("p", { class: "sum", id: "safety" });
  const warnings = el("ul", { class: "warnings", id: "warnings", hidden: true });
  const nodes = el("ul", { class: "nodes", id: "nodes" });
  const figures = el("ul", { class: "figures", id: "figures" }, ["locks", "waiting", "deadlocks", "changes"].map((key) => figure(key)));
  const drawing = el("div", { id: "timeline-box" });
  const told = el("div", { id: "reigns" });
  const waited = el("div", { id: "waited" });
  const oldest = el("div", { id: "oldest" });
  const ticker = el("ol", { class: "ticker", id: "ticker" });
  const node = el("div", { class: "view overview" },
    el("div", { class: "hero" }, headline, under), warnings,
    section("cluster", "Nodes", nodes), figures,
    section("failovers", "Failovers", drawing, told),
    el("div", { class: "three" }, section("most-waited", "Most waited for", waited), section("longest-held", "Held for longest", oldest), section("just-now", "Just now", ticker)));
  let version = -1;
  let met = -1;
  let listed = null;
  let due = 0;
  let reigned = null;
  let room = 0;
  let reignsDue = 0;

  function draw() {
    due = performance.now() + drawEvery;
    drawHead();
    fill(nodes, JSON.stringify([feed.status, feed.reigns?.at(-1)]), () => (feed.status?.nodes ?? []).map(nodeCard));
    drawFigures();
    if (feed.reigns !== reigned || drawing.clientWidth !== room || performance.now() >= reignsDue) {
      reigned = feed.reigns;
      room = drawing.clientWidth;
      reignsDue = performance.now() + 15_000;
      drawReigns();
    }
    if (version !== feed.picture.version || met !== feed.picture.met || listed !== feed.listed) {
      ({ version, met } = feed.picture);
      ({ listed } = feed);
      drawLocks();
    }
    for (const one of node.querySelectorAll("[data-since]")) text(one, whole(now() - Number(one.dataset.since)));
  }

  function drawHead() {
    const all = feed.status?.nodes ?? [];
    const primaries = all.filter(serving);
    const [primary] = primaries;
    const said = feed.status?.warnings ?? [];
    const silent = all.filter((one) => !one.answered).length;
    if (feed.state === "lost" && feed.silent && feed.since) {
      text(headline, primary ? `${nameOf(primary)} was the primary` : "No node was the primary");
      text(under, `All this is as it was ${whole(Date.now() - feed.since)} ago.`);
      node.dataset.health = "unknown";
      return;
    }
    text(headline, !feed.status ? "Asking the nodes…" : !primary ? "No node is the primary" : `${nameOf(primary)} is the primary`);
    const there = silent === 0 ? (all.length === 1 ? "It is the only node." : all.length === 2 ? "Both nodes answer." : `All ${all.length} nodes answer.`) : `${silent} of ${count(all.length, "node")} ${silent === 1 ? "does" : "do"} not answer.`;
    const bears = said.some((one) => one.kind === "pair") ? "Either may fail, but not the network between them." : "Any one of them may fail.";
    text(under, !feed.status ? "" : `${there} ${feed.status.safe ? bears : ""}`.trim());
    node.dataset.health = !feed.status ? "unknown" : !primary || primaries.length > 1 ? "bad" : feed.status.safe ? "good" : "fair";
    warnings.hidden = said.length === 0;
    fill(warnings, JSON.stringify(said), () => said.map((one) => el("li", { "data-kind": one.kind ?? "" }, el("bdi", { text: one.text ?? one.kind ?? "" }))));
  }

  function nodeCard(one) {
    const role = one.answered ? one.role : "silent";
    const lag = one.lag === undefined ? null : Number(one.lag);
    const reign = serving(one) ? feed.reigns?.at(-1) : null;
    const began = reign && String(reign.view) === String(one.view) ? instant(reign.began) : 0;
    const facts = [
      began && ["Serves", el("span", { "data-since": began, text: whole(now() - began) }), false],
      lag !== null && !serving(one) && ["Behind", lag === 0 ? "nothing" : count(lag, "entry", "entries"), lag > 1000],
      one.heard && !(serving(one) && !one.paired) && ["Heard", length(millis(one.heard)) + " ago", millis(one.heard) > 2000],
      one.answered && ["Keeps", one.durable ? `on disk${Number(one.diskBytes) ? ", " + bytes(Number(one.diskBytes)) : ""}` : "in memory", false],
      one.answered && ["View", `${number(Number(one.view ?? 0))}, entry ${number(Number(one.index ?? 0))}`, false],
    ].filter(Boolean);
    return el("li", { class: "card node", "data-node": nameOf(one), "data-role": role },
      el("div", { class: "card-head" }, el("bdi", { class: "strong", text: nameOf(one) }), chip(role, one.answered ? one.role : "does not answer")),
      el("p", { class: "address" }, el("bdi", { text: one.name && one.name !== one.address ? one.address ?? "" : "" }), one.asked && el("span", { class: "here", text: "shows you this page" })),
      el("dl", { class: "facts" }, facts.map(([key, value, bad]) => el("div", {}, el("dt", { text: key }), el("dd", { class: bad ? "bad" : null }, value)))));
  }

  function drawFigures() {
    let waits = 0;
    for (const card of feed.picture.locks.values()) waits += card.waiters;
    const dead = feed.deadlocks.length;
    const ready = feed.listed;
    set("locks", ready ? number(feed.picture.locks.size) + (feed.picture.cut ? "+" : "") : "–");
    set("waiting", ready ? number(waits) : "–");
    set("deadlocks", ready ? number(dead) : "–", dead > 0);
    set("changes", (feed.state === "glancing" ? "≈ " : "") + number(feed.rate));
    const line = figures.querySelector("polyline");
    const most = Math.max(5, ...feed.rates);
    line.setAttribute("points", feed.rates.map((n, i) => `${(60 - feed.rates.length + i) * 2},${(25 - (n / most) * 23).toFixed(1)}`).join(" "));
  }

  function set(key, value, bad = false) {
    const one = figures.querySelector(`[data-figure=${key}]`);
    text(one.querySelector("b"), value);
    one.toggleAttribute("data-bad", bad);
  }

  function drawReigns() {
    const all = feed.reigns ?? [];
    fill(drawing, undefined, () => timeline(all, (feed.status?.nodes ?? []).map(nameOf), room)); // its right end is now
    fill(told, JSON.stringify(feed.reigns), () => {
      if (feed.reigns === null) return blank("Asking the nodes…");
      if (all.length === 0) return blank("The nodes remember none.");
      return [reignList(all, few), all.length > few && more(all)];
    });
  }

  function more(all) {
    return el("details", { class: "more" }, el("summary", { text: `Those before: ${all.length - few}` }), reignList(all.slice(0, -few), all.length));
  }

  function drawLocks() {
    const cards = [...feed.picture.locks.values()];
    const queues = top(cards.filter((card) => card.waiters > 0), (card) => card.waiters);
    const held = top(cards.filter((card) => card.holders[0]?.since && !card.ownerless), (card) => -card.holders[0].since);
    feed.want([...queues, ...held].map((card) => card.name));
    const known = feed.listed;
    fill(waited, JSON.stringify([known, queues.map((card) => [card.name, card.waiters, short(card.holders[0] ?? {})])]), () => queues.length === 0 ? blank(known ? "Nobody waits." : unknown)
      : el("ol", { class: "tops" }, queues.map((card) => el("li", { "data-name": card.name }, lockLink(card.name), el("b", { class: "waits", "data-some": true, text: number(card.waiters) }),
        el("bdi", { class: "under", text: card.holders[0] ? short(card.holders[0]) : "" })))));
    fill(oldest, JSON.stringify([known, held.map((card) => [card.name, short(card.holders[0])])]), () => held.length === 0 ? blank(known ? "Nothing is held." : unknown)
      : el("ol", { class: "tops" }, held.map((card) => el("li", { "data-name": card.name }, lockLink(card.name), el("b", { "data-since": card.holders[0].since, text: whole(now() - card.holders[0].since) }),
        el("bdi", { class: "under", text: short(card.holders[0]) })))));
    const latest = feed.picture.latest(lines);
    feed.meet(latest.map((one) => one.session));
    fill(ticker, `${latest[0]?.order} ${feed.picture.met}`, () => latest.length === 0 ? el("li", { class: "blank", text: "Nothing since this page was opened." }) : latest.map((one) => line(feed.picture, one)));
  }

  return {
    title: "Overview",
    node,
    opened: draw,
    update() {
      if (performance.now() >= due) draw();
    },
    tick: draw,
    close() {},
  };
}

/** top is the first few of a list by a number, without putting all in order. */
function top(all, by) {
  const best = [];
  for (const one of all) {
    const n = by(one);
    if (best.length === few && n <= best.at(-1)[0]) continue;
    const at = best.findIndex(([other]) => n > other);
    best.splice(at < 0 ? best.length : at, 0, [n, one]);
    best.length = Math.min(best.length, few);
  }
  return best.map(([, one]) => one);
}

function figure(key) {
  const words = { locks: "Locks", waiting: "Waiting", deadlocks: "Deadlocks", changes: "Changes a second" }[key];
  const inside = [el("b", { text: "–" }), el("span", { text: words })];
  if (key === "changes") {
    inside.push(svg("svg", { class: "spark", viewBox: "0 0 120 26", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("polyline", { points: "" })));
    return el("li", { "data-figure": key }, el("span", { class: "figure" }, inside));
  }
  return el("li", { "data-figure": key }, el("a", { class: "figure", href: key === "locks" ? "#/locks" : "#/waits" }, inside));
}

/** line says an event: when, who, what. */
function line(picture, event) {
  const one = { session: event.session, owner: { info: picture.people.get(event.session) ?? {} }, info: {} };
  return el("li", { "data-kind": event.kind, "data-name": event.name ?? null },
    el("time", { text: moment(event.at) }),
    el("span", {}, event.session && [el("bdi", { class: "strong", text: short(one) }), " "], happened(event.kind, Boolean(event.session)), event.name && [" ", link(lockHref(event.name), lockName(event.name))],
      event.reason && [": ", el("bdi", { text: event.reason })]));
}
