/**
 * The service worker that keeps the page for use without a network. The build puts FILES before it (plugin.js).
 *
 * Installing keeps the page itself; what it computes with is kept when the page asks for it, or when it is first used.
 */

/* global FILES */
const CACHE = "stegnet";
const HASHED = "assets/"; // whose files have their content's hash in their names, and so never change
const PAGE = "./";
const ANY_ORIGIN = { ignoreVary: true }; // some hosts’ files vary by origin, which is always the same
/** Headers that allow threads to share memory, also where the host sends none: of the page, and of workers' scripts. */
const ISOLATION = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

self.addEventListener("install", (event) => event.waitUntil(keep(FILES.page)));
self.addEventListener("activate", (event) => event.waitUntil(forget().then(() => self.clients.claim())));
self.addEventListener("message", (event) => event.waitUntil(answer(event)));
self.addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  if (method !== "GET" || !url.startsWith(self.registration.scope)) return;
  const isHashed = url.slice(self.registration.scope.length).startsWith(HASHED);
  const kept = mode === "navigate" ? PAGE : event.request;
  event.respondWith(isolated(isHashed ? cacheFirst(event.request) : networkFirst(event.request, kept)));
});

/** Adds files to the cache, one after the other; those that may have changed are loaded again. */
async function keep(names) {
  const cache = await caches.open(CACHE);
  for (const name of names) {
    const isHashed = name.startsWith(HASHED);
    if (isHashed && (await cache.match(name, ANY_ORIGIN))) continue;
    await cache.add(new Request(name, { cache: isHashed ? "default" : "no-cache" }));
  }
}

/** Drops the files of earlier versions. */
async function forget() {
  const cache = await caches.open(CACHE);
  const known = new Set(
    [...FILES.page, ...FILES.cpu, ...FILES.gpu, ...FILES.later].map(
      (name) => new URL(name, self.registration.scope).href,
    ),
  );
  for (const request of await cache.keys()) if (!known.has(request.url)) await cache.delete(request);
}

/** Keeps what a device computes with, and tells the page how that went. */
async function answer({ data: { device }, ports: [port] }) {
  try {
    await keep(FILES[device]);
    port.postMessage({ kept: true });
  } catch (error) {
    port.postMessage({ kept: false, reason: String(error) });
  }
}

async function cacheFirst(request) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request, ANY_ORIGIN);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

async function networkFirst(request, kept) {
  try {
    return await fetch(request);
  } catch (error) {
    const found = await (await caches.open(CACHE)).match(kept, ANY_ORIGIN);
    if (found) return found;
    throw error;
  }
}

async function isolated(responding) {
  const response = await responding;
  if (response.type === "opaqueredirect") return response; // the browser follows it
  const { body, status, statusText, headers } = response;
  const all = new Headers(headers);
  for (const [name, value] of Object.entries(ISOLATION)) all.set(name, value);
  return new Response(body, { status, statusText, headers: all });
}
