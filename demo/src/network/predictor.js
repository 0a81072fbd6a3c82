/** The network that predicts a picture's levels, on ONNX Runtime on the processor, whose sums are exact. */

const GRAPHS = ["pass1", "pass2", "pass3", "mixture"];
const SEEN = 6;

/**
 * A network whose graphs are loaded when they are first used.
 *
 * @param {{id: string, reach: number}} described
 * @param {() => Promise<typeof import("onnxruntime-web")>} load the runtime
 * @param {(name: string) => Promise<Uint8Array>} graph the bytes of a graph's file
 * @returns {import("../format/predicted.js").Predictor}
 */
export function makePredictor({ id, reach }, load, graph) {
  const sessions = {};

  async function run(number, inputs, wanted) {
    const ort = await load();
    const name = GRAPHS[number];
    sessions[name] ??= await ort.InferenceSession.create(await graph(name), {
      executionProviders: ["wasm"],
      enableMemPattern: false, // strips differ in size
      logSeverityLevel: 3,
    });
    const feeds = Object.entries(inputs).map(([input, [type, data, dims]]) => [input, new ort.Tensor(type, data, dims)]);
    const outputs = await sessions[name].run(Object.fromEntries(feeds));
    return wanted.map((output) => outputs[output].data);
  }

  const whole = (value) => ["int64", BigInt64Array.of(BigInt(value)), []];
  return {
    id,
    reach,
    async trunk(pass, film, known, rows, columns) {
      const channels = known.length / (rows * columns);
      const inputs = { known: ["float32", known, [1, channels, rows, columns]], film: whole(film) };
      const [linear, features] = await run(pass, inputs, ["linear", "features"]);
      return { linear, features };
    },
    async mixture(which, features, seen, rows, columns) {
      const channels = features.length / (rows * columns);
      const inputs = {
        features: ["float32", features, [1, channels, rows, columns]],
        seen: ["float32", seen, [1, SEEN, rows, columns]],
        which: whole(which),
      };
      const [mixture] = await run(GRAPHS.length - 1, inputs, ["mixture"]);
      return mixture;
    },
  };
}
