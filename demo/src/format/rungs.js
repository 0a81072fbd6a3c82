/** The operating points of a modem (docs/format.md, "Blocks and rungs"). */

/**
 * A trade of bits against robustness that a modem has learnt.
 *
 * @typedef {{name: string, first: number, bits: number, psnr: number, lowest: number, highest: number}} OperatingPoint first,
 *   bits: its bits among those of a block; psnr: of its containers in dB; lowest, highest: JPEG qualities that it was
 *   trained for
 */

/** Operating points as a modem's card lists them, with the places of their bits. @returns {OperatingPoint[]} */
export function operatingPoints(listed) {
  let next = 0;
  return listed.map(({ name, bits, psnr, lowest, highest }) => {
    const point = { name, first: next, bits, psnr, lowest, highest };
    next += bits;
    return point;
  });
}
