import { type AccessOptions, freeSpace } from '../effects/storage-access.ts';

/** A local folder with less free space than the worker wants. */
export interface LowSpace {
  readonly path: string;
  readonly freePercent: number;
}

/** A look serves the jobs that begin within the next seconds: with many small ones it would cost more than they do. */
const freshMs = 5000;

/**
 * Watches the first of the folders that lies on a disk with less than `minimumPercent` free. A folder that does not exist
 * yet, or a file system that tells no size, has enough.
 */
export class SpaceWatch {
  readonly #folders: readonly string[];
  readonly #minimumPercent: number;
  readonly #access: AccessOptions;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #low: LowSpace | null = null;

  constructor(folders: readonly string[], minimumPercent: number, access: AccessOptions) {
    this.#folders = folders;
    this.#minimumPercent = minimumPercent;
    this.#access = access;
  }

  /** Null: all have enough. What was too little is looked at each time, so that it is known at once when there is more. */
  async low(): Promise<LowSpace | null> {
    if (this.#minimumPercent === 0) return null;
    if (this.#low !== null || performance.now() > this.#lookedAtMs + freshMs) {
      this.#low = await this.#look();
      this.#lookedAtMs = performance.now();
    }
    return this.#low;
  }

  async #look(): Promise<LowSpace | null> {
    for (const path of this.#folders) {
      const answer = await freeSpace(path, this.#access);
      if (answer.kind !== 'free' || answer.space === null) continue;
      const { percent } = answer.space;
      if (percent < this.#minimumPercent) return { path, freePercent: percent };
    }
    return null;
  }
}
