// A small lock service makes events and lists at random; pages of lists come late and
// between events, events twice. In the end the picture is that of the service.
import assert from "node:assert/strict";
import { acquainted, cardOf, Picture } from "../static/picture.js";

let seed = 5;
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
const stamp = (ms) => new Date(ms).toISOString();

class Service {
  locks = new Map();
  at = 1_700_000_000_000;
  token = 1;
  index = 0;
  events = [];

  card(name) {
    const { holder, queue, delayed } = this.locks.get(name) ?? { holder: null, queue: [], delayed: false };
    const owner = (session) => ({ session, info: { user: session } });
    return {
      name, delayed: delayed || undefined, waiters: queue.length || undefined,
      holders: holder ? [{ session: holder.session, token: String(holder.token), mode: "MODE_EXCLUSIVE", count: 1, since: stamp(holder.since), owner: owner(holder.session) }] : undefined,
      queue: queue.map((one) => ({ session: one.session, mode: "MODE_EXCLUSIVE", since: stamp(one.since), owner: owner(one.session) })),
    };
  }

  list(after, most) {
    const names = [...this.locks.keys()].sort().filter((name) => name > after).slice(0, most);
    return names.map((name) => this.card(name));
  }

  tell(kind, name, session, more = {}) {
    this.events.push({ kind, name, session, mode: "MODE_EXCLUSIVE", at: stamp(this.at), index: String(++this.index), ...more });
  }

  step() {
    this.at += random(50); // several things may happen at one moment
    const name = "lock/" + random(8);
    const session = "s" + random(5);
    const lock = this.locks.get(name) ?? { holder: null, queue: [], delayed: false };
    const grant = (to) => {
      lock.holder = { session: to, token: this.token++, since: this.at };
      this.tell("KIND_ACQUIRED", name, to, { token: String(lock.holder.token) });
    };
    const pass = () => !lock.holder && !lock.delayed && lock.queue.length > 0 && grant(lock.queue.shift().session);
    switch (random(5)) {
      case 0:
      case 1:
        if (!lock.holder && !lock.delayed && lock.queue.length === 0) grant(session);
        else if (!lock.queue.some((one) => one.session === session)) {
          lock.queue.push({ session, since: this.at });
          this.tell("KIND_WAIT_BEGAN", name, session);
        }
        break;
      case 2:
        if (!lock.holder) break;
        this.tell("KIND_RELEASED", name, lock.holder.session, { token: String(lock.holder.token) });
        lock.holder = null;
        pass();
        break;
      case 3:
        if (lock.queue.length === 0) break;
        this.tell("KIND_WAIT_ENDED", name, lock.queue.splice(random(lock.queue.length), 1)[0].session);
        pass();
        break;
      default:
        if (lock.delayed) {
          lock.delayed = false;
          this.tell("KIND_REOPENED", name, "", { token: "0" });
          pass();
        } else if (lock.holder) {
          this.tell("KIND_EXPIRED", name, lock.holder.session, { token: String(lock.holder.token), span: "5s" });
          lock.holder = null;
          lock.delayed = true;
        }
    }
    if (lock.holder || lock.queue.length || lock.delayed) this.locks.set(name, lock);
    else this.locks.delete(name);
  }
}

const plain = (card) => ({
  name: card.name, delayed: card.delayed ?? false, waiters: card.waiters ?? 0,
  holders: (card.holders ?? []).map((one) => [one.session, one.token]),
  queue: (card.queue ?? []).map((one) => one.session),
});

for (let round = 0; round < 400; round++) {
  const service = new Service();
  for (let i = random(60); i > 0; i--) service.step();
  const picture = new Picture();
  let told = service.events.length; // what happened before the watch began is not told
  const follow = (most) => {
    for (const event of service.events.slice(told, told + most)) {
      picture.apply(event);
      told++;
    }
  };
  for (let listing = 1 + random(2); listing > 0; listing--) {
    picture.begin();
    let after = "";
    for (;;) {
      const asked = picture.told;
      for (let i = random(4); i > 0; i--) service.step();
      const page = service.list(after, 3);
      for (let i = random(4); i > 0; i--) service.step();
      follow(random(6)); // the answer is late, and so are the events
      picture.list(page, asked);
      if (page.length === 0) break;
      after = page.at(-1).name;
    }
    picture.end();
  }
  for (let i = random(20); i > 0; i--) service.step();
  follow(Infinity);
  // What is rough is asked for again before anybody relies on it.
  for (const [name, card] of [...picture.locks]) if (card.rough) picture.take(cardOf(service.card(name)), picture.told);
  const got = picture.names.map((name) => plain(picture.locks.get(name)));
  const want = service.list("", Infinity).map(plain);
  assert.deepEqual(got, want, `round ${round}`);
  assert.deepEqual(picture.names, [...picture.locks.keys()].sort());
  for (const event of service.events.slice(-3)) if (event.kind === "KIND_ACQUIRED" && picture.locks.get(event.name)?.holders[0]?.token === event.token) picture.apply(event);
  assert.deepEqual(picture.names.map((name) => plain(picture.locks.get(name))).map((one) => one.holders), want.map((one) => one.holders), "an event twice");
}

// However many come and go, few are remembered: those that were met last.
const crowd = new Picture();
crowd.meet("regular", { user: "regular" });
for (let i = 0; i < 2 * acquainted; i++) {
  crowd.meet("s" + i);
  if (i % 1000 === 0) crowd.meet("regular", { user: "regular" });
}
assert.ok(crowd.people.size <= acquainted && crowd.people.size > 0.8 * acquainted, `${crowd.people.size} are known`);
assert.equal(crowd.met, 2 * acquainted + 1);
assert.deepEqual([crowd.people.has("regular"), crowd.people.has("s" + (2 * acquainted - 1)), crowd.people.has("s0")], [true, true, false]);
