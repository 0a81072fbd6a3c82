/** How far the program is: it names what it does, and counts frames or tiles. */

const LABELS = {
  pass: "Passing the files to the program",
  waiting: "Waiting for another job to end",
  open: "Opening the container",
  try: "Testing what survives",
  compare: "Comparing two ways",
  compress: "Compressing the secret",
  hide: "Hiding",
  verify: "Reading it back",
  check: "Checking",
  "hide tiles": "Hiding",
  "measure tiles": "Checking the secret",
  "reveal tiles": "Revealing",
  reveal: "Revealing",
  convert: "Converting",
  write: "Writing",
};

/** @returns {(...stage: any[]) => {value: number | null, text: string}} null: unknown */
export const progressOf = () => (stage, done, total, step, steps) => ({
  value: total > 1 || (total && done) ? (100 * done) / total : null, // a total of 0 is not known
  text: `${place(step, steps)}${LABELS[stage] ?? "Working"}…${total > 1 ? ` ${done} of ${total}` : ""}`,
});

const place = (step, steps) => (step ? `Step ${step} of ${steps}: ` : "");
