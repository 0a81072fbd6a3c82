/** Data that a page of one file holds besides its script (stegnet/gui/one_page.py); other pages have none. */

const block = globalThis.document?.getElementById("embedded");

/** @type {{examples?: Object<string, string>, modem?: {options: object, weights: string}}} bytes in Base64 */
export const EMBEDDED = block ? JSON.parse(block.textContent) : {};

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt());
