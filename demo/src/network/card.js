/** What the page needs of the modem's card, by the bundler. @type {import("./engine.js").Engine["modem"]} */
export const MODEM = __MODEM__;
