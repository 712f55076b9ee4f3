// Lets requests in or not, by the address they come from.  A key is an address, or the beginning of one with a star
// ("192.0.2.7", "192.0.2.*", "*"), its value "allow" or "deny".  The longest that fits decides; without any, it is "deny".

export default {
  async fetch(request, env) {
    // Behind a proxy this is the proxy's address; take the header then in which it tells the client's.
    const address = request.cf.clientIp.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    const names = namesFor(address);
    const entries = await env.ACCESS.getWithMetadata(names); // one read for all of them
    const name = names.find((each) => entries.get(each) !== null);
    if (entries.get(name)?.value === "allow") return new Response(`Welcome, ${address}\n`);

    const why = entries.get(name)?.metadata?.why ?? "this is a private place";
    return new Response(`Not you, ${address}: ${why}\n`, { status: 403 });
  },
};

// "192.0.2.7" -> "192.0.2.7", "192.0.2.*", "192.0.*", "192.*", "*"
function namesFor(address) {
  const parts = address.split(/(?<=[.:])/);
  const beginnings = parts.map((_, count) => parts.slice(0, count).join("") + "*");
  return [address, ...beginnings.reverse()];
}
