// One lock: who has it, who waits, what will free it, who had it before; and, for
// those who may, taking it away.

import { call, now } from "./api.js";
import { el, fill, lockName, say, svg, text } from "./dom.js";
import { blank, chip, exact, lockLink, section, short, state, who } from "./people.js";
import { askRelease } from "./release.js";
import { brief, count, ending, extras, instant, length, manner, millis, moment, number, person, shorten, whole } from "./words.js";

const calm = 500; // milliseconds between two looks, however much happens
const anyway = 5000; // and so often in any case
const firstWaits = 100; // of a queue are shown at first

export function lock(feed, name) {
  const sentence = el("p", { class: "sentence", id: "sentence", text: "Asking the node…" });
  const force = el("button", { type: "button", id: "force", class: "danger", hidden: true, onclick: take, text: "Take it away…" });
  const holders = el("div", { id: "holders" });
  const queue = el("div", { id: "queue" });
  const why = el("div", { id: "why" });
  const past = el("div", { id: "past" });
  const note = el("p", { class: "note", id: "note", role: "status", hidden: true });
  const done = el("p", { class: "done", id: "done", hidden: true });
  const node = el("div", { class: "view", "data-lock": name },
    el("nav", { class: "crumbs", "aria-label": "Where this is" }, el("a", { href: "#/locks", text: "Locks" })),
    el("div", { class: "head" }, el("h1", { tabindex: "-1" }, lockName(name)), force),
    sentence, note, done,
    el("div", { class: "two" },
      el("div", {}, section("held", "Holders", holders), section("waiting", "Queue", queue)),
      el("div", {}, section("explain", "What frees it", why))),
    section("history", "History", past));
  const over = new AbortController();
  let card = null;
  let asking = false;
  let due = 0;
  let last = 0;
  let shown = firstWaits;
  let dialog = null;

  async function ask() {
    asking = true;
    last = feed.picture.last(name);
    const { signal } = over;
    try {
      const [found, explained, record] = await Promise.all([
        feed.look(name, signal), call("Explain", { name }, { signal }), call("History", { name, pageSize: 200 }, { signal }).catch(noHistory),
      ]);
      card = found;
      note.hidden = true;
      draw(explained.deadlocks ?? []);
      drawPast(record);
    } catch (error) {
      if (over.signal.aborted || error.code === "silent") return; // the alarm says it
      note.hidden = false;
      text(note, error.code === "permission_denied" ? "The rules do not show you this lock." : error.message);
      if (error.code === "permission_denied" || error.code === "invalid_argument") text(sentence, "");
    } finally {
      asking = false;
      due = performance.now() + anyway;
    }
  }

  /** draw shows what the card says. */
  function draw(deadlocks) {
    times();
    const mayForce = card.holders.length > 0 && feed.may("RIGHT_ADMIN", name);
    if (force.hidden === mayForce) force.hidden = !mayForce;
    fill(holders, JSON.stringify([card.holders.map((one) => ({ ...one, owner: one.owner?.info })), card.of]), () => card.holders.length === 0
      ? blank(card.delayed ? "Nobody. It stays closed for a while, because its holder was lost." : "Nobody has it.")
      : card.holders.map(holder));
    drawQueue();
    fill(why, JSON.stringify([ways(), deadlocks]), () => [
      ...deadlocks.map((cycle) => circle(cycle)),
      el("ul", { class: "plain" }, ways().map((way) => el("li", { text: way }))),
    ]);
  }

  function drawPast(record) {
    const tenures = record ? [...(record.tenures ?? [])].reverse() : null;
    fill(past, JSON.stringify(tenures?.map((one) => [one.token, one.how, one.session])), () => history(tenures, record));
  }

  /** The sentence and all lengths of time, which change by themselves. */
  function times() {
    if (!card) return;
    text(sentence, sentenceOf(card));
    for (const one of node.querySelectorAll("[data-since]")) text(one, whole(now() - Number(one.dataset.since)));
  }

  function holder(one) {
    return el("div", { class: "card holder", "data-token": one.token, "data-session": one.session },
      el("div", { class: "card-head" }, who(one), card.ownerless ? chip("ownerless", "ownerless") : chip(state({ ...card, holders: [one] })[0], manner(one.mode, one.permits, card.of))),
      el("dl", { class: "facts" },
        one.since > 0 && [el("dt", { text: "For" }), el("dd", {}, since(one.since), el("span", { class: "quiet", text: ", since " + moment(one.since) }))],
        one.maxHold > 0 && [el("dt", { text: "At most" }), el("dd", { text: length(one.maxHold) })],
        one.count > 1 && [el("dt", { text: "Entered" }), el("dd", { text: count(one.count, "time") })],
        el("dt", { text: "Token" }), el("dd", {}, el("code", { text: one.token })),
        one.owner?.ttl && [el("dt", { text: "Session" }), el("dd", { text: `ends after ${length(millis(one.owner.ttl))} of silence` })],
        extras(one.owner?.info, one.info).map(([key, value]) => [el("dt", {}, el("bdi", { text: key })), el("dd", {}, el("bdi", { text: value }))])));
  }

  function drawQueue() {
    const first = card.queue.slice(0, shown);
    fill(queue, JSON.stringify([first.map((one) => [one.session, one.since]), card.waiters]), () => card.waiters === 0
      ? blank("Nobody waits.")
      : [
        el("ol", { class: "queue" }, first.map((one) => el("li", { "data-session": one.session },
          who(one), el("span", { class: "quiet" }, manner(one.mode, one.permits, card.of), ", for ", since(one.since)),
          one.names.length > 1 && el("span", { class: "also" }, "with ", one.names.filter((other) => other !== name).map(lockLink))))),
        card.waiters > first.length && (card.queue.length > shown
          ? el("button", { type: "button", class: "quiet", onclick: more, text: `Show more of ${number(card.waiters)}` })
          : el("p", { class: "note", text: `And ${number(card.waiters - first.length)} more.` })),
      ]);
  }

  function more() {
    shown = shown * 5;
    drawQueue();
  }

  /** ways are what will free it, for people. */
  function ways() {
    if (card.ownerless) return ["Whoever calls unlock frees it. It belongs to nobody, and never expires."];
    if (card.holders.length === 0) {
      if (card.delayed) return ["It opens by itself, when its lock-delay is over."];
      return card.waiters > 0 ? ["It passes on to the next in the queue in a moment."] : ["It is free: whoever asks has it at once."];
    }
    const several = card.holders.length > 1;
    const found = [];
    for (const one of card.holders.slice(0, 5)) {
      const name = several ? short(one) : "its holder";
      found.push(`When ${name} releases it.`);
      if (one.owner?.ttl) found.push(`Within ${length(millis(one.owner.ttl))} if ${name} is not heard of any more.`);
      if (one.maxHold && one.since) found.push(`At ${moment(one.since + one.maxHold)} in any case: ${name} may hold it no longer.`);
    }
    if (card.delayed) found.push("Then it stays closed until its lock-delay is over.");
    return found;
  }

  function take() {
    dialog?.close();
    dialog = askRelease(card, (what) => {
      say(what);
      done.hidden = false;
      text(done, what);
      if (!asking) ask();
    });
  }

  return {
    title: name,
    node,
    opened() {
      card = feed.picture.locks.get(name) ?? null;
      if (card) draw([]); // as it was a moment ago
      ask();
    },
    update() {
      if (!asking && feed.picture.last(name) !== last && performance.now() > due - anyway + calm) ask();
    },
    tick() {
      times();
      this.update();
      if (!asking && performance.now() >= due) ask();
    },
    close() {
      dialog?.close();
      over.abort();
    },
  };
}

const since = (moment) => el("span", { "data-since": moment, text: whole(now() - moment) });

function noHistory(error) {
  if (error.code === "silent") throw error;
  return null;
}

/** sentenceOf says in a line how a lock stands. */
function sentenceOf(card) {
  const waits = card.waiters > 0 ? ` ${count(card.waiters, "waits", "wait")} for it.` : "";
  if (card.ownerless) return "It is locked, and belongs to nobody." + waits;
  const [first, ...rest] = card.holders;
  if (!first) return (card.delayed ? "It is closed for a while: its holder was lost." : card.waiters > 0 ? "It is passing on." : "It is free.") + waits;
  const name = shorten(person(first.owner?.info, first.info)) || "session " + first.session;
  const long = first.since ? ` for ${whole(now() - first.since)}` : "";
  return `Held by ${name}${rest.length ? ` and ${count(rest.length, "other")}` : ""}${long}.${waits}`;
}

/** circle says a deadlock in words. */
export function circle(cycle) {
  const steps = cycle.steps ?? [];
  const sure = !steps.some((one) => one.possible);
  const name = (one) => exact({ session: one.session ?? "", owner: one });
  return el("div", { class: "deadlock", "data-deadlock": sure ? "certain" : "possible" },
    el("p", { class: "verdict", text: sure ? "A deadlock: none of these goes on by itself." : "Perhaps a deadlock: it is one if nobody lets go while waiting." }),
    el("ol", { class: "plain" }, steps.map((one, i) => el("li", {},
      el("bdi", { class: "strong", text: name(one) }), " waits for ", lockLink(one.waits ?? ""), ", which ",
      el("bdi", { class: "strong", text: name(steps[(i + 1) % steps.length]) }), " keeps."))));
}

/** history shows tenures, the newest first: a strip of time, and each in words. */
function history(tenures, record) {
  if (tenures === null) return blank("The nodes do not tell it now.");
  if (tenures.length === 0) return blank(record.complete ? "Nobody has had it so far." : "Nobody has had it as far back as the nodes remember.");
  const begins = record.complete ? "" : record.begins ? `Of the time before ${moment(instant(record.begins))} some is forgotten.` : "Some of it is forgotten.";
  return [
    strip(tenures),
    el("div", { class: "scroll", role: "region", "aria-label": "Who had it", tabindex: "0" },
      el("table", { id: "tenures" },
        el("thead", {}, el("tr", {}, ["Who", "From", "Waited", "Held", "How it ended"].map((one) => el("th", { scope: "col", text: one })))),
        el("tbody", {}, tenures.map((one) => {
          const from = instant(one.granted);
          const until = instant(one.ended);
          const lasts = !one.how;
          return el("tr", { "data-token": one.token ?? "", "data-ending": one.how ?? "ENDING_UNSPECIFIED" },
            el("td", {}, el("bdi", { text: one.session ? shorten(person(one.owner, one.info)) || "session " + one.session : "nobody’s own" })),
            el("td", { text: moment(from) }),
            el("td", { text: one.waited ? length(millis(one.waited)) : "–" }),
            el("td", {}, lasts && from ? since(from) : el("span", { text: until && from ? length(until - from) : "–" })),
            el("td", {}, lasts ? chip("exclusive", "holds it") : how(one)));
        })))),
    begins && el("p", { class: "note", text: begins }),
  ];
}

function how(tenure) {
  const by = tenure.by ? shorten(brief(tenure.byOwner), 60) || "session " + tenure.by : "";
  const bad = tenure.how !== "ENDING_RELEASED" && tenure.how !== "ENDING_CLOSED";
  const words = ending(tenure) + (by ? ` by ${by}` : "") + (tenure.reason ? `: ${tenure.reason}` : "");
  return el("bdi", { class: bad ? "bad" : null, text: words });
}

/** strip draws the times side by side. The table below says the same in words. */
function strip(tenures) {
  const known = tenures.filter((one) => instant(one.granted));
  const from = Math.min(...known.map((one) => instant(one.granted)));
  const until = now();
  if (known.length < 2 || until - from < 1000) return null;
  const wide = 1000;
  const x = (ms) => ((Math.min(ms, until) - from) / (until - from)) * wide;
  return el("figure", { class: "strip" },
    svg("svg", { viewBox: `0 0 ${wide} 22`, preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "ground", x: 0, y: 0, width: wide, height: 22, rx: 3 }),
      known.map((one) => {
        const begin = x(instant(one.granted));
        const end = one.how ? x(instant(one.ended) || until) : wide;
        const kind = !one.how ? "now" : one.how === "ENDING_RELEASED" || one.how === "ENDING_CLOSED" ? "good" : "bad";
        return svg("rect", { class: kind, x: begin, y: 0, width: Math.max(2.5, end - begin - 1), height: 22 });
      })),
    el("figcaption", {}, el("span", { text: moment(from) }), el("span", { text: "now" })));
}
