// Logs users in with a token in a cookie.  A session is the key "<user>/<hash of the token>": it ends by itself when the
// key expires, and at once when somebody deletes it.  Who reads the keys can't log in with them.

const LIFETIME_S = 3600;

export default {
  async fetch(request, env) {
    const route = `${request.method} ${new URL(request.url).pathname}`;
    const session = await sessionOf(request, env);
    if (route === "POST /login") return login(request, env);
    if (session === null) return new Response("Please log in\n", { status: 401 });
    if (route === "POST /logout") return logout(session, env);
    return new Response(`Hello ${session.user}\n`);
  },
};

async function login(request, env) {
  const user = (await request.formData()).get("user") ?? "";
  // Here is the place to check a password.
  if (!/^[a-z0-9]{1,30}$/.test(user)) return new Response("No such user\n", { status: 403 });
  const token = `${user}.${crypto.randomUUID()}`;
  const session = { user, since: new Date().toISOString() };
  await env.SESSIONS.put(await keyOf(token), JSON.stringify(session), { expirationTtl: LIFETIME_S });
  return withCookie(`Welcome ${user}\n`, token, LIFETIME_S);
}

async function logout(session, env) {
  await env.SESSIONS.delete(session.key);
  return withCookie("Goodbye\n", "", 0);
}

async function sessionOf(request, env) {
  const [, token] = (request.headers.get("Cookie") ?? "").match(/(?:^|;\s*)session=([a-z0-9]+\.[-0-9a-f]+)/) ?? [];
  if (token === undefined) return null;
  const key = await keyOf(token);
  const session = await env.SESSIONS.get(key, "json");
  return session && { ...session, key };
}

async function keyOf(token) {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return `${token.split(".")[0]}/${new Uint8Array(hash).toHex()}`;
}

function withCookie(text, token, seconds) {
  const cookie = `session=${token}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`; // and Secure, behind HTTPS
  return new Response(text, { headers: { "Set-Cookie": cookie } });
}
