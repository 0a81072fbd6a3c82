/** Where the work is done: in the program, which the page can end. */

import { button, make } from "../elements.js";
import { gone } from "./work.js";

/** Says so, and offers to quit. @returns {Promise<() => string>} getter of the device, which is the program's matter */
export async function setUpDevice() {
  const line = document.getElementById("device");
  const quit = button("Quit stegnet", end, { className: "quiet", id: "quit" });
  line.append("The stegnet program on this machine does the work. ", quit);
  return () => "program";

  async function end() {
    const ended = await fetch("quit", { method: "POST" }).then(
      ({ ok }) => ok,
      () => false,
    );
    const text = ended ? "The program has ended: you can close this page." : gone().message;
    document.querySelector("main").replaceChildren(make("p", { className: "notice hint", role: "status" }, text));
    line.replaceChildren();
  }
}
