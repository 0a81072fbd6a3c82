/** Choice of the device that runs the networks. */

import { make } from "@page/elements.js";

const NAMES = { gpu: "the graphics card (WebGPU)", cpu: "the processor (WebAssembly)" };

/**
 * Shows the choice, with the graphics card first if available.
 *
 * @returns {Promise<() => "gpu" | "cpu">} getter of the chosen device
 */
export async function setUpDevice() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const found = adapter ? ["gpu", "cpu"] : ["cpu"];
  const line = document.getElementById("device");
  if (found.length === 1) {
    line.append(`Runs on ${NAMES.cpu}.`);
    return () => "cpu";
  }
  const options = found.map((value) => make("option", { value }, NAMES[value]));
  const select = make("select", { id: "device-choice" }, ...options);
  line.append(make("label", { for: "device-choice" }, "Runs on "), select);
  return () => select.value;
}
