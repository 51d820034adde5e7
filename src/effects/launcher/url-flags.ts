import { hash } from 'node:crypto';

const FIRST_SLOTS = 1 << 12;
const MAX_LOAD = 0.7;

/**
 * A byte of flags for each of many URLs. It keeps 48 bits of a digest instead of the URL, so that a million of them take
 * some 20 MB; among a million, two share these bits in one of 500 crawls, and one of the two is then not counted.
 */
export class UrlFlags {
  #hashes = new Float64Array(FIRST_SLOTS);
  #flags = new Uint8Array(FIRST_SLOTS);
  #count = 0;
  #canGrow = true;

  /** 0 for an unknown URL. */
  get(url: string): number {
    return this.#flags[this.#slotOf(hashOf(url))] ?? 0;
  }

  /** A new URL is left out when there is no memory for more. */
  set(url: string, flags: number): void {
    const key = hashOf(url);
    let slot = this.#slotOf(key);
    if (this.#hashes[slot] === 0) {
      if (this.#count >= this.#hashes.length * MAX_LOAD) {
        this.#grow();
        slot = this.#slotOf(key);
      }
      if (this.#count >= this.#hashes.length * MAX_LOAD) return;
      this.#hashes[slot] = key;
      this.#count += 1;
    }
    this.#flags[slot] = flags;
  }

  /** The flags of every URL, in no order. */
  *values(): Generator<number> {
    for (const flags of this.#flags) if (flags !== 0) yield flags;
  }

  #slotOf(key: number): number {
    const slots = this.#hashes.length;
    let slot = key % slots;
    while (this.#hashes[slot] !== 0 && this.#hashes[slot] !== key) slot = (slot + 1) % slots;
    return slot;
  }

  #grow(): void {
    if (!this.#canGrow) return;
    const [hashes, flags] = [this.#hashes, this.#flags];
    try {
      const [moreHashes, moreFlags] = [
        new Float64Array(hashes.length * 2),
        new Uint8Array(hashes.length * 2),
      ];
      [this.#hashes, this.#flags] = [moreHashes, moreFlags];
    } catch {
      this.#canGrow = false;
      return;
    }
    hashes.forEach((key, index) => {
      if (key === 0) return;
      const slot = this.#slotOf(key);
      this.#hashes[slot] = key;
      this.#flags[slot] = flags[index] ?? 0;
    });
  }
}

/** The first 48 bits of a digest, as a number that is never 0 (which marks a free slot). */
function hashOf(url: string): number {
  return hash('sha1', url, 'buffer').readUIntBE(0, 6) || 1;
}
