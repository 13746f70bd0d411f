// Who wants to look where the node asks for a name.

import { token } from "./api.js";
import { el, text } from "./dom.js";
import { signIn } from "./feed.js";

export function signin(feed) {
  const field = el("input", { type: "password", id: "token", autocomplete: "off", spellcheck: "false", autocapitalize: "off", required: true, "aria-describedby": "token-help" });
  const wrong = el("p", { class: "wrong", id: "token-wrong", role: "alert" });
  const button = el("button", { type: "submit", id: "sign-in", class: "strong", text: "Sign in" });
  const form = el("form", { id: "signin-form", class: "panel" },
    el("h1", { tabindex: "-1", text: "Sign in" }),
    el("p", { text: "This node wants to know who looks." }),
    el("label", { for: "token", text: "Token" }), field,
    el("p", { class: "help", id: "token-help" }, "It is kept in this tab only, until you sign out or close it. ", el("code", { text: "lockd token new" }), " makes one; with a client’s certificate in the browser none is needed."),
    wrong, button);
  if (token.get()) {
    token.drop();
    text(wrong, feed.trouble);
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const secret = field.value.trim();
    if (!secret) return;
    if (!/^[\x21-\x7e]+$/.test(secret)) {
      text(wrong, "A token has no spaces and no letters beyond ASCII: is it whole?");
      return;
    }
    button.disabled = true;
    text(wrong, "");
    try {
      await signIn(secret);
      field.value = "";
      feed.restart();
    } catch (error) {
      text(wrong, error.code === "silent" ? "This node does not answer: try again in a moment." : error.message);
      button.disabled = false;
      field.focus();
      field.select();
    } finally {
      button.disabled = false;
    }
  });
  return { title: "Sign in", node: el("div", { class: "view narrow" }, form), opened: () => field.focus(), update() {}, tick() {}, close() {} };
}
