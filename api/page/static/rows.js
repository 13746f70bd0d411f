// Lists that are longer than the screen: only the rows that can be seen are there.

import { el } from "./dom.js";

const spare = 6; // rows above and below what is seen

/**
 * Rows shows `length` rows of one height in a box that scrolls. `draw(node, i)` gives
 * a row its content, in a node that had another's before.
 */
export class Rows {
  length = 0;
  #nodes = new Map(); // by row number
  #free = [];
  #height = 0;

  constructor(box, { make, draw }) {
    this.box = box;
    this.make = make;
    this.draw = draw;
    this.floor = el("div", { class: "floor", role: "presentation" });
    box.append(this.floor);
    box.addEventListener("scroll", () => this.#place(), { passive: true });
    this.resized = new ResizeObserver(() => this.#measure());
    this.resized.observe(box);
  }

  close() {
    this.resized.disconnect();
  }

  /** show draws all rows that are seen. */
  show(length = this.length) {
    this.length = length;
    if (this.#height) this.#place(true);
    else this.#measure();
  }

  /** reveal scrolls until a row is seen. */
  reveal(i) {
    const top = i * this.#height;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight) this.box.scrollTop = top + this.#height - clientHeight;
    this.#place();
  }

  /** node is that of a row, if it is there. */
  node(i) {
    return this.#nodes.get(i) ?? null;
  }

  /** page is how many rows are seen. */
  get page() {
    return Math.max(1, Math.floor(this.box.clientHeight / (this.#height || 1)) - 1);
  }

  /** seen is from which row to which one they are seen. */
  get seen() {
    const first = Math.floor(this.box.scrollTop / (this.#height || 1));
    return [Math.min(first, this.length), Math.min(this.length, first + this.page + 2)];
  }

  /** Rows are as high as the style says, which depends on the screen. */
  #measure() {
    const height = parseFloat(getComputedStyle(this.box).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
    if (height) this.#height = height;
    this.#place(true);
  }

  #place(all = false) {
    if (!this.#height) return;
    const whole = this.length * this.#height;
    this.floor.style.height = `${whole}px`;
    this.box.parentNode.style.setProperty("--all", whole ? `${whole + 2}px` : "none"); // no higher than it need be
    const [from, to] = [Math.max(0, this.seen[0] - spare), Math.min(this.length, this.seen[1] + spare)];
    for (const [i, node] of this.#nodes) {
      if (i >= from && i < to) continue;
      this.#nodes.delete(i);
      node.remove();
      this.#free.push(node);
    }
    let before = null;
    for (let i = from; i < to; i++) {
      let node = this.#nodes.get(i);
      const fresh = !node;
      if (fresh) {
        node = this.#free.pop() ?? this.make();
        this.#nodes.set(i, node);
        node.style.transform = `translateY(${i * this.#height}px)`;
      } else if (all) {
        node.style.transform = `translateY(${i * this.#height}px)`;
      }
      if (fresh || all) this.draw(node, i);
      // In order, so that they are read in order.
      if (fresh) this.floor.insertBefore(node, before ? before.nextSibling : this.floor.firstChild);
      before = node;
    }
    this.#free.length = Math.min(this.#free.length, 40);
  }
}
