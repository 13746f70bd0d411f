// Graphs at random: nothing overlaps, edges go to the right but those that close a
// circle, and every circle has one of those.
import assert from "node:assert/strict";
import { layout } from "../static/layout.js";

let seed = 11;
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

for (let round = 0; round < 500; round++) {
  const nodes = Array.from({ length: 1 + random(14) }, (_, i) => ({ id: "n" + i, width: 100 + random(90), height: 30 + random(20) }));
  const edges = [];
  for (let i = random(20); i > 0; i--) edges.push({ from: nodes[random(nodes.length)].id, to: nodes[random(nodes.length)].id });
  edges.push({ from: "n0", to: "elsewhere" }); // is left out
  const { at, ways, width, height } = layout(nodes, edges);
  const back = new Set(edges.filter((edge) => ways.get(edge)?.back));
  const sizes = new Map(nodes.map((one) => [one.id, one]));
  for (const one of nodes) {
    const a = at.get(one.id);
    assert.ok(a.x >= 0 && a.y >= 0 && a.x + one.width <= width + 0.001 && a.y + one.height <= height + 0.001, "outside");
    for (const other of nodes) {
      const b = at.get(other.id);
      if (one !== other) assert.ok(a.x + one.width <= b.x || b.x + other.width <= a.x || a.y + one.height <= b.y || b.y + other.height <= a.y, "overlap");
    }
  }
  const forward = edges.filter((edge) => edge.to !== "elsewhere" && !back.has(edge));
  for (const { from, to } of forward) assert.ok(at.get(from).x + sizes.get(from).width < at.get(to).x, "to the left");
  // Without edges that go back, each way ends: positions rise, so nothing more is to be shown.
  for (const edge of back) {
    const reached = new Set([edge.to]);
    for (const id of reached) for (const next of edges) if (next.from === id) reached.add(next.to);
    assert.ok(reached.has(edge.from), "an edge goes back that closes no circle");
  }
}
