// Taking a lock away, by force: asked for in so many words, with a reason that its
// holder is told.

import { call } from "./api.js";
import { el, text } from "./dom.js";
import { brief, number } from "./words.js";

const longest = 256; // bytes of a reason
const encoder = new TextEncoder();

/** askRelease asks for the reason, and takes the lock away; `done` is told what came of it. */
export function askRelease(card, done) {
  const reason = el("textarea", { id: "reason", rows: "2", required: true, "aria-describedby": "reason-help", autocomplete: "off" });
  const help = el("p", { class: "help", id: "reason-help", text: `Whoever loses it is told. At most ${longest} bytes.` });
  const wrong = el("p", { class: "wrong", id: "reason-wrong", role: "alert" });
  const confirm = el("button", { type: "submit", id: "confirm", class: "danger", text: "Take it away" });
  const cancel = el("button", { type: "button", id: "cancel", text: "Cancel", onclick: () => dialog.close() });
  const choice = card.holders.length > 1 ? choose(card) : null;
  const form = el("form", { method: "dialog" },
    el("h2", { id: "release-title" }, "Take ", el("bdi", { class: "name", text: card.name }), " away?"),
    el("p", { text: consequence(card) }),
    choice,
    el("label", { for: "reason", text: "Reason" }), reason, help, wrong,
    el("div", { class: "buttons" }, cancel, confirm));
  const dialog = el("dialog", { id: "release", "aria-labelledby": "release-title" }, form);
  const before = document.activeElement;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const why = reason.value.trim().replace(/\s+/g, " ");
    const bytes = encoder.encode(why).length;
    if (!why || bytes > longest) {
      text(wrong, why ? `This has ${number(bytes)} bytes: at most ${longest} are told.` : "Say why: whoever loses it is told.");
      reason.setAttribute("aria-invalid", "true");
      reason.focus();
      return;
    }
    confirm.disabled = true;
    try {
      const picked = choice?.querySelector("input:checked")?.value ?? (card.holders.length === 1 ? card.holders[0].token : "0");
      const revoked = await revoke(card.name, picked, why);
      dialog.close();
      done(revoked ? "It was taken away." : "It was not held any more: nothing was taken.");
    } catch (error) {
      confirm.disabled = false;
      text(wrong, error.executed && error.code !== "permission_denied" ? `${error.message}. Perhaps it was done: look again.` : error.message);
    }
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
  return dialog;
}

/**
 * revoke does it in a session of the reader's own, so that the history names who it
 * was; and with a number, so that asking again after a broken connection does it once.
 */
async function revoke(name, token, reason) {
  const { session } = await call("OpenSession", { ttl: "10s", info: { command: "the page" } });
  try {
    const request = { name, token, reason, session, slot: 0, number: "1" };
    const answer = await call("Revoke", request).catch((error) => {
      if (error.code !== "silent") throw error;
      return call("Revoke", request);
    });
    return answer.revoked ?? false;
  } finally {
    call("CloseSession", { session }).catch(() => {}); // else it ends by itself
  }
}

function consequence(card) {
  if (card.ownerless) return "It belongs to nobody, so nobody is told. Whoever asks next has it.";
  const next = card.waiters > 0 ? "The next in the queue has it at once" : "Whoever asks next has it at once";
  return `${next}, while the command of the loser is still being ended, which can take a second. What it cannot undo is guarded by the token alone.`;
}

/** choose asks from whom: from all, or from one. */
function choose(card) {
  const option = (value, words, checked) => el("label", { class: "check" },
    el("input", { type: "radio", name: "from", value, checked }), el("bdi", { text: words }));
  return el("fieldset", {}, el("legend", { text: "From whom" }),
    option("0", `all ${number(card.holders.length)} holders`, true),
    card.holders.map((one) => option(one.token, brief(one.owner?.info, one.info) || "session " + one.session, false)));
}
