// Where the nodes of a graph stand, from left to right: who waits, what for, who has
// that. Pure.

/**
 * layout places nodes { id, width, height } along edges { from, to }, and returns
 * { width, height, at: Map of id to { x, y }, back: Set of edges that close a circle }.
 * Parts that hang together stand one below the other.
 */
export function layout(nodes, edges, { across = 64, down = 14, between = 28 } = {}) {
  const graph = new Graph(nodes, edges);
  const at = new Map();
  let top = 0;
  let width = 0;
  for (const part of graph.parts()) {
    const size = graph.place(part, at, top, across, down);
    top += size.height + between;
    width = Math.max(width, size.width);
  }
  return { width, height: Math.max(0, top - between), at, back: graph.back };
}

class Graph {
  constructor(nodes, edges) {
    this.nodes = new Map(nodes.map((node) => [node.id, node]));
    this.edges = edges.filter((edge) => this.nodes.has(edge.from) && this.nodes.has(edge.to));
    this.out = new Map(nodes.map((node) => [node.id, []]));
    this.in = new Map(nodes.map((node) => [node.id, []]));
    for (const edge of this.edges) {
      this.out.get(edge.from).push(edge);
      this.in.get(edge.to).push(edge);
    }
    this.back = this.#backs();
  }

  /** #backs are edges without which there is no circle. */
  #backs() {
    const back = new Set();
    const state = new Map(); // 1: on the way, 2: done
    for (const start of this.nodes.keys()) {
      if (state.has(start)) continue;
      const way = [[start, 0]];
      state.set(start, 1);
      while (way.length > 0) {
        const step = way.at(-1);
        const edge = this.out.get(step[0])[step[1]++];
        if (!edge) {
          state.set(step[0], 2);
          way.pop();
        } else if (state.get(edge.to) === 1) {
          back.add(edge);
        } else if (!state.has(edge.to)) {
          state.set(edge.to, 1);
          way.push([edge.to, 0]);
        }
      }
    }
    return back;
  }

  /** parts are the nodes that hang together, in the order in which they came. */
  parts() {
    const seen = new Set();
    const parts = [];
    for (const start of this.nodes.keys()) {
      if (seen.has(start)) continue;
      const part = [start];
      seen.add(start);
      for (let i = 0; i < part.length; i++) {
        const beside = [...this.out.get(part[i]).map((edge) => edge.to), ...this.in.get(part[i]).map((edge) => edge.from)];
        for (const id of beside) {
          if (seen.has(id)) continue;
          seen.add(id);
          part.push(id);
        }
      }
      parts.push(part);
    }
    return parts;
  }

  place(part, at, top, across, down) {
    const columns = this.#columns(part);
    for (let i = 0; i < 4; i++) this.#straighten(columns, i % 2 === 0);
    const heights = columns.map((column) => column.reduce((sum, id) => sum + this.nodes.get(id).height + down, -down));
    const height = Math.max(...heights);
    let x = 0;
    columns.forEach((column, i) => {
      const width = Math.max(...column.map((id) => this.nodes.get(id).width));
      let y = top + (height - heights[i]) / 2;
      for (const id of column) {
        at.set(id, { x: x + (width - this.nodes.get(id).width) / 2, y });
        y += this.nodes.get(id).height + down;
      }
      x += width + across;
    });
    // An edge that goes back runs below all.
    const closes = part.some((id) => this.out.get(id).some((edge) => this.back.has(edge)));
    return { width: x - across, height: height + (closes ? 40 : 0) };
  }

  /** #columns puts each node behind all that lead to it, and as far to the right as what it leads to allows. */
  #columns(part) {
    const rank = new Map();
    const ends = (id) => this.out.get(id).filter((edge) => !this.back.has(edge));
    const order = this.#order(part);
    for (const id of order.toReversed()) rank.set(id, Math.max(0, ...ends(id).map((edge) => rank.get(edge.to) + 1)));
    const most = Math.max(...rank.values());
    const columns = Array.from({ length: most + 1 }, () => []);
    for (const id of part) columns[most - rank.get(id)].push(id);
    return columns;
  }

  /** #order has each node before those that it leads to. */
  #order(part) {
    const waits = new Map(part.map((id) => [id, this.in.get(id).filter((edge) => !this.back.has(edge)).length]));
    const order = part.filter((id) => waits.get(id) === 0);
    for (let i = 0; i < order.length; i++) {
      for (const edge of this.out.get(order[i])) {
        if (this.back.has(edge)) continue;
        waits.set(edge.to, waits.get(edge.to) - 1);
        if (waits.get(edge.to) === 0) order.push(edge.to);
      }
    }
    return order;
  }

  /** #straighten orders each column by where its neighbours stand. */
  #straighten(columns, forward) {
    const from = forward ? columns : columns.toReversed();
    for (let i = 1; i < from.length; i++) {
      const place = new Map(from[i - 1].map((id, n) => [id, n]));
      const middle = (id) => {
        const near = [...this.in.get(id).map((edge) => edge.from), ...this.out.get(id).map((edge) => edge.to)].filter((one) => place.has(one));
        return near.length ? near.reduce((sum, one) => sum + place.get(one), 0) / near.length : -1;
      };
      const own = new Map(from[i].map((id, n) => [id, middle(id) < 0 ? n : middle(id)]));
      from[i].sort((a, b) => own.get(a) - own.get(b));
    }
  }
}
