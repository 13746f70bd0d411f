// The locks as the page knows them: from lists, which are true of the moment at
// which the node made them, and from events, which come in order. Pure.
//
// The two overlap: of what happens while a list is under way some is in it already,
// and some of it the list has not seen yet. So
//
//   P1  applying an event twice is applying it once: grants are told apart by their
//       tokens, waits by their session and the moment at which they began;
//   P2  a card that was asked for before an event of that lock came may be older than
//       the event, or not: what came since it was asked for is applied to it again;
//   P3  what an event does not tell (permits, who somebody is) makes a card rough:
//       it is asked for anew before anybody relies on it.

import { instant, millis } from "./words.js";

/** most is how many locks are kept: the first ones, by name. */
export const most = 50_000;

/** acquainted is how many sessions are known by name at most, besides those that cards name. */
export const acquainted = 10_000;

/** remembered is how many of the last events are. */
const remembered = 100;

export class Picture {
  locks = new Map(); // cards by name
  people = new Map(); // infos of sessions, as far as they were seen
  events = []; // the last ones, the newest first
  told = 0; // how many events there were
  cut = false; // there are more locks than are kept
  version = 0; // rises with each change
  shape = 0; // rises when a name comes or goes
  met = 0; // rises when somebody becomes known
  #names = null; // in order, while they are known
  #round = 0; // of listing
  #recent = new Map(); // the last events by names, the oldest first

  /** names are all names, in order. */
  get names() {
    this.#names ??= [...this.locks.keys()].sort();
    return this.#names;
  }

  /** begin begins a round of listing; who is not met in it will be forgotten. */
  begin() {
    this.#round++;
    this.cut = false;
  }

  /** list takes a page that was asked for when `told` was `asked`. */
  list(cards, asked) {
    for (const card of cards) this.take(cardOf(card), asked);
  }

  /** take takes one card that was asked for when `told` was `asked` (P2). */
  take(card, asked) {
    this.#meet(card);
    for (const event of this.#recent.get(card.name) ?? []) if (event.order > asked) change(card, event, this);
    this.#keep(card);
  }

  /** end ends a round: what was not met is not there any more. */
  end(within = () => true) {
    this.#names = null; // many may go
    for (const [name, card] of this.locks) {
      if (card.round !== this.#round && within(name)) this.#drop(name);
    }
  }

  /** apply takes an event (P1). */
  apply(event) {
    this.told++;
    this.version++;
    const one = { ...event, at: instant(event.at), order: this.told };
    this.events.unshift(one);
    if (this.events.length > 2 * remembered) this.events.length = remembered;
    if (!event.name) return;
    const known = this.#recent.get(event.name);
    if (known) known.push(one);
    else this.#recent.set(event.name, [one]);
    const card = this.locks.get(event.name) ?? blank(event.name);
    change(card, one, this);
    this.#keep(card);
    if (this.told % 4096 === 0) this.#forget();
  }

  /** #forget forgets events that are older than all that may be under way. */
  #forget() {
    for (const [name, events] of this.#recent) {
      const young = events.filter((one) => one.order > this.told - 20_000);
      if (young.length > 0) this.#recent.set(name, young);
      else this.#recent.delete(name);
    }
  }

  /** last is when a lock was last told of, by `told`. */
  last(name) {
    return this.#recent.get(name)?.at(-1).order ?? 0;
  }

  /** latest are the last events, the newest first. */
  latest(n) {
    return this.events.slice(0, Math.min(n, remembered));
  }

  #keep(card) {
    if (idle(card)) this.#drop(card.name);
    else this.#put(card);
  }

  #put(card) {
    if (!this.locks.has(card.name)) {
      if (this.locks.size >= most) {
        this.cut = true;
        return;
      }
      this.#names?.splice(this.#rank(card.name), 0, card.name);
      this.shape++;
    }
    card.round = this.#round;
    this.locks.set(card.name, card);
    this.version++;
  }

  /** #rank is where a name stands among all, or would stand. */
  #rank(name) {
    let [from, to] = [0, this.#names.length];
    if (to > 0 && this.#names[to - 1] < name) return to; // those of a list come in order
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#names[middle] < name) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #drop(name) {
    if (!this.locks.delete(name)) return;
    this.#names?.splice(this.#rank(name), 1);
    this.shape++;
    this.version++;
  }

  /**
   * meet notes what a session says of itself. Who is gone is kept for a while, since the
   * events still name them; who was met the longest ago is forgotten, and asked for again.
   */
  meet(session, info = {}) {
    if (!this.people.delete(session)) this.met++;
    this.people.set(session, info);
    if (this.people.size <= acquainted) return;
    let many = acquainted / 10; // at once: the first of a map is far to seek when those before it have gone
    for (const one of this.people.keys()) {
      if (many-- === 0) break;
      this.people.delete(one);
    }
  }

  #meet(card) {
    for (const one of [...card.holders, ...card.queue]) {
      if (one.session && one.owner) this.meet(one.session, one.owner.info);
    }
  }

}

const blank = (name) => ({ name, holders: [], queue: [], waiters: 0, ownerless: false, delayed: false, of: 0, rough: true });

const idle = (card) => card.holders.length === 0 && card.waiters === 0 && !card.delayed;

/** change applies an event to a card. */
function change(card, event, picture) {
  changes[event.kind]?.(card, event, picture);
  card.waiters = Math.max(card.waiters, card.queue.length);
}

const changes = {
  KIND_ACQUIRED(card, event, picture) {
    leaveQueue(card, event.session);
    if (card.holders.some((one) => one.token === event.token)) return;
    card.ownerless = !event.session;
    const known = picture.people.get(event.session);
    if (event.mode === "MODE_PERMITS" || (event.session && !known)) card.rough = true;
    card.holders.push({
      session: event.session ?? "", token: event.token, mode: event.mode, permits: 0, count: 1, since: event.at,
      maxHold: millis(event.span), info: {}, owner: known ? { info: known } : null,
    });
  },
  KIND_RELEASED: letGo,
  KIND_EXPIRED: lost,
  KIND_REVOKED: lost,
  KIND_OVERHELD: lost,
  KIND_REOPENED(card) {
    card.delayed = false;
    card.rough = true; // another loss may keep it closed
  },
  KIND_WAIT_BEGAN(card, event, picture) {
    if (card.queue.some((one) => one.session === event.session && one.since === event.at)) return;
    const known = picture.people.get(event.session);
    if (event.mode === "MODE_PERMITS" || !known) card.rough = true;
    card.waiters++;
    card.queue.push({
      session: event.session ?? "", mode: event.mode, permits: 0, since: event.at, names: [], info: {},
      owner: known ? { info: known } : null,
    });
  },
  KIND_WAIT_ENDED(card, event) {
    leaveQueue(card, event.session);
  },
};

function letGo(card, event) {
  card.holders = card.holders.filter((one) => one.token !== event.token);
  if (card.holders.length === 0) {
    card.ownerless = false;
    card.of = card.queue.length === 0 ? 0 : card.of;
  }
}

function lost(card, event) {
  letGo(card, event);
  if (event.span) card.delayed = true;
}

/** leaveQueue ends the oldest wait of a session; of several it may have been another. */
function leaveQueue(card, session) {
  const mine = card.queue.filter((one) => one.session === session);
  const unseen = card.waiters > card.queue.length;
  if (unseen || mine.length > 1) card.rough = true;
  if (mine.length > 0) {
    const oldest = mine.reduce((a, b) => (b.since < a.since ? b : a));
    card.queue.splice(card.queue.indexOf(oldest), 1);
  }
  if (mine.length > 0 || unseen) card.waiters--;
}

/** cardOf reads a card as the node sends it: what is absent is zero. */
export function cardOf(sent) {
  return {
    name: sent.name ?? "", ownerless: sent.ownerless ?? false, delayed: sent.delayed ?? false, of: sent.of ?? 0,
    waiters: sent.waiters ?? 0, rough: false,
    holders: (sent.holders ?? []).map((one) => ({
      session: one.session ?? "", token: one.token, mode: one.mode, permits: one.permits ?? 0, count: one.count ?? 1,
      since: instant(one.since), maxHold: millis(one.maxHold), info: one.info ?? {}, owner: one.owner ?? null,
    })),
    queue: (sent.queue ?? []).map((one) => ({
      session: one.session ?? "", mode: one.mode, permits: one.permits ?? 0, since: instant(one.since),
      names: one.names ?? [], info: one.info ?? {}, owner: one.owner ?? null,
    })),
  };
}
