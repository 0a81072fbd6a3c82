/** Bytes: their serialisation, integers big-endian (docs/format.md, "Conventions"), and zlib streams (RFC 1950). */

/** Joins byte arrays. */
export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A 32-bit integer as bytes. */
export function u32(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** A 64-bit integer as bytes. */
export function u64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Bytes, preceded by their length in 32 bits. */
export const sized = (bytes) => join(u32(bytes.length), bytes);

/** True if two byte arrays are equal, in constant time. */
export function equal(one, other) {
  if (one.length !== other.length) return false;
  let differ = 0;
  for (let at = 0; at < one.length; at++) differ |= one[at] ^ other[at];
  return differ === 0;
}

/** Bit number `index` of bytes, the highest of each byte first. */
export const bitOf = (bytes, index) => (bytes[index >> 3] >> (7 - (index & 7))) & 1;

/** Bits of bytes, one in each element. */
export const unpacked = (bytes) => Uint8Array.from({ length: 8 * bytes.length }, (_, index) => bitOf(bytes, index));

/** Bytes of bits; bits that fill no byte are left out. */
export const packed = (bits) =>
  Uint8Array.from({ length: Math.floor(bits.length / 8) }, (_, at) =>
    bits.subarray(8 * at, 8 * at + 8).reduce((byte, bit) => 2 * byte + bit, 0),
  );

export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
export const fromHex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));

/** Reads fields in sequence. */
export class Reader {
  #bytes;
  #view;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** The next `size` bytes. @throws {RangeError} fewer are left */
  take(size) {
    if (this.#at + size > this.#bytes.length) throw new RangeError("unexpected end of data");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  u8 = () => this.take(1)[0];
  u16 = () => this.#number(2, "getUint16");
  u32 = () => this.#number(4, "getUint32");
  i64 = () => this.#number(8, "getBigInt64");
  sized = () => this.take(this.u32());
  rest = () => this.take(this.#bytes.length - this.#at);

  #number(size, get) {
    this.take(size);
    return this.#view[get](this.#at - size);
  }
}

export async function deflate(bytes) {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * The contents of a complete zlib stream with nothing after it.
 *
 * @param {number} size that the contents must have; no more is unpacked
 * @throws {RangeError} not such a stream, or of another size
 */
export async function inflate(bytes, size) {
  try {
    return await inflated(bytes, size);
  } catch (error) {
    throw new RangeError("not a zlib stream of this size", { cause: error });
  }
}

async function inflated(bytes, size) {
  const flat = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")))) {
    if (filled + chunk.length > size) throw new RangeError("the stream is too long");
    flat.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled !== size) throw new RangeError("the stream is too short");
  return flat;
}

/** Async iteration, which not every browser's streams support. */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    await reader.cancel();
  }
}
