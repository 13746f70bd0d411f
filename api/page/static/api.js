// What the node is asked, as any client could ask it: JSON over HTTP, and streams
// of JSON as Connect frames them.

const service = "/lockstep.v1.LockService/";

/** patience is how long an answer may take, in milliseconds: the node gives up earlier. */
const patience = 8000;

const tokenKey = "lockstep-token";

/**
 * The token of whoever looks, if the node wants one. It lives as long as the tab
 * does, and goes nowhere but into the header of requests to this very node.
 */
export const token = {
  get: () => sessionStorage.getItem(tokenKey) ?? "",
  set: (value) => sessionStorage.setItem(tokenKey, value),
  drop: () => sessionStorage.removeItem(tokenKey),
};

/** Failure is an error that the node has answered with, or the want of an answer. */
export class Failure extends Error {
  constructor(code, message, executed) {
    super(message);
    this.name = "Failure";
    this.code = code; // of Connect, "unavailable"; "silent" is no answer at all
    this.executed = executed; // the request may have been, once
  }
}

function headers(type) {
  const all = { "Content-Type": type, "Connect-Protocol-Version": "1" };
  if (token.get()) all.Authorization = "Bearer " + token.get();
  return all;
}

async function send(method, type, body, signal) {
  try {
    return await fetch(service + method, {
      method: "POST", headers: headers(type), body, signal, cache: "no-store", credentials: "same-origin", redirect: "error",
    });
  } catch (error) {
    throw silent(error, signal);
  }
}

function silent(error, signal) {
  if (signal?.aborted && signal.reason?.name === "AbortError") return signal.reason;
  return new Failure("silent", error.name === "TimeoutError" ? "it does not answer in time" : "it cannot be reached", true);
}

function failureOf(answer, status) {
  const detail = answer?.details?.find((one) => one.type === "lockstep.v1.Failure")?.debug;
  const code = answer?.code ?? ({ 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented", 429: "resource_exhausted" }[status] ?? "unknown");
  return new Failure(code, answer?.message ?? `the node answers ${status}`, !detail?.notExecuted);
}

/** skew is how far the node's clock is ahead of this one's, in milliseconds. */
let skew = 0;

/** now is the time by the clock of the node, which times of locks are of. */
export const now = () => Date.now() + skew;

function compare(response, sent) {
  const there = Date.parse(response.headers.get("Date") ?? "");
  if (!there) return;
  const here = (sent + Date.now()) / 2;
  // The header has whole seconds, rounded down: less than two of them are no skew.
  const found = there + 500 - here;
  skew = Math.abs(found) < 2000 ? 0 : Math.abs(found - skew) > 2000 ? found : skew;
}

/** pause waits, until the signal is given at most: then it throws its reason. */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

const tries = 6; // of a request that came too fast

/** call asks, and returns the answer. It throws a Failure. Who is too fast waits as long as the node says. */
export async function call(method, request = {}, { signal, within = patience } = {}) {
  for (let i = 1; ; i++) {
    try {
      return await once(method, request, signal, within);
    } catch (error) {
      if (!error.after || i === tries) throw error;
      await pause(error.after, signal);
    }
  }
}

async function once(method, request, signal, within) {
  const sent = Date.now();
  const limit = AbortSignal.timeout(within);
  const both = signal ? AbortSignal.any([signal, limit]) : limit;
  const response = await send(method, "application/json", JSON.stringify(request), both);
  compare(response, sent);
  let answer;
  try {
    answer = await response.json();
  } catch (error) {
    if (both.aborted || error instanceof TypeError) throw silent(error, both);
    answer = null; // no JSON: what stands between may answer in its own words
  }
  if (response.ok && answer !== null) return answer;
  const failure = failureOf(answer, response.status);
  failure.after = Math.min(5, Number(response.headers.get("Retry-After")) || 0) * 1000;
  throw failure;
}

/**
 * stream asks for a stream, and yields arrays of the messages that came together.
 * It ends when the node ends it without an error.
 */
export async function* stream(method, request, signal) {
  const response = await send(method, "application/connect+json", envelope(request), signal);
  if (!response.ok) throw failureOf(await response.json().catch(() => null), response.status);
  const reader = response.body.getReader();
  const frames = new Frames();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Failure("silent", "it has broken off", true);
      const { messages, end } = frames.push(value);
      if (messages.length > 0) yield messages;
      if (end?.error) throw failureOf(end.error, 200);
      if (end) return;
    }
  } catch (error) {
    throw error instanceof Failure ? error : silent(error, signal);
  } finally {
    reader.cancel().catch(() => {}); // it is over in any case
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** envelope frames a message: flags, its length in four bytes, itself. */
export function envelope(message) {
  const body = encoder.encode(JSON.stringify(message));
  const framed = new Uint8Array(5 + body.length);
  new DataView(framed.buffer).setUint32(1, body.length);
  framed.set(body, 5);
  return framed;
}

const last = 2; // the flag of the frame that ends a stream
const longest = 16 << 20; // no frame of a node is nearly as long

/** Frames puts together what comes in pieces. */
export class Frames {
  #rest = new Uint8Array(0);

  push(piece) {
    let all = piece;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + piece.length);
      all.set(this.#rest);
      all.set(piece, this.#rest.length);
    }
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    const messages = [];
    let at = 0;
    while (all.length - at >= 5) {
      const size = view.getUint32(at + 1);
      if (size > longest) throw new Failure("internal", "what it sends is no stream", true);
      if (all.length - at < 5 + size) break;
      const message = JSON.parse(decoder.decode(all.subarray(at + 5, at + 5 + size)) || "{}");
      if (view.getUint8(at) & last) return { messages, end: message };
      messages.push(message);
      at += 5 + size;
    }
    this.#rest = all.slice(at);
    return { messages, end: null };
  }
}
