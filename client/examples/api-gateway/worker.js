// Sends each request to the service that its path belongs to.  A key is the beginning of a path, its value one of
//
//     {"to": "http://10.0.0.5:9000"}            what comes behind the beginning is asked for there
//     {"status": 503, "text": "Back at noon"}   the gateway answers by itself

const KEYS_MAX = 100; // in one read
const KEY_BYTES_MAX = 512;

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const beginnings = beginningsOf(url.pathname);
    const routes = await env.ROUTES.get(beginnings, "json"); // one read for all of them
    const beginning = beginnings.find((each) => routes.get(each));
    if (beginning === undefined) return new Response("No route\n", { status: 404 });

    const { to, status, text } = routes.get(beginning);
    if (to === undefined) return new Response(`${text}\n`, { status });
    const rest = url.pathname.slice(beginning === "/" ? 0 : beginning.length);
    const headers = new Headers(request.headers);
    headers.set("X-Forwarded-Host", url.host);
    try {
      return await fetch(new Request(to + rest + url.search, new Request(request, { headers, redirect: "manual" })));
    } catch {
      return new Response(`Nobody answers behind ${beginning}\n`, { status: 502 });
    }
  },
};

// "/a/b/c" belongs to the longest of /a/b/c, /a/b, /a and / that there is a route for.
function beginningsOf(path) {
  const parts = path.split("/").slice(0, KEYS_MAX);
  const beginnings = parts.map((_, last) => parts.slice(0, last + 1).join("/") || "/");
  return beginnings.filter((each) => each.length <= KEY_BYTES_MAX).reverse();
}
