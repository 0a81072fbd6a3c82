/** Constants that Python writes: `python -m tools.page_constants`. */

export * from "../../stegnet/gui/page/constants.js";
