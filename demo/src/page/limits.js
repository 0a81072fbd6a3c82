/** What the page takes: enough for what people send, little enough for a browser's memory. */

/** Pixels of a cover or a secret that is a picture; larger ones are scaled down. */
export const MAX_PIXELS = 4096 * 3072;

/** Bytes of a secret: it is read into memory whole. */
export const MAX_SECRET = 2 ** 28;

/** Name of a hidden text: a file of this name is shown when it is revealed. */
export const TEXT_NAME = "message.txt";

/** Bytes of a text that is shown; a longer one is saved as a file. */
export const MAX_TEXT = 2 ** 16;
