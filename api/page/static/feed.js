// The feed keeps a picture up to date, and says whether it is.
//
// It watches first and lists then, so that nothing falls between the two. When the
// stream breaks, or has missed something, it begins again. Where more happens than
// a page can draw, it lists now and then instead of watching. While nobody sees the
// page it asks for nothing: browsers have few connections to one node, for all tabs.

import { call, Failure, pause, stream, token } from "./api.js";
import { cardOf, most, Picture } from "./picture.js";

const pageSize = 400; // locks of one answer: a few milliseconds to read
const slice = 6; // milliseconds of work between which the browser gets its turn
const busy = 1500; // events a second, for calmAfter: too many to be drawn one by one
const calmAfter = 2000;
const quietMost = 120_000; // a stream that is as silent is begun anew: who knows whether it is alive
const asleep = 10_000; // a second that takes as long has seen the machine sleep
const glanceEvery = 5000; // then it lists so often
const glances = 12; // and after so many tries to watch again, if it is not calm before
const statusEvery = 2000;
const reignsEvery = 15_000;
const retryFirst = 500;
const retryMost = 5000;
const mostStreams = 3; // one for each prefix that may be read; further ones are listed now and then
const repairs = 6; // rough cards that are asked for at once

export class Feed extends EventTarget {
  picture = new Picture();
  /** starting, live, glancing, lost, signin or forbidden. */
  state = "starting";
  trouble = ""; // why it is lost or forbidden
  silent = false; // lost, and the node does not answer at all
  listed = false; // the picture has been whole once
  since = 0; // when it was last known to be true
  me = null; // who looks: { principal, may }
  status = null;
  reigns = null;
  deadlocks = [];
  rate = 0; // events in the last second; while it glances, what the nodes have ordered in one
  rates = []; // of the last minute, the newest last

  #running = null; // ends what is under way
  #again = retryFirst;
  #count = 0;
  #pace = 0; // entries that the nodes order in a second
  #ordered = null; // how many there were, and when
  #rough = new Set(); // names that somebody wants to be exact
  #strangers = new Set(); // sessions that somebody wants to know
  #repairing = 0;
  #listing = Promise.resolve();
  #searched = -1; // the version of the picture when circles were looked for
  #waking = null;
  #ticked = Date.now();

  start() {
    document.addEventListener("visibilitychange", () => this.#seen());
    addEventListener("online", () => this.#wake());
    setInterval(() => this.#second(), 1000);
    this.#seen();
  }

  /** restart begins anew, as somebody else perhaps. */
  restart() {
    this.me = null;
    this.status = null;
    this.reigns = null;
    this.#forget();
    this.#stop();
    this.#to("starting");
    this.#seen();
  }

  #forget() {
    this.picture = new Picture();
    this.listed = false;
    this.deadlocks = [];
    this.#searched = -1;
  }

  /** may reports whether whoever looks has a right to a lock. */
  may(right, name) {
    return (this.me?.may ?? []).some((one) => includes(one, right) && (one.pattern === name || covers(one.pattern ?? "", name)));
  }

  /** mayAll reports whether whoever looks has a right to everything. */
  mayAll(right) {
    return (this.me?.may ?? []).some((one) => includes(one, right) && one.pattern === "*");
  }

  /** want asks for exact cards of names that are being looked at. */
  want(names) {
    for (const name of names) if (this.picture.locks.get(name)?.rough) this.#rough.add(name);
    this.#repair();
  }

  /** meet asks who sessions are that are not known yet. */
  meet(sessions) {
    if (!this.mayAll("RIGHT_READ")) return;
    for (const one of sessions) if (one && !this.picture.people.has(one)) this.#strangers.add(one);
    this.#repair();
  }

  /** look asks for one lock, and keeps its card. */
  async look(name, signal) {
    const { picture } = this;
    const asked = picture.told;
    const { lock } = await call("ShowLock", { name }, { signal });
    const card = cardOf(lock);
    if (picture === this.picture && this.may("RIGHT_READ", name)) picture.take(card, asked);
    this.#changed();
    return card;
  }

  // Beginning and ending.

  #seen() {
    if (document.hidden) {
      this.#stop();
    } else if (!this.#running) {
      this.#ticked = Date.now();
      if (this.state !== "signin") this.#to("starting");
      this.#run();
    }
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
  }

  #wake() {
    this.#waking?.();
  }

  async #run() {
    const running = new AbortController();
    this.#running = running;
    const { signal } = running;
    while (!signal.aborted) {
      try {
        await this.#once(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error);
        if (this.state === "signin") {
          this.#stop();
          return;
        }
      }
      await this.#rest(signal);
    }
  }

  #failed(error) {
    if (!(error instanceof Failure)) console.error(error);
    this.trouble = error.message;
    this.silent = error.code === "silent";
    switch (error.code) {
      case "unauthenticated":
        this.#to("signin");
        break;
      case "permission_denied":
        this.#to("forbidden");
        break;
      default:
        this.#to("lost");
    }
  }

  async #rest(signal) {
    const wait = this.#again * (0.75 + Math.random() / 2);
    this.#again = Math.min(retryMost, this.#again * 1.6);
    const waking = new AbortController();
    this.#waking = () => waking.abort();
    await pause(wait, AbortSignal.any([signal, waking.signal])).catch(() => {});
  }

  /** #once begins, and goes on until something fails or asks for beginning again. */
  async #once(outer) {
    const inner = new AbortController();
    const end = () => inner.abort();
    outer.addEventListener("abort", end, { once: true });
    const { signal } = inner;
    try {
      const me = await call("WhoAmI", {}, { signal });
      if (this.me && JSON.stringify(me) !== JSON.stringify(this.me)) this.#forget(); // not all of it may be seen any more
      this.me = me;
      await this.#askStatus(signal);
      const prefixes = this.#prefixes();
      if (prefixes.length === 0) throw new Failure("permission_denied", "the rules let you read no lock", false);
      await Promise.race([this.#follow(prefixes, signal), this.#heartbeat(signal)]);
    } finally {
      outer.removeEventListener("abort", end);
      inner.abort();
    }
  }

  /** #prefixes is what may be read: "" is everything; a single lock is its name. */
  #prefixes() {
    const patterns = (this.me.may ?? []).map((one) => one.pattern ?? "");
    const all = [...new Set(patterns)].filter((one) => !patterns.some((other) => other !== one && covers(other, one)));
    return all.map((one) => ({ prefix: one.replace(/\*$/, ""), whole: one.endsWith("*") }));
  }

  // Following what happens.

  async #follow(prefixes, signal) {
    const watched = prefixes.filter((one) => one.whole).slice(0, mostStreams);
    const listed = prefixes.filter((one) => !watched.includes(one));
    for (;;) {
      const inner = new AbortController();
      const both = AbortSignal.any([signal, inner.signal]);
      const all = watched.map(({ prefix }) => this.#watch(prefix, both));
      if (listed.length > 0) all.push(this.#glance(listed, Infinity, both));
      try {
        await Promise.race(all);
      } finally {
        inner.abort();
      }
      await this.#glance(prefixes, glances, signal);
    }
  }

  /** #watch goes on until too much happens. */
  async #watch(prefix, signal) {
    while (!(await this.#watchOnce(prefix, signal)));
  }

  /**
   * #watchOnce follows one stream. It reports whether more happens than a page can
   * take; else the stream has said nothing for so long that it may be dead.
   */
  async #watchOnce(prefix, outer) {
    const inner = new AbortController();
    const signal = AbortSignal.any([outer, inner.signal]);
    const meter = new Meter();
    let lists = 0; // under way
    let quiet = 0;
    try {
      for await (const messages of stream("Watch", { prefix }, signal)) {
        clearTimeout(quiet);
        quiet = setTimeout(() => inner.abort(silence), quietMost);
        for (const message of messages) {
          if (message.began || message.missed) {
            if (lists++ > 1) return true;
            this.#list([{ prefix, whole: true }], signal).then(() => {
              lists--;
              this.#lives("live");
            }).catch((error) => inner.abort(error));
          }
          if (!message.event) continue;
          this.picture.apply(message.event);
          this.#count++;
          if (++meter.n % 200 === 0) await breathe();
        }
        this.since = Date.now();
        this.#changed();
        if (meter.hot()) return true;
      }
      throw new Failure("silent", "it has ended the stream", true);
    } catch (error) {
      const why = inner.signal.aborted ? inner.signal.reason : error;
      if (why === silence) return false;
      if (why.code === "resource_exhausted") return true; // more happens than is due to whoever looks
      throw why;
    } finally {
      clearTimeout(quiet);
      inner.abort();
    }
  }

  /** #glance lists now and then, so many times at most, or until it is calm again. */
  async #glance(prefixes, times, signal) {
    for (let i = 0; i < times && !signal.aborted && (times === Infinity || i < 2 || this.#pace > busy / 2); i++) {
      const began = performance.now();
      await this.#list(prefixes, signal);
      this.#lives(times === Infinity ? "live" : "glancing");
      const took = performance.now() - began;
      await pause(Math.max(glanceEvery, 3 * took), signal);
    }
  }

  /** #list lists, one after the other. */
  #list(prefixes, signal) {
    const mine = this.#listing.catch(() => {}).then(() => this.#listNow(prefixes, signal));
    this.#listing = mine;
    return mine;
  }

  async #listNow(prefixes, signal) {
    signal.throwIfAborted();
    const { picture } = this;
    picture.begin();
    for (const { prefix, whole } of prefixes) {
      if (!whole) await this.look(prefix, signal).catch(ignoreMissing);
      for (let page = "", more = whole; more && picture.locks.size <= most; ) {
        const asked = picture.told;
        const answer = await call("ListLocks", { prefix, queues: true, pageSize, pageToken: page }, { signal });
        picture.list(answer.locks ?? [], asked);
        page = answer.nextPageToken ?? "";
        more = page !== "";
        if (more && picture.locks.size >= most) picture.cut = true;
        if (more && picture.cut) break;
        this.#changed();
        await breathe();
      }
    }
    if (!picture.cut) picture.end((name) => prefixes.some(({ prefix, whole }) => (whole ? name.startsWith(prefix) : name === prefix)));
    this.listed = true;
    await this.#askDeadlocks(signal);
  }

  // What is asked every now and then.

  async #heartbeat(signal) {
    let reigns = 0;
    for (;;) {
      if (performance.now() >= reigns) {
        reigns = performance.now() + reignsEvery;
        await this.#askReigns(signal);
      }
      await pause(statusEvery, signal);
      const me = await call("WhoAmI", {}, { signal, within: 4000 });
      if (JSON.stringify(me) !== JSON.stringify(this.me)) return; // begin again, with what they may now
      const view = this.#view();
      await this.#askStatus(signal);
      if (this.#view() !== view) reigns = 0;
      await this.#askDeadlocks(signal);
    }
  }

  #view() {
    return JSON.stringify((this.status?.nodes ?? []).map((one) => [one.role, one.view]));
  }

  async #askStatus(signal) {
    try {
      this.status = await call("Status", {}, { signal, within: 4000 });
      this.since = Date.now();
      this.#measure();
    } catch (error) {
      if (error.code !== "permission_denied") throw error;
      this.status = null;
    }
    this.#changed();
  }

  /** #measure finds the pace from two looks at how much is ordered. */
  #measure() {
    const at = performance.now();
    const entries = Math.max(0, ...(this.status.nodes ?? []).map((one) => Number(one.index ?? 0)));
    if (this.#ordered && at - this.#ordered.at > 500) this.#pace = Math.max(0, entries - this.#ordered.entries) / ((at - this.#ordered.at) / 1000);
    this.#ordered = { at, entries };
  }

  async #askReigns(signal) {
    try {
      this.reigns = (await call("ListReigns", {}, { signal })).reigns ?? [];
    } catch (error) {
      if (error.code !== "permission_denied") throw error;
      this.reigns = null;
    }
    this.#changed();
  }

  /** Circles of waits are looked for when something has happened since. */
  async #askDeadlocks(signal) {
    const { version } = this.picture;
    if (version === this.#searched) return;
    const waits = this.picture.cut || [...this.picture.locks.values()].some((card) => card.waiters > 0);
    this.deadlocks = waits ? (await call("ListDeadlocks", {}, { signal })).deadlocks ?? [] : [];
    this.#searched = version;
    this.#changed();
  }

  /** #repair asks for what is rough, a few at a time. */
  #repair() {
    while (this.#repairing < repairs && this.#running && this.listed) {
      const [name] = this.#rough;
      const [stranger] = this.#strangers;
      if (name === undefined && stranger === undefined) return;
      this.#rough.delete(name);
      if (name === undefined) this.#strangers.delete(stranger);
      this.#repairing++;
      const { signal } = this.#running;
      const asked = name !== undefined ? this.look(name, signal) : this.#introduce(stranger, signal);
      asked.catch(() => {}).then(() => pause(250)).then(() => {
        this.#repairing--;
        this.#repair();
      });
    }
  }

  /** #introduce asks who a session is. One that is gone stays nobody in particular. */
  async #introduce(session, signal) {
    const { picture } = this;
    if (picture.people.has(session)) return;
    try {
      const answer = await call("ShowSession", { session }, { signal });
      picture.meet(session, answer.session?.info);
    } catch (error) {
      if (error.code === "not_found") picture.meet(session);
    }
    this.#changed();
  }

  #second() {
    if (Date.now() - this.#ticked > asleep && this.#running && this.state !== "starting") {
      this.#stop(); // connections may be dead without a word
      this.#seen();
    }
    this.#ticked = Date.now();
    this.rate = this.state === "glancing" ? Math.round(this.#pace) : this.#count;
    this.#count = 0;
    this.rates.push(this.rate);
    if (this.rates.length > 60) this.rates.shift();
    this.dispatchEvent(new Event("second"));
  }

  #lives(state) {
    this.#again = retryFirst;
    this.#to(state);
  }

  #to(state) {
    if (state === "live" || state === "glancing") this.trouble = "";
    if (this.state !== state) {
      this.state = state;
      this.dispatchEvent(new Event("state"));
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** silence ends a stream that nothing has come from for long. */
const silence = new Error("nothing has come for long");

/** Meter tells when too much has happened for a while. */
class Meter {
  n = 0;
  #since = performance.now();
  #hot = 0; // for how long

  hot() {
    const now = performance.now();
    const took = now - this.#since;
    if (took < 1000) return false;
    this.#hot = (this.n * 1000) / took > busy ? this.#hot + took : 0;
    this.#since = now;
    this.n = 0;
    return this.#hot >= calmAfter;
  }
}

const ranks = ["RIGHT_READ", "RIGHT_LOCK", "RIGHT_ADMIN"];

/** includes reports whether a permission is as much as a right: each includes those before it. */
const includes = (permission, right) => ranks.indexOf(permission.right) >= ranks.indexOf(right);

/** covers reports whether a pattern has all that another one has, or a name. */
function covers(pattern, other) {
  return pattern.endsWith("*") && other.startsWith(pattern.slice(0, -1));
}

function ignoreMissing(error) {
  if (error.code !== "permission_denied") throw error;
}

let worked = performance.now();

/** breathe lets the browser have its turn, when it has waited for long enough. */
async function breathe() {
  if (performance.now() - worked < slice) return;
  await new Promise((resolve) => setTimeout(resolve));
  worked = performance.now();
}

/** signIn keeps a token if the node takes it. */
export async function signIn(secret) {
  token.set(secret);
  try {
    return await call("WhoAmI");
  } catch (error) {
    if (error.code === "unauthenticated") token.drop();
    throw error;
  }
}
