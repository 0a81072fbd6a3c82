/** zlib streams (RFC 1950), by the browser's own codec. */

/** @param {Uint8Array} bytes */
export async function deflate(bytes) {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * The contents of a complete zlib stream with nothing after it.
 *
 * @param {Uint8Array} bytes
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
