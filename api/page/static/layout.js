// Where the nodes of a graph stand, from left to right: who waits, what for, who has
// that. Pure.

/**
 * layout places nodes { id, width, height } along edges { from, to }. It returns
 * { width, height, at, ways }: where each node stands, { x, y } by its id, and for
 * each edge { back, bends }: whether it runs back, because it closes a circle, and
 * the points on its way where it passes other nodes. Parts that hang together stand
 * one below the other.
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
  return { width, height: Math.max(0, top - between), at, ways: graph.ways };
}

const lane = 12; // what an edge takes of a column that it passes

class Graph {
  ways = new Map();

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
    const links = this.#pave(part, columns);
    for (let i = 0; i < 6; i++) straighten(columns, links, i % 2 === 0);
    for (const column of columns) accompany(column);
    const heights = columns.map((column) => column.reduce((sum, one) => sum + one.height + down, -down));
    const height = Math.max(...heights);
    let x = 0;
    columns.forEach((column, i) => {
      const width = Math.max(...column.map((one) => one.width));
      let y = top + (height - heights[i]) / 2;
      for (const one of column) {
        one.x = x + (width - one.width) / 2;
        one.y = y;
        if (one.id !== undefined) at.set(one.id, { x: one.x, y });
        else one.bends.push({ x: x + width / 2, y: y + lane / 2, half: width / 2 });
        y += one.height + down;
      }
      x += width + across;
    });
    for (const id of part) for (const edge of this.out.get(id)) this.ways.get(edge).bends.sort((a, b) => (this.back.has(edge) ? b.x - a.x : a.x - b.x));
    return { width: x - across, height };
  }

  /**
   * #pave gives each edge a lane in the columns that it passes, and one that runs back
   * also in those where it begins and ends. It says what stands beside what.
   */
  #pave(part, columns) {
    const column = new Map();
    columns.forEach((all, i) => all.forEach((one) => column.set(one.id, { i, one })));
    const links = new Map(columns.flat().map((one) => [one, []]));
    const join = (a, b) => {
      links.get(a).push(b);
      links.get(b).push(a);
    };
    for (const id of part) {
      for (const edge of this.out.get(id)) {
        const back = this.back.has(edge);
        const bends = [];
        this.ways.set(edge, { back, bends });
        const [from, to] = back ? [column.get(edge.to), column.get(edge.from)] : [column.get(edge.from), column.get(edge.to)];
        let last = from.one;
        for (let i = from.i + (back ? 0 : 1); i < to.i + (back ? 1 : 0); i++) {
          const passed = { width: 0, height: lane, bends, beside: i === from.i ? from.one : i === to.i ? to.one : null };
          columns[i].push(passed);
          links.set(passed, []);
          join(last, passed);
          last = passed;
        }
        if (last !== to.one) join(last, to.one);
      }
    }
    return links;
  }

  /** #columns puts each node behind all that lead to it, and as far to the right as what it leads to allows. */
  #columns(part) {
    const rank = new Map();
    const ends = (id) => this.out.get(id).filter((edge) => !this.back.has(edge));
    const order = this.#order(part);
    for (const id of order.toReversed()) rank.set(id, Math.max(0, ...ends(id).map((edge) => rank.get(edge.to) + 1)));
    const most = Math.max(...rank.values());
    const columns = Array.from({ length: most + 1 }, () => []);
    for (const id of part) columns[most - rank.get(id)].push({ ...this.nodes.get(id) });
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
}

/** straighten orders each column by where its neighbours stand. */
function straighten(columns, links, forward) {
  const all = forward ? columns : columns.toReversed();
  for (let i = 1; i < all.length; i++) {
    const place = new Map(all[i - 1].map((one, n) => [one, n / all[i - 1].length]));
    const own = new Map(all[i].map((one, n) => {
      const near = links.get(one).filter((other) => place.has(other));
      return [one, near.length ? near.reduce((sum, other) => sum + place.get(other), 0) / near.length : n / all[i].length];
    }));
    all[i].sort((a, b) => own.get(a) - own.get(b));
  }
}

/** accompany puts each lane that begins or ends at a node directly below it. */
function accompany(column) {
  for (const one of column.filter((one) => one.beside)) {
    column.splice(column.indexOf(one), 1);
    column.splice(column.indexOf(one.beside) + 1, 0, one);
  }
}
