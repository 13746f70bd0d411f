// Who waits for whom: as a picture, with deadlocks in red, and in words.

import { el, fill, lockHref, sessionHref, svg, text } from "./dom.js";
import { layout } from "./layout.js";
import { circle } from "./lock.js";
import { blank, exact, lockLink, section, short } from "./people.js";
import { count, doing, list, number } from "./words.js";

const drawn = 40; // locks, the most waited for
const alone = 4; // of those who wait for the same and keep nobody waiting
const crowd = 12; // of the others at one lock
const circlesShown = 10; // deadlocks
const keyed = 100; // holders and waits of a lock by which it is known whether the drawing would be another
const drawEvery = 800; // milliseconds

export function graph(feed) {
  const sum = el("p", { class: "sum", id: "sum" });
  const circles = el("div", { id: "deadlocks" });
  const picture = el("div", { id: "graph" });
  const words = el("div", { id: "waits" });
  const node = el("div", { class: "view" },
    el("div", { class: "head" }, el("h1", { tabindex: "-1", text: "Who waits for whom" }), sum), circles, picture, section("words", "In words", words));
  let version = -1;
  let searched = null;
  let due = 0;

  function draw() {
    version = feed.picture.version;
    searched = feed.deadlocks;
    due = performance.now() + drawEvery;
    const waited = [...feed.picture.locks.values()].filter((card) => card.waiters > 0);
    const waiters = waited.reduce((all, card) => all + card.waiters, 0);
    feed.want(waited.filter((card) => card.rough).slice(0, drawn).map((card) => card.name));
    text(sum, feed.listed ? [count(waiters, "wait"), count(waited.length, "lock"), count(feed.deadlocks.length, "deadlock")].join(", ").replace(",", " for") : "");
    const dead = new Set(feed.deadlocks.flatMap((one) => (one.steps ?? []).map((step) => step.waits)));
    const chosen = waited.sort((a, b) => dead.has(b.name) - dead.has(a.name) || b.waiters - a.waiters || (a.name < b.name ? -1 : 1)).slice(0, drawn);
    const key = JSON.stringify([feed.listed, chosen.map((card) => [card.name, card.waiters, card.holders.slice(0, keyed).map(keyOf), card.queue.slice(0, keyed).map(keyOf)]), feed.deadlocks]);
    const deadlocks = feed.deadlocks.slice(0, circlesShown);
    fill(circles, JSON.stringify(feed.deadlocks), () => [
      ...deadlocks.map(circle),
      feed.deadlocks.length > deadlocks.length && el("p", { class: "note", text: `And ${count(feed.deadlocks.length - deadlocks.length, "deadlock")} more.` }),
    ]);
    fill(picture, key, () => (chosen.length === 0 ? (feed.listed ? blank("Nobody waits for anything.") : null) : sketch(chosen, deadlocks)));
    fill(words, key, () => (chosen.length === 0 ? (feed.listed ? blank("Nothing to tell.") : null) : [
      el("ul", { class: "lines wrap" }, chosen.map(inWords)),
      waited.length > chosen.length && el("p", { class: "note", text: `And ${count(waited.length - chosen.length, "lock")} more that are waited for.` }),
    ]));
  }

  return {
    title: "Who waits for whom",
    node,
    opened: draw,
    update() {
      if ((feed.picture.version !== version || feed.deadlocks !== searched) && performance.now() >= due) draw();
    },
    tick() {
      this.update();
    },
    close() {},
  };
}

const keyOf = (one) => [one.session, one.token ?? one.since, exact(one)];

function inWords(card) {
  const holders = card.holders.map(exact);
  const queue = card.queue.map(exact);
  const some = (all, rest) => list(all.length + rest > 6 ? [...all.slice(0, 5), `${number(all.length - 5 + rest)} more`] : all);
  return el("li", { "data-name": card.name }, lockLink(card.name), el("span", {},
    holders.length ? ["held by ", el("bdi", { class: "strong", text: some(holders, 0) })] : card.delayed ? "closed for a while" : "passing on", "; ",
    el("bdi", { class: "strong", text: some(queue, card.waiters - queue.length) || number(card.waiters) }), card.waiters === 1 ? " waits" : " wait"));
}

/** Plan collects what is drawn. */
class Plan {
  nodes = new Map();
  edges = new Map();

  node(id, make) {
    if (!this.nodes.has(id)) this.nodes.set(id, { id, ...make() });
    return this.nodes.get(id);
  }

  lock(name) {
    return this.node("lock " + name, () => ({ kind: "lock", label: name, href: lockHref(name), width: 176, height: 34 }));
  }

  session(one) {
    return this.node("session " + one.session, () => ({ kind: "session", label: short(one), note: doing(one.owner?.info, one.info), href: sessionHref(one.session), width: 176, height: 48 }));
  }

  edge(from, to, kind) {
    const id = `${from.id} > ${to.id}`;
    if (!this.edges.has(id)) this.edges.set(id, { from: from.id, to: to.id, kind, dead: "" });
    return this.edges.get(id);
  }
}

/** sketch draws some locks with all around them. */
function sketch(cards, deadlocks) {
  const plan = new Plan();
  const waits = new Map(); // for how many locks of these a session waits
  const keeps = new Set(); // who holds one
  for (const card of cards) {
    for (const one of card.queue) waits.set(one.session, (waits.get(one.session) ?? 0) + 1);
    for (const one of card.holders) keeps.add(one.session);
  }
  const involved = new Set(deadlocks.flatMap((one) => (one.steps ?? []).map((step) => step.session)));
  for (const deadlock of deadlocks) addCircle(plan, deadlock);
  for (const card of cards) {
    const lock = plan.lock(card.name);
    const part = (all, apart) => {
      const chosen = [...all.filter((one) => involved.has(one.session)), ...all.filter((one) => !involved.has(one.session) && apart(one))].slice(0, crowd);
      return [chosen, all.filter((one) => !chosen.includes(one))];
    };
    const [apart, plain] = part(card.queue, (one) => keeps.has(one.session) || waits.get(one.session) > 1);
    bundle(plain, card.waiters - card.queue.length, apart,
      (one) => plan.edge(plan.session(one), lock, "waits"),
      (n) => plan.edge(plan.node("more waits " + card.name, () => more(n, "waits", "wait", card.name)), lock, "waits"));
    const [linked, others] = part(card.holders, (one) => waits.has(one.session));
    bundle(others, 0, linked,
      (one) => plan.edge(lock, one.session ? plan.session(one) : plan.node("nobody " + card.name, nobody), "holds"),
      (n) => plan.edge(lock, plan.node("more holds " + card.name, () => more(n, "holds it", "hold it", card.name)), "holds"));
    if (card.holders.length === 0) plan.edge(lock, plan.node("none " + card.name, () => none(card)), "holds");
  }
  return drawing(plan, deadlocks.length);
}

/** bundle draws each of some who are apart, and of the others a few. */
function bundle(plain, unseen, apart, each, rest) {
  for (const one of apart) each(one);
  const few = plain.length + unseen <= alone ? plain.length : alone - 1;
  for (const one of plain.slice(0, few)) each(one);
  const left = plain.length - few + unseen;
  if (left > 0) rest(left);
}

const more = (n, one, many, name) => ({ kind: "more", label: `${number(n)} more ${n === 1 ? one : many}`, href: lockHref(name), width: 176, height: 34 });
const nobody = () => ({ kind: "nobody", label: "nobody’s own", width: 176, height: 34 });
const none = (card) => ({ kind: "nobody", label: card.delayed ? "closed for a while" : "passing on", width: 176, height: 34 });

function addCircle(plan, deadlock) {
  const steps = deadlock.steps ?? [];
  const sure = steps.some((one) => one.possible) ? "possible" : "certain";
  steps.forEach((step, i) => {
    const next = steps[(i + 1) % steps.length];
    const as = (one) => plan.session({ session: one.session, info: {}, owner: { info: one.info ?? {} } });
    as(step); // from here the circle begins
    const lock = plan.lock(step.waits ?? "");
    plan.edge(as(step), lock, "waits").dead = sure;
    plan.edge(lock, as(next), "holds").dead = sure;
    for (const one of [as(step), lock]) one.dead = sure;
  });
}

function drawing(plan, deadlocks) {
  const edges = [...plan.edges.values()];
  const nodes = [...plan.nodes.values()];
  const { width, height, at, ways } = layout(nodes, edges, { across: 52 });
  const margin = 8;
  const box = [-margin, -margin, width + 2 * margin, height + 2 * margin];
  const label = `${count(nodes.filter((one) => one.kind === "lock").length, "lock")} and who waits for them${deadlocks ? `, with ${count(deadlocks, "deadlock")}` : ""}. The list below says it in words.`;
  return el("div", { class: "scroll graph", role: "region", "aria-label": "Graph of waits", tabindex: "0" },
    svg("svg", { viewBox: box.join(" "), width: box[2], height: box[3], role: "group", "aria-label": label },
      svg("defs", {}, ["", "dead"].map((kind) => svg("marker", { id: "tip" + kind, class: "tip", "data-dead": kind || null, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 10, markerHeight: 10, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 0.500L7.500 4L0 7.500z" })))),
      edges.map((edge) => svg("path", {
        class: "edge", d: way(edge, plan, at, ways.get(edge)), "data-from": edge.from, "data-to": edge.to, "data-kind": edge.kind, "data-dead": edge.dead || null,
        "marker-end": edge.dead ? "url(#tipdead)" : "url(#tip)",
      })),
      nodes.map((one) => svg("foreignObject", { ...at.get(one.id), width: one.width, height: one.height }, knot(one)))),
    el("p", { class: "legend", "aria-hidden": "true" }, "who waits → the lock → who has it"));
}

function knot(one) {
  const inside = [el("bdi", { class: "label", text: one.label }), one.note && el("bdi", { class: "under", text: one.note })];
  const properties = { class: "knot", "data-node": one.id, "data-kind": one.kind, "data-dead": one.dead ?? null, title: one.label };
  return one.href ? el("a", { ...properties, href: one.href }, inside) : el("span", properties, inside);
}

/** way is the path of an edge. One that runs back leaves downwards, and comes in from below. */
function way(edge, plan, at, { back, bends }) {
  const box = (id) => ({ ...plan.nodes.get(id), ...at.get(id) });
  const [from, to] = [box(edge.from), box(edge.to)];
  if (!back) {
    const passed = bends.flatMap(({ x, y, half }) => [[x - half, y], [x + half, y]]);
    return curve([[from.x + from.width, from.y + from.height / 2], ...passed, [to.x - 2, to.y + to.height / 2]]);
  }
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
  const [first, last] = [bends[0], bends.at(-1)];
  const passed = bends.slice(1, -1).flatMap(({ x, y, half }) => [[x + half, y], [x - half, y]]);
  const along = curve([[x1 - turn, first.y], [first.x - first.half, first.y], ...passed, [last.x + last.half, last.y], [x2 + turn, last.y]]);
  return `M${x1} ${from.y + from.height}Q${x1} ${first.y} ${along.slice(1)}Q${x2} ${last.y} ${x2} ${to.y + to.height + 2}`;
}

const turn = 24;

/** curve goes through points, level at each. */
function curve(points) {
  let d = `M${points[0].join(" ")}`;
  for (let i = 1; i < points.length; i++) {
    const [[x1, y1], [x2, y2]] = [points[i - 1], points[i]];
    const bend = (x2 - x1) / 2;
    d += `C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  }
  return d;
}
