/** The MAC of a frame that holds it (docs/format.md, "MAC"). */

import { SEAL } from "../constants.js";
import { bitOf, join, u32 } from "./bytes.js";
import { readGroups, writeGroups } from "./groups.js";
import { hmac } from "./keys.js";
import { MAC_GROUPS as GROUPS } from "./places.js";

export const { MAC_BYTES } = SEAL;

/**
 * A MAC's samples: each one has a side, by which it forms a pair with the sample above or below. The MAC covers the
 * pair's number and its bits say which one of the pair it is.
 */
export class MacPlaces {
  #samples;
  #zone;
  #sides;

  /**
   * @param {Uint8Array} samples of the frame
   * @param {Uint32Array} zone numbers of its samples
   * @param {Uint8Array} sides a bit for each element
   */
  constructor(samples, zone, sides) {
    this.#samples = samples;
    this.#zone = zone;
    this.#sides = sides;
  }

  /** The tag in the samples. */
  read = () => readGroups(this.#zone.length, GROUPS, this.#bit);

  /** Moves one sample of each group in which none can be changed. */
  prepare() {
    for (let group = 0; group < GROUPS; group++) {
      let changeable = false;
      for (let element = group; element < this.#zone.length; element += GROUPS)
        changeable ||= this.#change(element) !== 0;
      if (changeable) continue;
      const sample = this.#zone[group];
      this.#samples[sample] = this.#samples[sample] === 0 ? 1 : 254;
    }
  }

  /** Writes a tag, at the cheapest samples. @param {import("./costs.js").StepCosts} costs of all samples */
  write(tag, costs) {
    writeGroups(this.#samples, this.#zone, GROUPS, tag, costs, { bit: this.#bit, change: this.#change });
  }

  /**
   * The tag of a frame.
   *
   * @param {import("../picture.js").Picture} picture
   * @param {Uint8Array} key
   * @param {Uint8Array} [context] what it covers besides the samples
   */
  async tag({ width, height, data }, key, context = new Uint8Array()) {
    const message = join(u32(height), u32(width), data, context);
    for (let element = 0; element < this.#zone.length; element++) {
      message[8 + this.#zone[element]] = this.#shifted(element) >> 1;
    }
    return (await hmac(key, message)).subarray(0, MAC_BYTES);
  }

  #shifted = (element) => this.#samples[this.#zone[element]] + bitOf(this.#sides, element);
  #bit = (element) => this.#shifted(element) & 1;

  /** The step to the other sample of a pair; 0 if that is beyond the range. */
  #change = (element) => {
    const value = this.#samples[this.#zone[element]];
    const step = this.#bit(element) ? -1 : 1;
    return value + step < 0 || value + step > 255 ? 0 : step;
  };
}
