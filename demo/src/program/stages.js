/** How far the program is: it names what it does, and counts frames or tiles. */

const LABELS = {
  pass: "Passing the files to the program",
  waiting: "Waiting until another job has ended",
  compress: "Compressing the secret",
  hide: "Hiding",
  verify: "Reading it back",
  check: "Checking",
  "hide tiles": "Hiding",
  "measure tiles": "Checking the secret",
  "reveal tiles": "Revealing",
  reveal: "Revealing",
};

/** @returns {(stage: string, done: number, total: number) => {value: number | null, text: string}} null: unknown */
export const progressOf = () => (stage, done, total) => ({
  value: total ? (100 * done) / total : null,
  text: `${LABELS[stage] ?? "Working"}…${total > 1 ? ` ${done} of ${total}` : ""}`,
});
