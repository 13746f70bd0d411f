// The rows of the tree, against a slow way to make them, for random names.
import assert from "node:assert/strict";
import { Tree } from "../static/tree.js";

let seed = 7;
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

function slow(names, waits, open) {
  const rows = [];
  const floor = (prefix, level) => {
    const found = new Map();
    for (const name of names.filter((one) => one.startsWith(prefix))) {
      const cut = name.indexOf("/", prefix.length);
      const key = cut < 0 ? "lock " + name : "folder " + name.slice(0, cut + 1);
      if (!found.has(key)) found.set(key, { key, level, locks: 0, waiters: 0 });
      found.get(key).locks++;
      found.get(key).waiters += waits.get(name);
    }
    let place = 0;
    for (const one of found.values()) {
      rows.push({ ...one, place: ++place, of: found.size });
      const folder = one.key.replace(/^folder /, "");
      if (one.key.startsWith("folder ") && open(folder)) floor(folder, level + 1);
    }
  };
  floor("", 1);
  return rows;
}

for (let round = 0; round < 2000; round++) {
  const alphabet = ["a", "b", "/", "/", "-", "é"];
  const all = new Set();
  for (let i = random(12); i >= 0; i--) all.add(Array.from({ length: 1 + random(6) }, () => alphabet[random(alphabet.length)]).join(""));
  const names = [...all].sort();
  const waits = new Map(names.map((name) => [name, random(3)]));
  const shut = random(3);
  const open = (folder) => shut === 0 || folder.length % 3 !== shut;
  const tree = new Tree(names, (name) => waits.get(name), open);
  assert.deepEqual(tree.rows.map(({ key, level, locks, waiters, place, of }) => ({ key, level, locks, waiters, place, of })), slow(names, waits, open), JSON.stringify(names));
  tree.rows.forEach((row, i) => {
    assert.equal(tree.indexOf(row.key), i);
    const parent = tree.parentOf(i);
    if (row.level === 1) assert.equal(parent, -1);
    else assert.ok(tree.rows[parent].folder && tree.rows[parent].level === row.level - 1 && row.name.startsWith(tree.rows[parent].name));
  });
}
assert.equal(new Tree([], () => 0, () => true).rows.length, 0);
