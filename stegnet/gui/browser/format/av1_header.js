/**
 * Headers of AV1 pictures (AV1 specification, 5.3 to 5.5). Decoders believe them, whatever the boxes around a picture say:
 * only one frame of a known size is decoded. Others may take any amount of memory.
 */

const [SEQUENCE_HEADER, FRAME_HEADER, FRAME] = [1, 3, 6]; // types of units (OBUs)
const ONE_ITEM = [0, 0, 0, 0, 0x44, 0, 0, 1]; // "iloc": places of 32 bits, of one item
const ONE_EXTENT = [0, 0, 0, 1];

/** @throws {RangeError} AV1 data is not one frame of this size, by its sequence header */
export function requirePicture(data, width, height) {
  let [declared, frames] = [false, 0];
  for (const { kind, unit } of units(data)) {
    if (kind === SEQUENCE_HEADER) {
      const [wide, tall] = sizeOf(unit);
      require(wide === width && tall === height);
      declared = true;
    } else if (kind === FRAME_HEADER || kind === FRAME) {
      require(declared);
      frames++;
    }
  }
  require(frames === 1);
}

function* units(data) {
  for (let at = 0; at < data.length; ) {
    const [kind, isExtended, hasSize] = [(data[at] >> 3) & 15, data[at] & 4, data[at] & 2];
    at += isExtended ? 2 : 1;
    let size = data.length - at;
    if (hasSize) {
      size = 0;
      for (let group = 0, more = true; more; group++, at++) {
        require(group < 8 && at < data.length);
        size += (data[at] & 0x7f) * 2 ** (7 * group);
        more = data[at] >= 0x80;
      }
    }
    require(size >= 0 && at + size <= data.length);
    yield { kind, unit: data.subarray(at, at + size) };
    at += size;
  }
}

/** Width and height of a still picture by its sequence header, which must be the reduced one. */
function sizeOf(unit) {
  let at = 0;
  const take = (count) => {
    require(at + count <= 8 * unit.length);
    let value = 0;
    for (const end = at + count; at < end; at++) value = 2 * value + ((unit[at >> 3] >> (7 - (at & 7))) & 1);
    return value;
  };
  take(3); // profile
  require(take(2) === 3); // a still picture with a reduced header
  take(5); // level
  const [bitsOfWidth, bitsOfHeight] = [take(4) + 1, take(4) + 1];
  return [take(bitsOfWidth) + 1, take(bitsOfHeight) + 1];
}

/** The AV1 data of an AVIF file of one picture. @throws {RangeError} it is none */
export function pictureData(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const outer = boxes(view, 0, file.length);
  require(!outer.some(({ name }) => name === "moov")); // not a film
  const meta = only("meta", outer);
  const inside = boxes(view, meta.content + 4, meta.end);
  const items = only("iinf", inside);
  require(items.end >= items.content + 6 && view.getUint32(items.content) === 0 && view.getUint16(items.content + 4) === 1);
  const place = only("iloc", inside);
  const described = file.subarray(place.content, place.end);
  require(described.length === 22 && ONE_ITEM.every((byte, at) => described[at] === byte));
  require(ONE_EXTENT.every((byte, at) => described[10 + at] === byte));
  const [start, size] = [view.getUint32(place.content + 14), view.getUint32(place.content + 18)];
  require(start + size <= file.length);
  return file.subarray(start, start + size);
}

function boxes(view, start, end) {
  const found = [];
  for (let at = start; at + 8 <= end; at = found.at(-1).end) {
    const size = view.getUint32(at);
    require(size >= 8 && at + size <= end);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((byte) => view.getUint8(at + byte)));
    found.push({ name, content: at + 8, end: at + size });
  }
  return found;
}

function only(name, among) {
  const found = among.filter((box) => box.name === name);
  require(found.length === 1);
  return found[0];
}

function require(holds) {
  if (!holds) throw new RangeError("not an AVIF picture of this size");
}
