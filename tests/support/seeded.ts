/** Choices that look random and are the same in every run, for tests of properties. */
export class Seeded {
  #state: number;

  /** @param seed Another seed gives other choices. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(this.#state / 2 ** 32 * limit);
  }

  /** One of some things. */
  pick<Thing>(things: readonly Thing[]): Thing {
    const thing = things[this.below(things.length)];
    if (thing === undefined) throw new RangeError("There is nothing to pick");
    return thing;
  }

  /** Bytes, compressible about half of the time. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const values = this.pick([2, 256]);
    return Uint8Array.from({ length }, () => this.below(values));
  }

  /** As many results of `make` as asked for. */
  list<Item>(length: number, make: () => Item): Item[] {
    return Array.from({ length }, make);
  }
}
