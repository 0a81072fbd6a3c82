/** A dialogue that reads a QR code with the camera. */

import { button, make } from "../elements.js";
import { PageError } from "../errors.js";
import { codeIn } from "./code.js";

const EVERY = 150; // milliseconds between frames that are searched
const SIDE = 640; // pixels of the longer side at which they are
const FRAMING = { video: { facingMode: "environment", width: { ideal: 1280 } } };
const REASONS = {
  NotAllowedError: [
    "The browser refused the camera.",
    "Allow it for this page in the browser, or choose a picture of the code.",
  ],
  NotFoundError: ["There is no camera.", "Choose the key file, or a picture of its QR code."],
};

/**
 * Asks for the camera and waits for a code.
 *
 * @returns {Promise<string | null>} the code's text; null if the visitor closes the dialogue
 * @throws {PageError} there is no camera, or it was refused
 */
export async function scan() {
  const stream = await openCamera();
  const video = make("video", { srcObject: stream, muted: true, playsInline: true, autoplay: true });
  video.setAttribute("aria-label", "the camera’s picture");
  const dialog = make(
    "dialog",
    { className: "scan", "aria-label": "Scan a QR code" },
    video,
    make("p", { role: "status" }, "Hold the key’s QR code in front of the camera."),
    button("Cancel", () => dialog.close(), { className: "quiet" }),
  );
  document.body.append(dialog);
  dialog.showModal();
  try {
    return await firstCode(video, dialog);
  } finally {
    for (const track of stream.getTracks()) track.stop();
    dialog.close();
    dialog.remove();
  }
}

async function openCamera() {
  try {
    if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
    return await navigator.mediaDevices.getUserMedia(FRAMING);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new PageError(...(REASONS[error.name] ?? ["The camera can’t be used.", "Choose a picture of the code."]));
  }
}

async function firstCode(video, dialog) {
  while (dialog.open) {
    const { videoWidth: width, videoHeight: height } = video;
    const text = width ? await codeIn(video, width, height, SIDE) : null;
    if (text !== null) return text;
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  return null;
}
