/** How the page of `stegnet gui` is built: `npm run build -- --mode program`. */

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

const [PAGE, PROGRAM] = ["src/page", "src/program"].map((folder) => resolve(import.meta.dirname, "../..", folder));

/** Vite's configuration. */
export const ofProgram = {
  base: "./",
  plugins: [
    { name: "program", enforce: "pre", resolveId, transformIndexHtml: { order: "pre", handler: withTextsOfProgram } },
  ],
  build: { target: "es2023", assetsInlineLimit: 0, outDir: "../stegnet/gui/page", emptyOutDir: true },
};

/** Modules of src/program/ take the place of those with the same name in src/page/. */
function resolveId(source, importer = "") {
  const own = resolve(PROGRAM, source);
  return source.startsWith("./") && dirname(importer) === PAGE && existsSync(own) ? own : null;
}

/** What index.html says of the page alone is left out, and what stands there in comments for the program is said. */
function withTextsOfProgram(html) {
  return html.replace(/<!-- page -->[^]*?<!-- \/page -->/g, "").replace(/<!-- program:([^]*?)-->/g, "$1");
}
