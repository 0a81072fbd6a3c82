/** Reading of dropped files, films too. */

import { isFilm } from "@page/form/film.js";
import { readFilm } from "@page/form/read.js";

import * as pictures from "../../../stegnet/gui/browser/page/read.js";

/** As of a page's backend. */
export const readCover = async (file) => ((await isFilm(file)) ? readFilm(file) : pictures.readCover(file));
export const readContainer = async (file) => ((await isFilm(file)) ? readFilm(file) : pictures.readContainer(file));
