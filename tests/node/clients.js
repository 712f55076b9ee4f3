// What a program in Node.js does with a Redis client, once for each library:
//
//     node clients.js redis-6 3 PORT        library, RESP version, port of a server without a write rate
//
// Ends with 0 and says nothing if all is as the library promises.
"use strict";

const assert = require("node:assert/strict");

const [library, protocol, port] = process.argv.slice(2);

async function nodeRedis() {
  const { createClient, WatchError } = require(library);
  const options = { socket: { host: "127.0.0.1", port: Number(port) }, database: 3, name: "app", RESP: Number(protocol) };
  const client = createClient(options);
  await client.connect();

  assert.equal(await client.set("k", "v", { EX: 100 }), "OK");
  assert.equal(await client.get("k"), "v");
  assert.equal(await client.get("none"), null);
  assert.ok((await client.ttl("k")) > 90);
  assert.deepEqual(await client.mGet(["k", "none"]), ["v", null]);
  assert.equal(await client.incrBy("n", 5), 5);
  assert.equal(await client.incrByFloat("f", 0.5), "0.5");
  assert.deepEqual(await client.multi().set("a", "1").incr("a").get("a").exec(), ["OK", 2, "2"]);
  assert.deepEqual(await Promise.all(Array.from({ length: 100 }, (_, i) => client.set(`p${i}`, "v"))), Array(100).fill("OK"));

  const other = createClient(options);
  await other.connect();
  await client.watch("k");
  await other.set("k", "theirs");
  await assert.rejects(client.multi().set("k", "mine").exec(), WatchError);
  await other.close();

  const keys = [];
  for await (const some of client.scanIterator({ MATCH: "p*", COUNT: 10 })) keys.push(...some);
  assert.equal(new Set(keys).size, 100);
  assert.equal((await client.configGet("databases")).databases, "16");
  assert.equal(await client.clientGetName(), "app");
  assert.ok((await client.info()).includes("redis_version:7.0.15"));
  assert.equal(await client.dbSize(), 104);
  assert.match(await client.sendCommand(["KV.PUT", "page", "v", "META", "{}"]), /^[0-9a-f]{16}-[0-9a-f]{16}$/);
  await assert.rejects(client.incr("k"), /not an integer/);
  await assert.rejects(client.sendCommand(["LPUSH", "k", "x"]), /unknown command/);
  assert.equal(await client.flushDb(), "OK");
  await client.close();
}

async function ioredis() {
  const { Redis } = require(library);
  const options = { host: "127.0.0.1", port: Number(port), db: 3, connectionName: "app", protocol: Number(protocol) };
  const client = new Redis(options);

  assert.equal(await client.set("k", "v", "EX", 100, "NX"), "OK");
  assert.equal(await client.get("k"), "v");
  assert.deepEqual(await client.getBuffer("k"), Buffer.from("v"));
  assert.ok((await client.ttl("k")) > 90);
  assert.deepEqual(await client.mget("k", "none"), ["v", null]);
  assert.equal(await client.incrby("n", 5), 5);
  assert.deepEqual(await client.pipeline().set("a", "1").incr("a").get("a").exec(), [[null, "OK"], [null, 2], [null, "2"]]);
  assert.deepEqual(await client.multi().incr("a").get("a").exec(), [[null, 3], [null, "3"]]);
  await Promise.all(Array.from({ length: 100 }, (_, i) => client.set(`p${i}`, "v")));

  const other = client.duplicate();
  await client.watch("k");
  await other.set("k", "theirs");
  assert.equal(await client.multi().set("k", "mine").exec(), null);
  other.disconnect();

  const keys = [];
  for await (const some of client.scanStream({ match: "p*", count: 10 })) keys.push(...some);
  assert.equal(new Set(keys).size, 100);
  assert.equal(await client.client("GETNAME"), "app");
  assert.match(await client.call("KV.PUT", "page", "v", "META", "{}"), /^[0-9a-f]{16}-[0-9a-f]{16}$/);
  await assert.rejects(client.incr("k"), /not an integer/);
  assert.equal(await client.flushdb(), "OK");
  assert.equal(await client.quit(), "OK");
}

(library.startsWith("redis") ? nodeRedis : ioredis)().catch((error) => {
  console.error(error);
  process.exit(1);
});
