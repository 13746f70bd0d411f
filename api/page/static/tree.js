// The names of locks as a tree by "/", as rows: what is open in it, one below the
// other. Pure, and quick: names are in order, so all of a folder's stand together,
// and a closed folder costs two searches, however much is in it.

/** Rows of a tree have: key, label, level, folder, name, locks, waiters, open, place, of. */
export class Tree {
  rows = [];
  #at = new Map(); // row numbers by key

  /**
   * names are in order; `waiters` gives how many wait for a name; `open` says
   * whether a folder is open.
   */
  constructor(names, waiters, open) {
    this.names = names;
    this.open = open;
    this.sums = new Float64Array(names.length + 1); // waiters of all names before
    for (let i = 0; i < names.length; i++) this.sums[i + 1] = this.sums[i] + waiters(names[i]);
    this.#floor("", 0, names.length, 1);
    this.rows.forEach((row, i) => this.#at.set(row.key, i));
  }

  /** indexOf is the number of the row with a key, or -1. */
  indexOf(key) {
    return this.#at.get(key) ?? -1;
  }

  /** parentOf is the number of the row of the folder that a row is in, or -1. */
  parentOf(i) {
    const { level } = this.rows[i];
    while (i >= 0 && this.rows[i].level >= level) i--;
    return i;
  }

  /** #floor adds what is directly below a prefix, names[from:to]. */
  #floor(prefix, from, to, level) {
    const mine = [];
    for (let i = from; i < to; ) {
      const cut = this.names[i].indexOf("/", prefix.length);
      const folder = cut >= 0 ? this.names[i].slice(0, cut + 1) : "";
      const next = folder ? this.#behind(folder, i, to) : i + 1;
      const row = {
        key: folder ? "folder " + folder : "lock " + this.names[i], label: (folder || this.names[i]).slice(prefix.length) || this.names[i], // a name may end with "/"
        level, folder: folder !== "", name: folder || this.names[i], locks: next - i, waiters: this.sums[next] - this.sums[i],
        open: false, place: mine.length + 1, of: 0,
      };
      mine.push(row);
      this.rows.push(row);
      if (folder && this.open(folder)) {
        row.open = true;
        this.#floor(folder, i, next, level + 1);
      }
      i = next;
    }
    for (const row of mine) row.of = mine.length;
  }

  /** #behind is where the names that begin with a prefix end. */
  #behind(prefix, from, to) {
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.names[middle].startsWith(prefix)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
