/** The order in which a scan has its blocks (ITU-T T.81, annex A.2). */

/**
 * Visits the blocks of a scan in order, those that only fill up an MCU as well.
 *
 * @param {import("./markers.js").JpegFile} file
 * @param {import("./markers.js").Scan} scan
 * @param {(interval: number) => void} begin called before the first block of each restart interval
 * @param {(place: number, row: number, col: number) => void} visit place: of the component in the scan
 */
export function eachBlock(file, scan, begin, visit) {
  const parts = scan.components.map((index) => file.components[index]);
  const isAlone = parts.length === 1;
  const [rows, cols] = isAlone ? [parts[0].rows, parts[0].cols] : unitsOf(file);
  const sizes = parts.map(({ across, down }) => (isAlone ? { across: 1, down: 1 } : { across, down }));
  const interval = scan.interval || rows * cols;
  for (let unit = 0; unit < rows * cols; unit++) {
    if (unit % interval === 0) begin(unit / interval);
    const [row, col] = [Math.floor(unit / cols), unit % cols];
    for (let place = 0; place < sizes.length; place++) {
      const { across, down } = sizes[place];
      for (let y = row * down; y < (row + 1) * down; y++) {
        for (let x = col * across; x < (col + 1) * across; x++) visit(place, y, x);
      }
    }
  }
}

/** Rows and columns of MCUs. */
const unitsOf = ({ width, height, across, down }) => [Math.ceil(height / (8 * down)), Math.ceil(width / (8 * across))];
