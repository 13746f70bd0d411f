// Who is there: all sessions, and one of them with what it holds and waits for.

import { call, now } from "./api.js";
import { el, fill, sessionHref, text } from "./dom.js";
import { blank, chip, lockLink, section, state } from "./people.js";
import { cardOf } from "./picture.js";
import { count, extras, instant, length, manner, millis, moment, number, person, shorten, whole } from "./words.js";
import { Rows } from "./rows.js";

const most = 20_000; // sessions that are listed
const listEvery = 5000;

export function sessions(feed) {
  const sum = el("p", { class: "sum", id: "sum" });
  const note = el("p", { class: "note", id: "note", hidden: true });
  const box = el("div", { class: "rows people", id: "people", role: "list", tabindex: "0", "aria-label": "Sessions, the oldest first" });
  const node = el("div", { class: "view tall" },
    el("div", { class: "head" }, el("h1", { tabindex: "-1", text: "Sessions" }), sum), note,
    el("div", { class: "row columns", "aria-hidden": "true" },
      el("span", { text: "Who" }), el("span", { text: "Holds" }), el("span", { text: "Waits" }), el("span", { text: "Heard" }), el("span", { text: "Since" })),
    el("div", { class: "sheet" }, box));
  const sheet = node.lastChild;
  const rows = new Rows(box, { make, draw });
  const ending = new AbortController();
  let all = [];
  let at = 0; // when they were heard as their cards say
  let asking = false;
  let due = 0;

  async function ask() {
    if (!feed.mayAll("RIGHT_READ")) {
      refused();
      return;
    }
    asking = true;
    try {
      const found = [];
      let page = "";
      do {
        const answer = await call("ListSessions", { pageSize: 400, pageToken: page }, { signal: ending.signal });
        found.push(...(answer.sessions ?? []));
        page = answer.nextPageToken ?? "";
      } while (page && found.length < most);
      all = found;
      at = Date.now();
      note.hidden = !page;
      text(note, page ? `There are more: these are the oldest ${number(most)}.` : "");
      text(sum, count(all.length, "session"));
      rows.show(all.length);
    } catch (error) {
      if (!ending.signal.aborted && error.code === "permission_denied") refused();
    } finally {
      asking = false;
      due = performance.now() + listEvery;
    }
  }

  function refused() {
    due = Infinity;
    note.hidden = false;
    text(note, "Sessions are shown to those who may read all locks.");
    sheet.hidden = sheet.previousSibling.hidden = true;
  }

  function make() {
    const row = el("div", { class: "row", role: "listitem" });
    row.parts = { name: el("a", { class: "who-is", dir: "auto" }), holds: el("span"), waits: el("span"), heard: el("span"), since: el("span") };
    const { name, holds, waits, heard, since } = row.parts;
    const cell = (key, word, part) => el("span", { class: key }, el("span", { class: "word", text: word }), part);
    row.append(name, " ", cell("holds", "holds ", holds), " ", cell("waits", "waits ", waits), " ", cell("heard", "heard ", heard), " ", cell("long", "there for ", since));
    return row;
  }

  function draw(row, i) {
    const one = all[i];
    const { name, holds, waits, heard, since } = row.parts;
    row.dataset.session = one.session;
    row.setAttribute("aria-setsize", all.length);
    row.setAttribute("aria-posinset", i + 1);
    name.href = sessionHref(one.session);
    text(name, shorten(person(one.info), 200) || "session " + one.session);
    text(holds, number(one.holds ?? 0));
    text(waits, number(one.waits ?? 0));
    holds.parentNode.toggleAttribute("data-none", !one.holds);
    waits.parentNode.toggleAttribute("data-none", !one.waits);
    const silent = millis(one.heard) + Date.now() - at;
    text(heard, one.heard ? whole(silent) + " ago" : "not yet");
    heard.parentNode.toggleAttribute("data-late", one.heard && silent > millis(one.ttl) / 2);
    text(since, whole(now() - instant(one.since)));
  }

  return {
    title: "Sessions",
    node,
    opened: ask,
    update() {},
    tick() {
      rows.show();
      if (!asking && performance.now() >= due && (feed.state === "live" || feed.state === "glancing")) ask();
    },
    close() {
      ending.abort();
      rows.close();
    },
  };
}

export function session(feed, id) {
  const title = el("h1", { tabindex: "-1" }, el("bdi", { text: "Session " + id }));
  const facts = el("dl", { class: "facts" });
  const held = el("div");
  const wanted = el("div");
  const gone = el("p", { class: "note", id: "gone", hidden: true, role: "status" });
  const node = el("div", { class: "view" },
    el("nav", { class: "crumbs", "aria-label": "Where this is" }, el("a", { href: "#/sessions", text: "Sessions" })),
    el("div", { class: "head" }, title), gone, facts, section("held", "Holds", held), section("wanted", "Waits for", wanted));
  const ending = new AbortController();
  let asking = false;
  let due = 0;
  let told = 0;

  async function ask() {
    asking = true;
    ({ told } = feed.picture);
    try {
      const answer = await call("ShowSession", { session: id }, { signal: ending.signal });
      show(answer.session, (answer.locks ?? []).map(cardOf), answer.more ?? false);
      gone.hidden = true;
    } catch (error) {
      if (ending.signal.aborted) return;
      if (error.code === "silent" || error.code === "unavailable") return; // the alarm says it
      gone.hidden = false;
      text(gone, error.code === "not_found" ? "There is no such session any more: it was closed, or ended in silence. All that it held is free."
        : error.code === "permission_denied" ? "The rules do not show you this session." : error.message);
      if (error.code === "not_found") {
        fill(held, "none", () => blank("Nothing."));
        fill(wanted, "none", () => blank("Nothing."));
      }
    } finally {
      asking = false;
      due = performance.now() + listEvery;
    }
  }

  function show(card, cards, more) {
    text(title.firstChild, shorten(person(card.info)) || "Session " + id);
    const rest = extras(card.info);
    fill(facts, JSON.stringify(card), () => [
      ...fact("Session", el("code", { text: id })),
      ...fact("Since", `${moment(instant(card.since))}, for ${length(now() - instant(card.since))}`),
      ...fact("Last heard", card.heard ? length(millis(card.heard)) + " ago" : "not yet by this primary"),
      ...fact("Ends after", `${length(millis(card.ttl))} of silence`),
      ...rest.flatMap(([key, value]) => fact(key, el("bdi", { text: value }))),
    ]);
    const holds = cards.filter((one) => one.holders.some((holder) => holder.session === id));
    const waits = cards.filter((one) => one.queue.some((waiter) => waiter.session === id));
    const key = JSON.stringify([cards.map((one) => [one.name, one.waiters, one.holders, one.queue.length]), more]);
    fill(held, key, () => holds.length === 0 ? blank("Nothing.") : lines(holds, (one) => {
      const grant = one.holders.find((holder) => holder.session === id);
      return [chip(state(one)[0], manner(grant.mode, grant.permits, one.of)), el("span", { class: "quiet", text: "since " + moment(grant.since) }),
        one.waiters > 0 && el("span", { class: "waits", "data-some": true, text: count(one.waiters, "waits", "wait") })];
    }, more));
    fill(wanted, key, () => waits.length === 0 ? blank("Nothing.") : lines(waits, (one) => {
      const place = one.queue.findIndex((waiter) => waiter.session === id);
      return [el("span", { text: place === 0 ? "the next" : `number ${place + 1} in the queue` }), el("span", { class: "quiet", text: "since " + moment(one.queue[place].since) })];
    }, more));
  }

  return {
    title: "Session " + id,
    node,
    opened: ask,
    update() {
      const { events } = feed.picture;
      if (!asking && performance.now() > due - listEvery + 1000 && events.some((one) => one.order > told && one.session === id)) ask();
    },
    tick() {
      if (!asking && performance.now() >= due) ask();
    },
    close: () => ending.abort(),
  };
}

const fact = (name, value) => [el("dt", { text: name }), el("dd", {}, value)];

function lines(cards, beside, more) {
  return [
    el("ul", { class: "lines" }, cards.map((one) => el("li", { "data-name": one.name }, lockLink(one.name), ...beside(one).filter(Boolean)))),
    more && el("p", { class: "note", text: "There are more." }),
  ];
}
