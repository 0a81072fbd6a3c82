/** Reading of dropped files: what the browser can't show, such as HEIC, the program may read all the same. */

import { PageError } from "../errors.js";
import { isFilm } from "../page/film.js";
import { readContainer as readShown, readCover as readSeen, readOther, readSecret } from "../page/read.js";

export { readSecret };
export const readCover = (file) => orUnseen(file, readSeen);
export const readContainer = (file) => orUnseen(file, readShown);

async function orUnseen(file, read) {
  try {
    return await read(file);
  } catch (error) {
    if (!(error instanceof PageError)) throw error;
    return { ...readOther(file), ...((await isFilm(file)) ? { film: {} } : {}) };
  }
}
