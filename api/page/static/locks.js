// All locks, as a tree by name, live. However many there are, only the rows that are
// seen are in the document.

import { now } from "./api.js";
import { attribute, el, lockHref, text } from "./dom.js";
import { short, state } from "./people.js";
import { most } from "./picture.js";
import { Rows } from "./rows.js";
import { Tree } from "./tree.js";
import { count, list, number, whole } from "./words.js";

const few = 60; // locks at which all folders are open at first
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// What outlives the view: coming back from a lock, one is where one was.
const kept = { open: new Map(), filter: "", waited: false, active: "", top: 0 };

export function locks(feed) {
  const sum = el("p", { class: "sum", id: "sum" });
  const filter = el("input", { type: "search", id: "filter", placeholder: "Filter by name", autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  filter.value = kept.filter;
  const waited = el("input", { type: "checkbox", id: "waited" });
  waited.checked = kept.waited;
  const note = el("p", { class: "note", id: "note", hidden: true });
  const nothing = el("p", { class: "blank", id: "nothing", hidden: true });
  const box = el("div", { class: "rows", id: "tree", role: "tree", tabindex: "0", "aria-label": "Locks by name" });
  const node = el("div", { class: "view tall" },
    el("div", { class: "head" }, el("h1", { tabindex: "-1", text: "Locks" }), sum),
    el("div", { class: "tools" },
      el("label", { class: "field" }, el("span", { class: "unseen", text: "Filter by name" }), filter),
      el("label", { class: "check" }, waited, el("span", { text: "Waited for" })),
      el("span", { class: "spring" }),
      el("button", { type: "button", id: "open-all", onclick: () => openAll(true), text: "Open all" }),
      el("button", { type: "button", id: "close-all", onclick: () => openAll(false), text: "Close all" })),
    note,
    el("div", { class: "row columns", "aria-hidden": "true" },
      el("span", { text: "Name" }), el("span", { text: "How" }), el("span", { text: "Held by" }), el("span", { text: "For" }), el("span", { text: "Waiting" })),
    el("div", { class: "sheet" }, nothing, box));

  let tree = new Tree([], () => 0, () => false);
  let active = kept.active;
  let built = { shape: -1, version: -1 };
  let took = 0; // milliseconds of the last building
  let due = 0;
  let timer = 0;
  let unfold = null; // what folders do that nobody has opened or closed
  const rows = new Rows(box, { make, draw });

  filter.addEventListener("input", () => { kept.filter = filter.value; rebuild(); });
  filter.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); box.focus(); }
    if (event.key === "Enter" && filter.value && feed.picture.locks.has(filter.value)) location.hash = lockHref(filter.value);
  });
  waited.addEventListener("change", () => { kept.waited = waited.checked; rebuild(); });
  box.addEventListener("scroll", () => { kept.top = box.scrollTop; repairSeen(); }, { passive: true });
  box.addEventListener("keydown", press);
  box.addEventListener("focus", () => activate(Math.max(0, tree.indexOf(active))));
  box.addEventListener("click", (event) => {
    const row = event.target.closest("[role=treeitem]");
    if (!row) return;
    const i = Number(row.dataset.row);
    activate(i);
    if (tree.rows[i].folder) toggle(i);
    else if (!event.target.closest("a")) location.hash = lockHref(tree.rows[i].name);
  });

  function openAll(open) {
    unfold = open;
    kept.open.clear();
    rebuild();
  }

  function isOpen(folder) {
    if (filter.value || waited.checked) return kept.open.get(folder) ?? unfold ?? true;
    return kept.open.get(folder) ?? unfold ?? feed.picture.locks.size <= few;
  }

  function chosen() {
    const { picture } = feed;
    const part = filter.value.toLowerCase();
    if (!part && !waited.checked) return picture.names;
    return picture.names.filter((name) => (!part || name.toLowerCase().includes(part)) && (!waited.checked || picture.locks.get(name).waiters > 0));
  }

  /** rebuild makes the rows anew. It costs little, and is done so seldom that it never adds up. */
  function rebuild() {
    clearTimeout(timer);
    timer = 0;
    const began = performance.now();
    const { picture } = feed;
    built = { picture, shape: picture.shape, version: picture.version };
    const names = chosen();
    tree = new Tree(names, (name) => picture.locks.get(name).waiters, isOpen);
    rows.show(tree.rows.length);
    const waits = tree.sums[names.length];
    const all = picture.locks.size;
    text(sum, feed.listed ? (names.length === all ? count(all, "lock") : `${number(names.length)} of ${count(all, "lock")}`) + (waits ? `, ${number(waits)} waiting` : "") : "Listing…");
    const part = feed.mayAll("RIGHT_READ") ? "" : `These are the locks that you may read: ${list((feed.me?.may ?? []).map((one) => one.pattern ?? ""))}.`;
    const cut = picture.cut ? `There are more: these are the first ${number(most)} by name. lockc ls shows the rest.` : "";
    text(note, `${part} ${cut}`.trim());
    note.hidden = note.textContent === "";
    nothing.hidden = names.length > 0 || !feed.listed;
    text(nothing, all === 0 ? "Nothing is locked, and nobody waits." : "No name is like that.");
    box.hidden = names.length === 0;
    mark();
    repairSeen();
    took = performance.now() - began;
    due = began + Math.max(200, 20 * took);
  }

  function repairSeen() {
    const [from, to] = rows.seen;
    feed.want(tree.rows.slice(from, to).filter((row) => !row.folder).map((row) => row.name));
  }

  function make() {
    const row = el("div", { class: "row", role: "treeitem" });
    row.parts = {
      twist: el("i", { class: "twist", "aria-hidden": "true" }),
      label: el("a", { class: "name", tabindex: "-1", dir: "auto" }),
      how: el("span", { class: "how" }), heldBy: el("span", { class: "unseen", text: "held by " }), by: el("bdi"),
      long: el("span", { class: "long", "aria-hidden": "true" }), waits: el("span"),
    };
    const { twist, label, how, heldBy, by, long, waits } = row.parts;
    row.parts.wait = el("span", { class: "waits" }, waits, el("span", { class: "word", text: " waiting" }));
    row.append(el("span", { class: "first" }, twist, label), " ", how, " ", el("span", { class: "by" }, heldBy, by), " ", long, row.parts.wait);
    return row;
  }

  function draw(node, i) {
    const row = tree.rows[i];
    const { label, how, heldBy, by, long, waits, wait } = node.parts;
    const fresh = node.key !== row.key;
    node.key = row.key;
    node.id = "row-" + i;
    node.dataset.row = i;
    node.dataset.kind = row.folder ? "folder" : "lock";
    attribute(node, "data-name", row.name);
    attribute(node, "aria-level", row.level);
    attribute(node, "aria-posinset", row.place);
    attribute(node, "aria-setsize", row.of);
    attribute(node, "aria-expanded", row.folder ? String(row.open) : null);
    attribute(node, "aria-selected", String(row.key === active));
    node.style.setProperty("--level", Math.min(row.level - 1, 12));
    text(label, row.label);
    const waiters = row.folder ? row.waiters : feed.picture.locks.get(row.name)?.waiters ?? 0;
    text(waits, waiters ? number(waiters) : "");
    attribute(wait, "data-some", waiters ? "" : null);
    if (row.folder) {
      heldBy.hidden = true;
      label.removeAttribute("href");
      text(how, "");
      attribute(how, "data-kind", null);
      text(by, count(row.locks, "lock"));
      text(long, "");
      node.token = "";
      return;
    }
    attribute(label, "href", lockHref(row.name));
    const card = feed.picture.locks.get(row.name);
    if (!card) return; // it has just gone; the rows follow in a moment
    const [kind, word] = state(card);
    const [first] = card.holders;
    const holder = first ? short(first) + (card.holders.length > 1 ? ` and ${card.holders.length - 1} more` : "") : "";
    text(how, word);
    attribute(how, "data-kind", kind);
    text(by, holder);
    text(long, first?.since ? whole(now() - first.since) : "");
    heldBy.hidden = !first;
    const token = first?.token ?? "";
    if (!fresh && node.token !== token && !calm.matches) {
      node.animate([{ backgroundColor: "var(--flash)" }, { backgroundColor: "transparent" }], { duration: 900, easing: "ease-out" });
    }
    node.token = token;
  }

  // The keyboard: as trees work everywhere.

  let typed = "";
  let typedAt = 0;

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || tree.rows.length === 0) return;
    const i = Math.max(0, tree.indexOf(active));
    const row = tree.rows[i];
    const end = tree.rows.length - 1;
    const moves = {
      ArrowDown: () => i + 1, ArrowUp: () => i - 1, Home: () => 0, End: () => end, PageDown: () => i + rows.page, PageUp: () => i - rows.page,
    };
    if (moves[event.key]) {
      activate(Math.min(end, Math.max(0, moves[event.key]())));
    } else if (event.key === "ArrowRight") {
      if (row.folder && !row.open) toggle(i);
      else if (row.folder) activate(Math.min(end, i + 1));
    } else if (event.key === "ArrowLeft") {
      if (row.folder && row.open) toggle(i);
      else if (tree.parentOf(i) >= 0) activate(tree.parentOf(i));
    } else if (event.key === "Enter" || event.key === " ") {
      if (row.folder) toggle(i);
      else location.hash = lockHref(row.name);
    } else if (event.key === "*") {
      for (const one of tree.rows) if (one.folder && one.level === row.level) kept.open.set(one.name, true);
      rebuild();
    } else if (event.key.length === 1) {
      find(event.key, i);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** find goes to the next row that begins with what is typed. */
  function find(letter, from) {
    typed = (performance.now() - typedAt < 700 ? typed : "") + letter.toLowerCase();
    typedAt = performance.now();
    for (let n = typed.length > 1 ? 0 : 1; n <= tree.rows.length; n++) {
      const i = (from + n) % tree.rows.length;
      if (tree.rows[i].label.toLowerCase().startsWith(typed)) return activate(i);
    }
  }

  function toggle(i) {
    const row = tree.rows[i];
    kept.open.set(row.name, !row.open);
    active = kept.active = row.key;
    rebuild();
  }

  function activate(i) {
    const row = tree.rows[i];
    if (!row) return;
    active = kept.active = row.key;
    rows.reveal(i);
    rows.show();
    mark();
  }

  /** mark tells who reads along which row is active, while it is there. */
  function mark() {
    const i = tree.indexOf(active);
    attribute(box, "aria-activedescendant", rows.node(i) ? "row-" + i : null);
  }

  return {
    title: "Locks",
    node,
    opened() {
      rebuild();
      box.scrollTop = kept.top;
    },
    update() {
      const { picture } = feed;
      if (picture !== built.picture || picture.shape !== built.shape || picture.version !== built.version) {
        if (!timer) timer = setTimeout(rebuild, Math.max(0, due - performance.now()));
      }
    },
    tick: () => rows.show(),
    close() {
      clearTimeout(timer);
      rows.close();
    },
  };
}
