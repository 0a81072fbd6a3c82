/** What the page needs of the modem's card, by the bundler. @type {{rungs: import("../format/rungs.js").Rung[]}} */
export const MODEM = __MODEM__;
