// Shows each visitor one variant of a headline, and the same one the next time.  The experiment is the key "headline":
//
//     {"a": {"weight": 80, "text": "…"}, "b": {"weight": 20, "text": "…"}}

const COOKIE = "ab-headline";
const DAYS_30 = 30 * 24 * 3600;

export default {
  async fetch(request, env) {
    const variants = (await env.EXPERIMENTS.get("headline", "json")) ?? {};
    const seen = cookie(request, COOKIE);
    const name = Object.hasOwn(variants, seen) ? seen : drawn(variants);
    const headers = new Headers({ "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "private" });
    if (name === undefined) return new Response("Welcome\n", { headers }); // no experiment is running
    if (name !== seen) headers.set("Set-Cookie", `${COOKIE}=${name}; Path=/; Max-Age=${DAYS_30}; SameSite=Lax`);
    return new Response(`${variants[name].text}\n`, { headers });
  },
};

// A variant by chance, as often as its weight says.
function drawn(variants) {
  const names = Object.keys(variants).filter((name) => variants[name].weight > 0);
  let left = Math.random() * names.reduce((sum, name) => sum + variants[name].weight, 0);
  return names.find((name) => (left -= variants[name].weight) < 0) ?? names.at(-1);
}

function cookie(request, name) {
  const cookies = (request.headers.get("Cookie") ?? "").split(/;\s*/);
  return cookies.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}
