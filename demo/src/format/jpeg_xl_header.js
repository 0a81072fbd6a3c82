/**
 * Headers of JPEG XL codestreams (ISO/IEC 18181-1). Only what lossless encoders write of 8-bit RGB is decoded: one frame
 * of a known size, in modular mode, without anything else. Others may take any amount of memory.
 */

const SIGNATURE = [0xff, 0x0a];
const LONGEST = 64; // bytes of such a header, and more
const RATIOS = [[1, 1], [12, 10], [4, 3], [3, 2], [16, 9], [5, 4], [2, 1]]; // of width and height (annex D.2)
const [RGB, D65, SRGB, SRGB_TRANSFER] = [0, 1, 1, 13]; // colour space, white point, primaries, transfer function

/** Distributions of numbers (B.2.2, U32): an offset, and the bits of the number that is added to it. */
const SIDES = [[1, 9], [1, 13], [1, 18], [1, 30]];
const DEPTHS = [[8, 0], [10, 0], [12, 0], [1, 6]];
const CHANNELS = [[0, 0], [1, 0], [2, 4], [1, 12]];
const ENUMERATED = [[0, 0], [1, 0], [2, 4], [18, 6]];

/** Reads bits, the lowest of each byte first. */
class Bits {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  /** The number in the next bits. @throws {RangeError} fewer are left */
  take(count) {
    if (this.#at + count > 8 * this.#bytes.length) throw new RangeError("a truncated JPEG XL header");
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.#at++) value += ((this.#bytes[this.#at >> 3] >> (this.#at & 7)) & 1) * 2 ** bit;
    return value;
  }

  /** A number that one of four distributions describes. */
  chosen(choices) {
    const [offset, count] = choices[this.take(2)];
    return offset + this.take(count);
  }

  /** @throws {RangeError} the next bits are another number */
  expect(count, wanted) {
    require(this.take(count) === wanted);
  }

  /** Skips bits up to the next byte. */
  align() {
    this.take(-this.#at & 7);
  }
}

/** @throws {RangeError} a codestream is not one lossless frame of 8-bit RGB, of this size and without extras */
export function requirePlain(bytes, width, height) {
  require(SIGNATURE.every((byte, at) => bytes[at] === byte));
  const bits = new Bits(bytes.subarray(SIGNATURE.length, LONGEST));
  const [wide, tall] = readSize(bits);
  require(wide === width && tall === height);
  requireRgb(bits);
  bits.align();
  requireSingleFrame(bits);
}

/** Width and height (D.2, SizeHeader). */
function readSize(bits) {
  const isSmall = bits.take(1);
  const side = () => (isSmall ? 8 * (1 + bits.take(5)) : bits.chosen(SIDES));
  const height = side();
  const ratio = bits.take(3);
  if (!ratio) return [side(), height];
  const [wide, tall] = RATIOS[ratio - 1];
  return [Math.floor((height * wide) / tall), height];
}

/** Reads the picture's metadata (D.3, ImageMetadata), which must be those of 8-bit sRGB without transforms. */
function requireRgb(bits) {
  bits.expect(1, 0); // not all default, which is XYB
  bits.expect(1, 0); // no orientation, preview, animation
  bits.expect(1, 0); // integer samples
  require(bits.chosen(DEPTHS) === 8);
  bits.take(1); // whether buffers of 16 bits suffice
  require(bits.chosen(CHANNELS) === 0); // extra ones
  bits.expect(1, 0); // not XYB
  if (!bits.take(1)) {
    // not the default encoding of colours, sRGB
    bits.expect(1, 0); // no ICC profile
    for (const wanted of [RGB, D65, SRGB]) require(bits.chosen(ENUMERATED) === wanted);
    bits.expect(1, 0); // no gamma
    require(bits.chosen(ENUMERATED) === SRGB_TRANSFER);
    bits.chosen(ENUMERATED); // rendering intent
  }
  bits.expect(2, 0); // no extensions
  bits.expect(1, 1); // default transforms
}

/** Reads the frame's header (F.2, FrameHeader), which must be that of the only frame, of the picture's size. */
function requireSingleFrame(bits) {
  bits.expect(1, 0); // not all default, which is lossy
  bits.expect(2, 0); // a regular frame
  bits.expect(1, 1); // modular
  bits.expect(2, 0); // no flags: noise, patches, splines
  bits.expect(1, 0); // not YCbCr
  bits.expect(2, 0); // not upsampled
  bits.take(2); // size of groups
  bits.expect(2, 0); // one pass
  bits.expect(1, 0); // not cropped
  bits.expect(2, 0); // replaces what was there
  bits.expect(1, 1); // the last frame
}

function require(holds) {
  if (!holds) throw new RangeError("not a plain JPEG XL picture");
}
