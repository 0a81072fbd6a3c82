/** The part of the modem's card that the page needs, by the bundler. @type {import("./engine.js").Engine["modem"]} */
export const MODEM = __MODEM__;
