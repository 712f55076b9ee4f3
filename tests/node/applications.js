// What applications in Node.js keep in Redis, through the libraries they use for it:
//
//     node applications.js connect-redis PORT        or keyv, or cache-manager; a server without a write rate
//
// Ends with 0 and says nothing if all is as the library promises.
"use strict";

const assert = require("node:assert/strict");
const { promisify } = require("node:util");

const [library, port] = process.argv.slice(2);
const url = `redis://127.0.0.1:${port}`;

async function connectRedis() {
  const { createClient } = require("redis-5");
  const { RedisStore } = require("connect-redis");
  const client = createClient({ url });
  await client.connect();
  const store = new RedisStore({ client, prefix: "session:", ttl: 100 });
  const call = (name, ...words) => promisify(store[name]).call(store, ...words);
  const session = { cookie: { originalMaxAge: 60000 }, user: "Ada" };

  await call("set", "one", session);
  await call("set", "two", { ...session, user: "Bob" });
  assert.equal((await call("get", "one")).user, "Ada");
  assert.ok((await call("get", "none")) == null);
  await call("touch", "one", session);
  assert.equal(await call("length"), 2);
  assert.deepEqual((await call("ids")).sort(), ["one", "two"]);
  assert.deepEqual((await call("all")).map((found) => found.user).sort(), ["Ada", "Bob"]);
  await call("destroy", "one");
  assert.ok((await call("get", "one")) == null);
  await call("clear");
  assert.equal(await call("length"), 0);
  await client.close();
}

async function keyv() {
  const { Keyv } = require("keyv");
  const { default: KeyvRedis } = require("@keyv/redis");
  const store = new Keyv(new KeyvRedis(url), { namespace: "app" });

  assert.equal(await store.set("k", { name: "Ada" }, 100000), true);
  assert.deepEqual(await store.get("k"), { name: "Ada" });
  assert.equal(await store.get("none"), undefined);
  assert.equal(await store.has("k"), true);
  assert.deepEqual(await store.get(["k", "none"]), [{ name: "Ada" }, undefined]);
  assert.equal(await store.delete("k"), true);
  assert.equal(await store.has("k"), false);
  await store.set("short", "v", 50);
  for (let i = 0; i < 200 && (await store.get("short")) !== undefined; i++) await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.equal(await store.get("short"), undefined);
  await store.clear();
  await store.disconnect();
}

async function cacheManager() {
  const { createCache } = require("cache-manager");
  const { Keyv } = require("keyv");
  const { default: KeyvRedis } = require("@keyv/redis");
  const cache = createCache({ stores: [new Keyv(new KeyvRedis(url))], ttl: 100000 });
  let calls = 0;
  const make = async () => { calls += 1; return { made: calls }; };

  assert.deepEqual([await cache.wrap("k", make), await cache.wrap("k", make)], [{ made: 1 }, { made: 1 }]);
  await cache.mset([{ key: "a", value: 1 }, { key: "b", value: 2 }]);
  assert.deepEqual(await cache.mget(["a", "b", "c"]), [1, 2, undefined]);
  await cache.del("a");
  assert.equal(await cache.get("a"), undefined);
  await cache.clear();
  assert.equal(await cache.get("b"), undefined);
  await cache.disconnect();
}

const uses = { "connect-redis": connectRedis, keyv, "cache-manager": cacheManager };

uses[library]().catch((error) => {
  console.error(error);
  process.exit(1);
});
