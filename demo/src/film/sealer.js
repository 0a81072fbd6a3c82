/** A worker that embeds shares of a file in frames. */

import { makeEmbedder } from "../../../stegnet/gui/browser/codec/sealed.js";

let embed = null;

self.onmessage = async ({ data: { embedding, keyInput, frame, index, share } }) => {
  embed ??= makeEmbedder(embedding, keyInput);
  const error = await (await embed)(frame, index, share);
  postMessage({ frame, error }, [frame.data.buffer]);
};

// Otherwise the page's worker would wait for ever.
self.onunhandledrejection = ({ reason }) => {
  throw reason;
};
