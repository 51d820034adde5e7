import { isBelow, withAncestors } from './path-relation.ts';

interface Entry<T> {
  readonly path: string;
  /** Its place among all. */
  readonly index: number;
  readonly value: T;
}

/** Things by their absolute paths, found without going through all of them. Of several at one path the first is the nearest. */
export class PathIndex<T> {
  readonly #sorted: readonly Entry<T>[];
  readonly #first = new Map<string, T>();

  constructor(values: readonly T[], pathOf: (value: T) => string) {
    this.#sorted = values
      .map((value, index) => ({ path: pathOf(value), index, value }))
      .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
    for (const value of values) if (!this.#first.has(pathOf(value))) this.#first.set(pathOf(value), value);
  }

  /** The one at the path, or at the nearest directory above it. */
  nearest(path: string): T | undefined {
    const at = withAncestors(path).findLast((each) => this.#first.has(each));
    return at === undefined ? undefined : this.#first.get(at);
  }

  /** Those strictly below the path, in their first order. */
  below(path: string): T[] {
    // In order of characters, what lies below a directory comes in one piece, after `DIR/`.
    const prefix = path === '/' ? '/' : `${path}/`;
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle]?.path ?? '') < prefix) low = middle + 1;
      else high = middle;
    }
    const found: Entry<T>[] = [];
    for (let at = low; at < this.#sorted.length; at += 1) {
      const entry = this.#sorted[at];
      if (!entry?.path.startsWith(prefix)) break;
      if (isBelow(entry.path, path)) found.push(entry);
    }
    return found.sort((a, b) => a.index - b.index).map(({ value }) => value);
  }
}
