// A stream comes in any pieces.
import assert from "node:assert/strict";
import { envelope, Frames } from "../static/api.js";

const join = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
const messages = [{ began: true }, { event: { name: "é/🔒", index: "18446744073709551615" } }, {}, { index: "7" }];
const end = envelope({ error: { code: "unavailable", message: "it stops" } });
end[0] = 2;
const whole = join(...messages.map(envelope), end);

for (let size = 1; size <= whole.length; size++) {
  const frames = new Frames();
  const got = [];
  let over = null;
  for (let i = 0; i < whole.length; i += size) {
    const step = frames.push(whole.slice(i, i + size));
    got.push(...step.messages);
    over ??= step.end;
  }
  assert.deepEqual(got, messages);
  assert.deepEqual(over, { error: { code: "unavailable", message: "it stops" } });
}
assert.throws(() => new Frames().push(new Uint8Array([0, 255, 255, 255, 255, 1])), /no stream/);
