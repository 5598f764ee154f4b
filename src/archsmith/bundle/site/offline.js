// A service worker: keeps the files of this page, and gives them out where there is no network. With a network the
// newest files are taken.
const FILES = [/* files */];
const kept = () => caches.open(registration.scope);

self.addEventListener("install", (event) => event.waitUntil(kept().then((cache) => cache.addAll(FILES))));

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET" && event.request.url.startsWith(registration.scope)) {
    event.respondWith(newest(event.request));
  }
});

async function newest(request) {
  const cache = await kept();
  try {
    const found = await fetch(request.url, { cache: "no-cache" }); // or files of two versions would meet
    if (found.ok) await cache.put(request, found.clone());
    return found;
  } catch (error) {
    const old = await cache.match(request, { ignoreSearch: true });
    if (old) return old;
    throw error;
  }
}
