import { encode } from "fast-png";

/** A picture as a PNG file in colours. */
export const writePng = ({ width, height, data }) => encode({ width, height, data, channels: 3, depth: 8 });
