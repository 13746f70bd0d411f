// How people, locks and their states look, wherever they stand.

import { el, link, lockHref, lockName, sessionHref } from "./dom.js";
import { brief, manner, person, process, shorten } from "./words.js";

/** who shows who has or wants a lock, in a line, with the way to their session. */
export function who(one, { linked = true } = {}) {
  if (!one.session) return el("span", { class: "who-is nobody", text: "nobody’s own" });
  const name = person(one.owner?.info, one.info) || "session " + one.session;
  const shown = el("bdi", { text: shorten(name, 160) });
  return linked ? el("a", { class: "who-is", href: sessionHref(one.session), title: name }, shown) : el("span", { class: "who-is", title: name }, shown);
}

/** short names somebody in a few letters, for where there is little room. */
export const short = (one) => named(one, brief);

/** exact names somebody apart from others of the same user and host, as far as names have room. */
export const exact = (one) => named(one, process);

const named = (one, say) => (one.session ? shorten(say(one.owner?.info, one.info), 60) || "session " + one.session.replace(/^0+/, "") : "nobody’s own");

/** state is that of a lock: a key for the style, and the word beside its colour. */
export function state(card) {
  if (card.ownerless) return ["ownerless", "ownerless"];
  const [first] = card.holders;
  if (!first) return card.delayed ? ["closed", "closed"] : card.waiters > 0 ? ["passing", "passing on"] : ["free", "free"];
  if (first.mode === "MODE_SHARED") return ["shared", card.holders.length > 1 ? `shared by ${card.holders.length}` : "shared"];
  if (first.mode === "MODE_PERMITS") {
    const used = card.holders.reduce((sum, one) => sum + one.permits, 0);
    return ["permits", used && card.of ? manner("MODE_PERMITS", used, card.of) : "permits"];
  }
  return ["exclusive", "exclusive"];
}

/** chip is a word with a colour. */
export function chip(kind, word) {
  return el("span", { class: "chip", "data-kind": kind, text: word });
}

/** lockLink is a lock's name and the way to it. */
export function lockLink(name) {
  return link(lockHref(name), lockName(name));
}

/** section is a part of a view with its heading. */
export function section(id, title, ...children) {
  return el("section", { class: "part", id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title", text: title }), ...children);
}

/** blank says that there is nothing, and what that means. */
export const blank = (words) => el("p", { class: "blank", text: words });
