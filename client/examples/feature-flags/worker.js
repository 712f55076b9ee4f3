// Shows each user the features that are on for them.  A key is a flag, its value one of
//
//     true | false                          for everybody, for nobody
//     {"users": ["ann"], "percent": 10}     for these users, and for a part of all the others

const KNOWN = ["new-checkout", "dark-mode"];

export default {
  async fetch(request, env) {
    const user = new URL(request.url).searchParams.get("user") ?? "nobody";
    const flags = await env.FLAGS.get(KNOWN, "json"); // one read for all of them
    const on = [];
    for (const name of KNOWN) {
      if (await isOn(flags.get(name), name, user)) on.push(name);
    }
    return new Response(`${user} has: ${on.join(", ") || "nothing new"}\n`);
  },
};

async function isOn(flag, name, user) {
  if (flag === null || typeof flag === "boolean") return flag === true; // a flag that nobody has set is off
  return (flag.users ?? []).includes(user) || (await percentile(`${name} ${user}`)) < (flag.percent ?? 0);
}

// 0 to 99, always the same for the same text: who got a feature at 10 % keeps it at 20 %.
async function percentile(text) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new DataView(hash).getUint32(0) % 100;
}
