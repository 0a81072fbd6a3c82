/** Plays films in Chromium and prints what it decoded of each, as JSON: `node play.js FILM…`. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { chromium } from "playwright-core";

const BROWSER = process.env.STEGNET_CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"];

/** Plays the film at an address to its end; its size, seconds, decoded frames, bytes of sound and a pixel, or why not. */
async function play(source) {
  const film = document.createElement("video");
  document.body.append(film);
  const ended = new Promise((resolve, reject) => {
    film.onended = resolve;
    film.onerror = () => reject(new Error(film.error.message));
  });
  film.src = source;
  try {
    await film.play();
    await ended;
  } catch (error) {
    return { error: error.message };
  }
  const canvas = new OffscreenCanvas(film.videoWidth, film.videoHeight).getContext("2d");
  canvas.drawImage(film, 0, 0);
  const pixel = canvas.getImageData(film.videoWidth >> 1, film.videoHeight >> 1, 1, 1).data;
  return {
    width: film.videoWidth,
    height: film.videoHeight,
    seconds: film.duration,
    frames: film.webkitDecodedFrameCount,
    soundBytes: film.webkitAudioDecodedByteCount,
    pixel: [...pixel.slice(0, 3)],
  };
}

const films = process.argv.slice(2);
const server = createServer(async (request, response) => {
  const film = films[Number(request.url.slice(1))];
  response.setHeader("content-type", film ? "video/mp4" : "text/html");
  response.end(film ? await readFile(film) : "<!doctype html>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;
const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
try {
  const page = await browser.newPage();
  await page.goto(`${address}/page`);
  const results = [];
  for (const [number] of films.entries()) results.push(await page.evaluate(play, `${address}/${number}`));
  console.log(JSON.stringify(results));
} finally {
  await browser.close();
  server.close();
}
