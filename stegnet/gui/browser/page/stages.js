/** Stages of the worker's jobs. */

/** Label of each stage of a job, and its share of the bar. */
export const STAGES = {
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
  survive: {
    pictures: ["Reading the pictures", 2],
    load: ["Loading the network", 8],
    rate: ["Testing what survives", 38],
    fit: ["Coding the secret", 18],
    embed: ["Hiding", 10],
    check: ["Checking what survives", 22],
    write: ["Writing the JPEG file", 2],
  },
  reveal: {
    pictures: ["Reading the container", 2],
    key: ["Revealing", 4],
    try: ["Trying the passphrase", 40],
    reveal: ["Revealing", 30],
    resized: ["Revealing", 20],
    write: ["Writing the PNG file", 4],
  },
};

/**
 * Progress of jobs.
 *
 * @param {Object<string, Object<string, [string, number]>>} stagesOf each job: a label, and a share of the bar
 * @returns {(job: object) => (stage: string, done: number, total: number) => {value: number | null, text: string}} value: of the bar, up
 *   to 100; null if it is unknown
 */
export const makeProgress = (stagesOf) => ({ job, what }) => {
  const stages = Object.entries(stagesOf[what.film ? `${job} film` : job]);
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
};
