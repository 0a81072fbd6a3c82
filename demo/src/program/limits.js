/** What the page takes: anything, since the program does the work. */

export { MAX_TEXT, TEXT_NAME } from "../page/limits.js";
export const MAX_PIXELS = Infinity;
export const MAX_SECRET = Infinity;
