// The frame: it shows the view that the address names, whether what is shown is
// true at this moment, and who is looking.

import { token } from "./api.js";
import { attribute, el, say, text } from "./dom.js";
import { Feed } from "./feed.js";
import { graph } from "./graph.js";
import { lock } from "./lock.js";
import { locks } from "./locks.js";
import { overview } from "./overview.js";
import { session, sessions } from "./sessions.js";
import { signin } from "./signin.js";
import { count, length } from "./words.js";

const feed = new Feed();
const main = document.getElementById("main");
const alarm = document.getElementById("alarm");
const asking = document.getElementById("starting");

// What can be shown, by the first word of the address.

const views = {
  __proto__: null,
  "": { tab: "overview", open: overview },
  locks: { tab: "locks", open: locks },
  lock: { tab: "locks", open: lock },
  waits: { tab: "waits", open: graph },
  sessions: { tab: "sessions", open: sessions },
  session: { tab: "sessions", open: session },
};

let shown = null;

/** address takes "#/lock/a%2Fb" apart; what it does not know is the overview. */
function address() {
  const [, word = "", argument = ""] = /^#\/([a-z]*)(?:\/(.+))?$/.exec(location.hash) ?? [];
  let name = "";
  try {
    name = decodeURIComponent(argument);
  } catch {
    return { key: "", name: "" };
  }
  const alone = word === "lock" || word === "session"; // these want a name
  return views[word] && alone === (name !== "") ? { key: word, name } : { key: "", name: "" };
}

function open(view, tab, focus) {
  shown?.view.close();
  const hash = location.hash;
  shown = { view, hash };
  document.title = `${view.title} · Lockstep`;
  main.replaceChildren(view.node);
  for (const one of document.querySelectorAll("#views a")) attribute(one, "aria-current", one.dataset.view === tab ? "page" : null);
  view.opened();
  if (!focus) return;
  scrollTo(0, 0);
  const heading = view.node.querySelector("h1");
  if (!view.node.contains(document.activeElement)) heading?.focus({ preventScroll: true });
}

function route(focus = true) {
  if (feed.state === "signin") {
    open(signin(feed), "", focus);
    return;
  }
  if (!feed.me && feed.state === "starting") { // who looks is known in a moment
    shown?.view.close();
    shown = null;
    main.replaceChildren(asking);
    return;
  }
  const { key, name } = address();
  open(views[key].open(feed, name), views[key].tab, focus);
}

// Is it true?

const pulses = { starting: "Connecting", live: "Live", glancing: "Every few seconds", lost: "Not live", signin: "Signed out", forbidden: "Not allowed" };

function standing() {
  const { state, trouble } = feed;
  document.body.dataset.state = state;
  const pulse = document.getElementById("pulse");
  pulse.dataset.pulse = state;
  text(document.getElementById("pulse-text"), pulses[state]);
  attribute(pulse, "title", state === "glancing" ? "More happens than can be drawn one by one: the picture is made anew every few seconds" : null);
  const person = document.getElementById("whoami");
  text(person, feed.me?.principal ?? "");
  person.hidden = !feed.me?.principal;
  document.getElementById("sign-out").hidden = !token.get() || state === "signin";
  alarm.hidden = state !== "lost" && state !== "forbidden";
  if (alarm.hidden) return;
  const old = feed.since ? ` What is shown is ${length(Math.floor((Date.now() - feed.since) / 1000) * 1000)} old.` : "";
  text(alarm, state === "forbidden" ? `${trouble}.` : feed.silent ? "This node does not answer. Trying again…" : `No picture of the locks: ${trouble}. Trying again…`);
  attribute(alarm, "title", old.trim() || null);
}

let before = feed.state;

feed.addEventListener("state", () => {
  if ((feed.state === "signin") !== (before === "signin")) route();
  if (before === "lost" && (feed.state === "live" || feed.state === "glancing")) say("The node answers again.");
  before = feed.state;
  standing();
});

let drawing = false;

feed.addEventListener("change", () => {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (shown) shown.view.update();
    else route(false);
    circles();
  });
});

feed.addEventListener("second", () => {
  standing();
  shown?.view.tick();
});

let deadlocks = 0;

/** circles tells of deadlocks wherever one is on the page: they do not end by themselves. */
function circles() {
  const n = feed.deadlocks.length;
  if (n === deadlocks) return;
  if (n > deadlocks) say(`${count(n, "deadlock")}: see Waits.`);
  deadlocks = n;
  const badge = document.getElementById("deadlock-count");
  badge.hidden = n === 0;
  badge.replaceChildren(String(n), el("span", { class: "unseen", text: n === 1 ? " deadlock" : " deadlocks" }));
}

document.getElementById("sign-out").addEventListener("click", () => {
  token.drop();
  feed.restart();
});

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is the view's
  main.focus();
});

addEventListener("hashchange", () => {
  if (shown?.hash !== location.hash) route();
});

standing();
feed.start();
