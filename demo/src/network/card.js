/** What the page needs of the modem's card; the bundler reads it. @type {{rungs: import("../format/rungs.js").Rung[]}} */
export const MODEM = __MODEM__;
