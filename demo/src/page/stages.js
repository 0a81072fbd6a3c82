/** Stages of the worker's jobs. */

/** Label of each stage of a job, and its share of the bar. */
const STAGES = {
  hide: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    code: ["Coding the secret", 10],
    enhance: ["Coding the secret", 6],
    prepare: ["Preparing the secret", 2],
    hide: ["Hiding", 22],
    seal: ["Hiding", 12],
    write: ["Writing the PNG file", 4],
    key: ["Reading it back", 6],
    reveal: ["Checking the secret", 18],
    restore: ["Checking the secret", 8],
  },
  survive: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    rate: ["Testing what survives", 38],
    fit: ["Coding the secret", 18],
    embed: ["Hiding", 10],
    check: ["Checking what survives", 22],
    write: ["Writing the JPEG file", 2],
  },
  seal: {
    pictures: ["Reading the cover", 4],
    seal: ["Hiding", 76],
    write: ["Writing the PNG file", 20],
  },
  jpeg: {
    pictures: ["Reading the cover", 10],
    costs: ["Measuring the cover", 50],
    seal: ["Hiding", 30],
    write: ["Writing the JPEG file", 10],
  },
  "seal film": {
    load: ["Loading FFmpeg, which reads films", 10],
    read: ["Reading the cover", 10],
    seal: ["Hiding", 60],
    write: ["Writing the film", 10],
    check: ["Reading it back", 10],
  },
  "reveal film": {
    load: ["Loading FFmpeg, which reads films", 15],
    read: ["Reading the container", 25],
    reveal: ["Revealing", 60],
  },
  reveal: {
    pictures: ["Reading the container", 2],
    load: ["Loading the network", 10],
    key: ["Revealing", 4],
    try: ["Trying the passphrase", 40],
    code: ["Revealing", 4],
    enhance: ["Revealing", 10],
    reveal: ["Revealing", 18],
    restore: ["Revealing", 10],
    write: ["Writing the PNG file", 2],
  },
};

/**
 * Progress of a job.
 *
 * @returns {(stage: string, done: number, total: number) => {value: number | null, text: string}} value: of the bar, up
 *   to 100; null if it is unknown
 */
export function progressOf({ job, what }) {
  const stages = Object.entries(STAGES[what.film ? `${job} film` : job]);
  const at = { value: 0, text: "Starting" };
  return (stage, done, total) => {
    const index = stages.findIndex(([name]) => name === stage);
    if (index < 0) return at; // a part of the stage that is shown
    const [label, share] = stages[index][1];
    const before = stages.slice(0, index).reduce((sum, [, [, part]]) => sum + part, 0);
    at.value = Math.max(at.value, before + (total ? (share * done) / total : 0));
    at.text = `${label}…`;
    return at;
  };
}
