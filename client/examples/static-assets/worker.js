// Serves the files of a site out of KV.  The key is the path; the metadata holds the file's ETag.

const TYPES = {
  css: "text/css; charset=utf-8",
  gif: "image/gif",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  mp4: "video/mp4",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webp: "image/webp",
  woff2: "font/woff2",
  xml: "application/xml",
};

export default {
  async fetch(request, env) {
    if (!["GET", "HEAD"].includes(request.method)) {
      return new Response("Only GET and HEAD\n", { status: 405, headers: { Allow: "GET, HEAD" } });
    }
    const key = keyOf(new URL(request.url));
    if (key === null) return new Response("That path can't be decoded\n", { status: 400 });
    // As bytes: text would be decoded as UTF-8, and an image would not survive that.
    const { value, metadata } = await env.ASSETS.getWithMetadata(key, "arrayBuffer");
    if (value === null) return new Response(`There is no ${key}\n`, { status: 404 });

    const headers = new Headers({ "Content-Type": TYPES[key.split(".").at(-1)] ?? "application/octet-stream" });
    if (metadata?.etag) headers.set("ETag", `"${metadata.etag}"`);
    if (headers.has("ETag") && request.headers.get("If-None-Match") === headers.get("ETag")) {
      return new Response(null, { status: 304, headers });
    }
    return new Response(request.method === "HEAD" ? null : value, { headers });
  },
};

function keyOf(url) {
  try {
    const path = decodeURIComponent(url.pathname).slice(1);
    return path === "" || path.endsWith("/") ? `${path}index.html` : path;
  } catch {
    return null;
  }
}
