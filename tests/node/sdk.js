// What a program does with Workers KV through the official SDK, one claim at a time:
//
//     node sdk.js CLAIM BASE_URL [ARGUMENT...]        a name in `claims`, http://…/client/v4
//
// Ends with 0 and says nothing if all is as the SDK promises.
"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const { Cloudflare, toFile } = require("cloudflare");

const account_id = "0123456789abcdef0123456789abcdef";
const [claim, baseURL, ...words] = process.argv.slice(2);
const patient = new Cloudflare({ baseURL, apiToken: "any" });
// Most claims want to see the first answer.
const client = new Cloudflare({ baseURL, apiToken: "any", maxRetries: 0 });
const namespaces = client.kv.namespaces;

// --- what the claims share ---

class Namespace {
  static async create(title = "settings", by = client) {
    return new Namespace((await by.kv.namespaces.create({ account_id, title })).id, by);
  }

  constructor(id, by = client) {
    this.id = id;
    this.at = { account_id, namespace_id: id };
    this.api = by.kv.namespaces;
  }

  put(key, value, more) {
    return this.api.values.update(key, { ...this.at, value, ...more });
  }

  get(key) {
    return this.api.values.get(key, this.at);
  }

  async text(key) {
    return (await this.get(key)).text();
  }

  async bytes(key) {
    return Buffer.from(await (await this.get(key)).arrayBuffer());
  }

  delete(key) {
    return this.api.values.delete(key, this.at);
  }

  metadata(key) {
    return this.api.metadata.get(key, this.at);
  }

  page(options) {
    return this.api.keys.list(this.id, { account_id, ...options });
  }

  // All keys, as many pages as it takes.
  async keys(options) {
    const keys = [];
    for await (const key of this.page(options)) keys.push(key);
    return keys;
  }

  async names(options) {
    return (await this.keys(options)).map((key) => key.name);
  }

  putMany(body) {
    return this.api.keys.bulkUpdate(this.id, { account_id, body });
  }

  deleteMany(body) {
    return this.api.keys.bulkDelete(this.id, { account_id, body });
  }

  getMany(keys, options) {
    return this.api.keys.bulkGet(this.id, { account_id, keys, ...options });
  }
}

// The request fails with that class of error, status and code, and a message in which the pattern is found.
async function refused(request, kind, status, code, pattern = /./) {
  const error = await request.then(() => assert.fail(`no error, but ${status} with ${code} was expected`), (caught) => caught);
  const [first] = error.errors ?? [];
  assert.deepEqual([error.constructor.name, error.status, first?.code], [kind.name, status, code], error.message);
  assert.match(first.message, pattern);
  assert.deepEqual([error.error.success, error.error.result, error.error.messages], [false, null, []]);
  return error;
}

// What is about one second may take longer on a busy machine: then once more, with other keys.
async function withinASecond(trial) {
  for (let round = 1; ; round++) {
    const started = Date.now();
    try {
      return await trial(round);
    } catch (error) {
      if (Date.now() - started < 900 || round === 10) throw error;
    }
  }
}

const bytesOf = (text) => Buffer.from(text);
const inByteOrder = (texts) => [...texts].sort((a, b) => Buffer.compare(bytesOf(a), bytesOf(b)));
const soon = (seconds) => Math.floor(Date.now() / 1000) + seconds;

function near(got, expected, slack = 10) {
  assert.ok(Math.abs(got - expected) <= slack, `${got} is not near ${expected}`);
}

const ODD_KEYS = [
  "a/b", "/", "//", "/a", "a/", "a//b", "a/../b", "../a", "./a", "...", "values/x", "bulk/get", "bulk", "keys", "metadata/k",
  "%", "%2F", "%00", "%25", "100%", "%zz", "+", "a+b", " ", " a", "a ", "a b+c%20d", "a?x=1&y=2", "a#b", "a&b=c;d", ":", "@", "!$&'()*,;=",
  "[]|\\^`{}<>\"~", "é", "e\u0301", "日本語", "😀", "～", "\u0000", "a\u0000b", "\t", "\r\n", "a\nb", "\u007f", "\u0001", "\ufeff", "\u202e",
  "123", "-1", "null", "undefined", "true", "__proto__", "constructor", "CON", ".well-known/x", "a".repeat(512), "é".repeat(1024),
];

// --- the claims ---

const claims = {
  async namespaces() {
    const made = await namespaces.create({ account_id, title: "settings of ünïcode ☂" });
    assert.match(made.id, /^[0-9a-f]{32}$/);
    assert.deepEqual(made, { id: made.id, title: "settings of ünïcode ☂", supports_url_encoding: true });
    assert.deepEqual(await namespaces.get(made.id, { account_id }), made);

    const renamed = await namespaces.update(made.id, { account_id, title: "other" });
    assert.ok(renamed === null || renamed.title === "other");
    assert.equal((await namespaces.get(made.id, { account_id })).title, "other");
    await namespaces.create({ account_id, title: "settings of ünïcode ☂" });

    const ns = new Namespace(made.id);
    await ns.put("k", "v");
    await namespaces.delete(made.id, { account_id });
    await refused(namespaces.get(made.id, { account_id }), Cloudflare.NotFoundError, 404, 10013);
    await refused(ns.get("k"), Cloudflare.NotFoundError, 404, 10013);
    await refused(ns.put("k", "v"), Cloudflare.NotFoundError, 404, 10013);
    await refused(ns.keys(), Cloudflare.NotFoundError, 404, 10013);
    await refused(ns.putMany([{ key: "k", value: "v" }]), Cloudflare.NotFoundError, 404, 10013);

    const again = await Namespace.create("other");
    assert.notEqual(again.id, made.id);
    assert.deepEqual(await again.names(), []);
  },

  async titles() {
    const { BadRequestError, NotFoundError } = Cloudflare;
    const taken = await Namespace.create("taken");
    const other = await Namespace.create("other");
    await refused(namespaces.create({ account_id, title: "taken" }), BadRequestError, 400, 10014, /already exists/);
    await refused(namespaces.update(other.id, { account_id, title: "taken" }), BadRequestError, 400, 10014, /already exists/);
    await refused(namespaces.create({ account_id, title: "db3" }), BadRequestError, 400, 10014);
    await refused(namespaces.create({ account_id }), BadRequestError, 400, 10019);
    await refused(namespaces.create({ account_id, title: "" }), BadRequestError, 400, 10019);
    for (const title of [17, ["a"], { a: 1 }, "17", "é".repeat(256) + "x"]) {
      const error = await namespaces.create({ account_id, title }).catch((caught) => caught);
      assert.ok(error instanceof BadRequestError, `${JSON.stringify(title)}: ${error}`);
    }
    await namespaces.create({ account_id, title: "é".repeat(256) });
    await namespaces.update(taken.id, { account_id, title: "taken" });
    for (const id of ["f".repeat(32), "", "none", "é /", "x".repeat(200)]) {
      await refused(namespaces.get(id, { account_id }), NotFoundError, 404, 10013);
      await refused(namespaces.update(id, { account_id, title: "new" }), NotFoundError, 404, 10013);
      await refused(namespaces.delete(id, { account_id }), NotFoundError, 404, 10013);
    }
  },

  async namespacePages() {
    const titles = Array.from({ length: 45 }, (_, i) => `page ${String(i).padStart(2, "0")}`);
    for (const title of titles) await namespaces.create({ account_id, title });
    const listed = async (options) => {
      const found = [];
      for await (const ns of namespaces.list({ account_id, ...options })) if (/^page /.test(ns.title)) found.push(ns);
      return found;
    };
    const inOrder = await listed({ order: "title", direction: "asc", per_page: 7 });
    assert.deepEqual(inOrder.map((ns) => ns.title), titles);
    assert.ok(inOrder.every((ns) => ns.supports_url_encoding === true));
    assert.deepEqual((await listed({ order: "title", direction: "desc" })).map((ns) => ns.title), [...titles].reverse());
    const ids = (await listed({ order: "id", direction: "desc", per_page: 10 })).map((ns) => ns.id);
    assert.deepEqual(ids, inOrder.map((ns) => ns.id).sort().reverse());
    assert.equal(new Set((await listed()).map((ns) => ns.id)).size, 45);

    const page = await namespaces.list({ account_id, per_page: 20, page: 2, order: "title" });
    const { result_info: about } = page;
    assert.deepEqual([about.page, about.per_page, about.count, page.result.length], [2, 20, 20, 20]);
    assert.equal(about.total_pages, Math.ceil(about.total_count / 20));
    const past = await namespaces.list({ account_id, per_page: 20, page: 1000 });
    assert.deepEqual([past.result, past.hasNextPage()], [[], false]);

    const { BadRequestError } = Cloudflare;
    for (const [options, code] of [[{ page: 0 }, 10007], [{ page: "x" }, 10007], [{ per_page: 0 }, 10008], [{ per_page: "x" }, 10008],
      [{ order: "age" }, 10043], [{ direction: "up" }, 10044]]) {
      await refused(namespaces.list({ account_id, ...options }), BadRequestError, 400, code);
    }
  },

  async everyByte() {
    const ns = await Namespace.create();
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const values = {
      "every byte": every,
      "every byte, backwards": Buffer.from(every).reverse(),
      nothing: Buffer.alloc(0),
      "a zero": Buffer.from([0]),
      "line ends": Buffer.from("\r\n\r\n--\r\n----\n--\r"),
      "what looks like a form": Buffer.from('\r\n------formdata-undici-0123\r\nContent-Disposition: form-data; name="value"\r\n\r\nx'),
      "no UTF-8": Buffer.from([0xff, 0xfe, 0xed, 0xa0, 0x80, 0xc0, 0x80]),
      random: crypto.randomBytes(65536),
    };
    for (const [key, value] of Object.entries(values)) {
      await ns.put(key, await toFile(value, "v.bin"));
      assert.deepEqual(await ns.bytes(key), value, key);
    }
    const answer = await ns.get("random");
    assert.equal(answer.headers.get("content-type"), "application/octet-stream");
    assert.equal(answer.headers.get("content-length"), "65536");
    assert.equal(answer.headers.get("expiration"), null);
    await answer.arrayBuffer();

    const text = "zwölf 😀\ttabs and \"quotes\"";
    await ns.put("text", text);
    assert.equal(await ns.text("text"), text);
    await ns.put("empty text", "");
    assert.equal(await ns.text("empty text"), "");
    // A form's text is sent with \r\n: that is the client's doing, not ours.
    await ns.put("lines", "line1\nline2");
    assert.equal(await ns.text("lines"), "line1\r\nline2");
  },

  async keysOfAnyKind() {
    const ns = await Namespace.create();
    const valueOf = (key) => `value of ${encodeURIComponent(key)}`;
    for (const key of ODD_KEYS) {
      await ns.put(key, valueOf(key), { metadata: JSON.stringify({ key: key.slice(0, 256) }) });
    }
    assert.deepEqual(await ns.names(), inByteOrder(ODD_KEYS));
    for (const key of ODD_KEYS) {
      assert.equal(await ns.text(key), valueOf(key), JSON.stringify(key));
      assert.deepEqual(await ns.metadata(key), { key: key.slice(0, 256) });
      assert.deepEqual((await ns.names({ prefix: key }))[0], key, JSON.stringify(key));
    }
    const many = ODD_KEYS.slice(0, 50).filter((key) => key !== "__proto__");
    const { values } = await ns.getMany(many);
    assert.deepEqual(Object.keys(values).sort(), [...many].sort());
    assert.ok(Object.values(values).every((value) => value.startsWith("value of ")));

    const left = new Set(ODD_KEYS);
    for (const key of ODD_KEYS) {
      await ns.delete(key);
      left.delete(key);
      await refused(ns.get(key), Cloudflare.NotFoundError, 404, 10009, /key not found/);
    }
    assert.deepEqual(await ns.names(), []);
    await ns.delete("never there");
    await refused(ns.put("", "v"), Cloudflare.BadRequestError, 400, 10023);
    for (const key of [".", ".."]) {
      assert.throws(() => ns.put(key, "v"), Cloudflare.CloudflareError);
      await refused(ns.putMany([{ key, value: "v" }]), Cloudflare.BadRequestError, 400, 10023);
    }
  },

  async paging() {
    const ns = await Namespace.create();
    const name = (i) => `page/é ${String(i).padStart(4, "0")}`;
    const all = Array.from({ length: 2500 }, (_, i) => name(i));
    const pair = (key) => ({ key, value: "v" });
    assert.deepEqual(await ns.putMany([...all, "page/", "pagf", "other", "page"].map(pair)), { successful_key_count: 2504, unsuccessful_keys: [] });

    assert.deepEqual(await ns.names({ prefix: "page/é" }), all);
    const sizes = [];
    for await (const page of (await ns.page({ prefix: "page/é " })).iterPages()) sizes.push([page.result.length, page.result_info.count]);
    assert.deepEqual(sizes, [[1000, 1000], [1000, 1000], [500, 500]]);
    assert.deepEqual(await ns.names({ prefix: name(77), limit: 10 }), [name(77)]);
    assert.deepEqual(await ns.names({ prefix: "nobody" }), []);
    assert.equal((await ns.names()).length, 2504);

    // What the cursor stands on goes, and what is before and behind it; something new comes.
    const found = [];
    let page = await ns.page({ prefix: "page/é", limit: 300 });
    const gone = new Set();
    for (let first = 0; ; first += 300) {
      found.push(...page.result.map((key) => key.name));
      if (!page.hasNextPage()) break;
      const doomed = [first + 5, first + 299, first + 300, first + 450].map(name).filter((key) => all.includes(key) && !gone.has(key));
      doomed.forEach((key) => gone.add(key));
      assert.equal((await ns.deleteMany(doomed)).successful_key_count, doomed.length);
      await ns.put(`page/a new one ${first}`, "v");
      page = await page.getNextPage();
    }
    assert.equal(new Set(found).size, found.length, "a key came twice");
    assert.deepEqual(found, inByteOrder(found));
    const stayed = all.filter((key) => !gone.has(key));
    assert.deepEqual(stayed.filter((key) => !found.includes(key)), [], "a key that stayed was left out");
    assert.deepEqual(await ns.names({ prefix: "page/é" }), stayed);

    const { BadRequestError, APIError } = Cloudflare;
    for (const limit of [1001, 0, -1, "x", 1.5]) await refused(ns.page({ limit }), BadRequestError, 400, 10028);
    await refused(ns.page({ cursor: "made up" }), BadRequestError, 400, 10041);
    await refused(ns.page({ prefix: "x".repeat(2049) }), APIError, 414, 10030);
    assert.deepEqual(await ns.names({ prefix: "x".repeat(2048) }), []);
  },

  async expirations() {
    const ns = await Namespace.create();
    const seen = async (key) => {
      const header = (await ns.get(key)).headers.get("expiration");
      const [listed] = await ns.keys({ prefix: key });
      assert.equal(header === null ? undefined : Number(header), listed.expiration);
      return listed.expiration;
    };
    await ns.put("ttl", "v", { expiration_ttl: 60 });
    near(await seen("ttl"), soon(60));
    const tomorrow = soon(86400);
    await ns.put("time", "v", { expiration: tomorrow });
    assert.equal(await seen("time"), tomorrow);
    await ns.put("both", "v", { expiration: tomorrow, expiration_ttl: 600 });
    near(await seen("both"), soon(600));
    await ns.put("after 2038", "v", { expiration: 4102444800 });
    assert.equal(await seen("after 2038"), 4102444800);
    await ns.put("both", "v");
    assert.equal(await seen("both"), undefined);
    await ns.putMany([{ key: "many 1", value: "v", expiration: tomorrow }, { key: "many 2", value: "v", expiration_ttl: 100 }, { key: "time", value: "w" }]);
    assert.equal(await seen("many 1"), tomorrow);
    near(await seen("many 2"), soon(100));
    assert.equal(await seen("time"), undefined);
    const { values } = await ns.getMany(["many 1", "time"], { withMetadata: true });
    assert.deepEqual(values, { "many 1": { value: "v", metadata: null, expiration: tomorrow }, time: { value: "w", metadata: null } });

    const { BadRequestError } = Cloudflare;
    for (const [ttl, words] of [[59, /must be at least 60/], [1, /must be at least 60/], [0, /greater than 0/], [-60, /greater than 0/], ["soon", /greater than 0/]]) {
      await refused(ns.put("no", "v", { expiration_ttl: ttl }), BadRequestError, 400, 10034, words);
    }
    for (const [time, words] of [[soon(-10), /greater than the current number of seconds/], [soon(30), /at least 60 seconds in the future/], [1, /greater than/]]) {
      await refused(ns.put("no", "v", { expiration: time }), BadRequestError, 400, 10033, words);
    }
    await refused(ns.putMany([{ key: "no", value: "v" }, { key: "no either", value: "v", expiration_ttl: 59 }]), BadRequestError, 400, 10034);
    assert.deepEqual(await ns.names({ prefix: "no" }), []);
  },

  // The namespace has a key that has expired, "gone", and one that has not, "here".
  async expired() {
    const ns = new Namespace(words[0]);
    await refused(ns.get("gone"), Cloudflare.NotFoundError, 404, 10009);
    await refused(ns.metadata("gone"), Cloudflare.NotFoundError, 404, 10009);
    assert.deepEqual(await ns.names(), ["here"]);
    assert.deepEqual((await ns.getMany(["gone", "here"])).values, { gone: null, here: "v" });
    await ns.delete("gone");
  },

  async metadata() {
    const ns = await Namespace.create();
    const values = [{ a: { b: [1, 2.5, -1e300] }, c: null, "ü\n": "☂ \"quoted\"" }, [], {}, [1], "text", "", 17, 0, true, false];
    for (const [i, metadata] of values.entries()) {
      await ns.put(`k${i}`, "v", { metadata: JSON.stringify(metadata) });
      assert.deepEqual(await ns.metadata(`k${i}`), metadata);
    }
    assert.deepEqual((await ns.keys()).map((key) => key.metadata), values);
    // An object becomes fields of a form, on its way here: its numbers are strings then.
    await ns.put("fields", "v", { metadata: { a: { b: "x", "c d": 1 }, ü: [true, "y"], left_out: undefined } });
    assert.deepEqual(await ns.metadata("fields"), { a: { b: "x", "c d": "1" }, ü: ["true", "y"] });
    await ns.put("fields 2", "v", { metadata: ["x", "y"] });
    assert.deepEqual(await ns.metadata("fields 2"), ["x", "y"]);
    await refused(ns.put("fields 3", "v", { metadata: [{ a: "x" }, { b: "y" }] }), Cloudflare.BadRequestError, 400, 10147);

    await ns.put("spaced", "v", { metadata: ' {\t"a" : [ 1 ,2 ] } ' });
    assert.deepEqual(await ns.metadata("spaced"), { a: [1, 2] });

    await ns.put("k0", "new");
    assert.equal(await ns.metadata("k0"), null);
    assert.deepEqual(await ns.keys({ prefix: "k0" }), [{ name: "k0" }]);
    await ns.put("null", "v", { metadata: "null" });
    assert.equal(await ns.metadata("null"), null);
    await refused(ns.metadata("nothing"), Cloudflare.NotFoundError, 404, 10009);

    const { BadRequestError } = Cloudflare;
    for (const broken of ["{", "plain", "{a:1}", '{"a":1} x', "'a'", "\u00ff", "[1,]"]) {
      await refused(ns.put("broken", "v", { metadata: broken }), BadRequestError, 400, 10147, /metadata must be valid json/i);
    }
    await refused(ns.get("broken"), Cloudflare.NotFoundError, 404, 10009);

    assert.equal((await ns.putMany(values.map((metadata, i) => ({ key: `many ${i}`, value: "v", metadata })))).successful_key_count, values.length);
    const many = await ns.getMany(values.map((_, i) => `many ${i}`), { withMetadata: true });
    assert.deepEqual(Object.values(many.values).map((each) => each.metadata), values);
  },

  async many() {
    const ns = await Namespace.create();
    const { BadRequestError } = Cloudflare;
    const body = [
      { key: "text", value: "zwölf\nlines" },
      { key: "bytes", value: Buffer.from([0, 255, 128, 10]).toString("base64"), base64: true },
      { key: "number", value: "17", metadata: { x: [1] }, expiration_ttl: 60, base64: false },
      { key: "object", value: '{"a": [1, "two"]}' },
      { key: "empty", value: "" },
    ];
    assert.deepEqual(await ns.putMany(body), { successful_key_count: 5, unsuccessful_keys: [] });
    assert.equal(await ns.text("text"), "zwölf\nlines");
    assert.deepEqual(await ns.bytes("bytes"), Buffer.from([0, 255, 128, 10]));
    assert.deepEqual(await ns.metadata("number"), { x: [1] });

    const texts = await ns.getMany(["object", "text", "missing", "number", "empty"]);
    assert.deepEqual(texts.values, { object: '{"a": [1, "two"]}', text: "zwölf\nlines", missing: null, number: "17", empty: "" });
    const parsed = await ns.getMany(["object", "number", "missing"], { type: "json" });
    assert.deepEqual(parsed.values, { object: { a: [1, "two"] }, number: 17, missing: null });
    const full = await ns.getMany(["number", "missing"], { type: "json", withMetadata: true });
    near(full.values.number.expiration, soon(60));
    delete full.values.number.expiration;
    assert.deepEqual(full.values, { number: { value: 17, metadata: { x: [1] } }, missing: null });
    await refused(ns.getMany(["text"], { type: "json" }), BadRequestError, 400, 10029, /non-json value/);
    await refused(ns.getMany(["text"], { type: "arrayBuffer" }), BadRequestError, 400, 10029, /is not a valid type/);
    await refused(ns.getMany([]), BadRequestError, 400, 10029, /minimum of 1 key/);
    await refused(ns.getMany(Array.from({ length: 101 }, (_, i) => `k${i}`)), BadRequestError, 400, 10029, /maximum of 100 keys/);
    assert.equal(Object.keys((await ns.getMany(Array.from({ length: 100 }, (_, i) => `k ${i}`))).values).length, 100);

    assert.deepEqual(await ns.deleteMany(["text", "bytes", "missing"]), { successful_key_count: 3, unsuccessful_keys: [] });
    assert.deepEqual(await ns.names(), ["empty", "number", "object"]);

    const lots = Array.from({ length: 10000 }, (_, i) => `lot ${String(i).padStart(5, "0")}`);
    const pairs = lots.map((key) => ({ key, value: `${key}'s` }));
    await refused(ns.putMany([...pairs, { key: "one more", value: "v" }]), BadRequestError, 400, 10029, /10,?000/);
    await refused(ns.deleteMany([...lots, "number"]), BadRequestError, 400, 10029, /10,?000/);
    assert.deepEqual(await ns.names(), ["empty", "number", "object"]);
    assert.deepEqual(await ns.putMany(pairs), { successful_key_count: 10000, unsuccessful_keys: [] });
    assert.deepEqual(await ns.names({ prefix: "lot " }), lots);
    assert.equal(await ns.text("lot 09999"), "lot 09999's");
  },

  // Of a bulk request that is wrong in one place, nothing is done.
  async manyOrNothing() {
    const ns = await Namespace.create();
    const { BadRequestError, APIError } = Cloudflare;
    const good = { key: "good", value: "v" };
    const wrong = [
      [{ key: "x".repeat(2049), value: "v" }, APIError, 414, 10030],
      [{ key: "long", value: "x".repeat(65537) }, APIError, 413, 10024],
      [{ key: "meta", value: "v", metadata: "x".repeat(1023) }, APIError, 413, 10047],
      [{ key: "", value: "v" }, BadRequestError, 400, 10023],
      [{ key: "past", value: "v", expiration: soon(-1) }, BadRequestError, 400, 10033],
      [{ key: "no base64", value: "!!", base64: true }, BadRequestError, 400, undefined],
      [{ key: "no value" }, BadRequestError, 400, undefined],
      [{ value: "no key" }, BadRequestError, 400, undefined],
      [{ key: 17, value: "v" }, BadRequestError, 400, undefined],
      [{ key: "number", value: 17 }, BadRequestError, 400, undefined],
      ["text", BadRequestError, 400, undefined],
      [null, BadRequestError, 400, undefined],
    ];
    for (const [pair, kind, status, code] of wrong) {
      const error = await ns.putMany([good, pair]).then(() => assert.fail(JSON.stringify(pair).slice(0, 80)), (caught) => caught);
      assert.deepEqual([error.constructor.name, error.status], [kind.name, status], `${JSON.stringify(pair).slice(0, 80)}: ${error}`);
      if (code) assert.equal(error.errors[0].code, code, error.message);
    }
    for (const body of [{}, "text", 17]) {
      for (const send of [() => ns.putMany(body), () => ns.deleteMany(body), () => ns.getMany(body)]) {
        const error = await send().then(() => assert.fail(JSON.stringify(body)), (caught) => caught);
        assert.ok(error instanceof BadRequestError, `${JSON.stringify(body)}: ${error}`);
      }
    }
    assert.deepEqual(await ns.names(), []);
  },

  // ARGUMENTS: the longest key and value.
  async limits() {
    const ns = await Namespace.create();
    const { APIError } = Cloudflare;
    const [longestKey, longestValue] = words.map(Number);
    const key = "k".repeat(longestKey);
    await ns.put(key, "v");
    assert.equal(await ns.text(key), "v");
    await ns.delete(key);
    const text = new RegExp(`UTF-8 encoded length of ${longestKey + 1} exceeds key length limit of ${longestKey}`);
    for (const request of [(k) => ns.put(k, "v"), (k) => ns.get(k), (k) => ns.delete(k), (k) => ns.metadata(k)]) {
      await refused(request(`${key}k`), APIError, 414, 10030, text);
    }
    await refused(ns.put(`${"é".repeat(longestKey / 2)}k`, "v"), APIError, 414, 10030, text);

    const value = crypto.randomBytes(longestValue);
    const sum = (bytes) => crypto.createHash("sha256").update(bytes).digest("hex");
    await ns.put("value", await toFile(value, "v.bin"), { metadata: JSON.stringify("m".repeat(1022)) });
    assert.equal(sum(await ns.bytes("value")), sum(value));
    assert.equal((await ns.metadata("value")).length, 1022);
    const tooLong = await toFile(Buffer.concat([value, Buffer.from("x")]), "v.bin");
    await refused(ns.put("long", tooLong), APIError, 413, 10024, new RegExp(`Value length of ${longestValue + 1} exceeds limit of ${longestValue}`));
    await refused(ns.put("long", await toFile(Buffer.alloc(longestValue * 2), "v.bin")), APIError, 413, 10024);
    await refused(ns.put("long", "v", { metadata: JSON.stringify("m".repeat(1023)) }), APIError, 413, 10047, /Metadata length of 1025 exceeds limit of 1024/);
    await refused(ns.put("long", "v", { metadata: JSON.stringify("é".repeat(512)) }), APIError, 413, 10047, /Metadata length of 1026/);
    assert.deepEqual(await ns.names(), ["value"]);
  },

  async writeRate() {
    const ns = await Namespace.create();
    await withinASecond(async (round) => {
      const key = `key ${round}`;
      await ns.put(key, "1");
      const error = await refused(ns.put(key, "2"), Cloudflare.RateLimitError, 429, 10022);
      assert.equal(error.headers.get("retry-after"), "1");
      await refused(ns.delete(key), Cloudflare.RateLimitError, 429, 10022);
      assert.equal(await ns.text(key), "1");
    });
    await withinASecond(async (round) => {
      const [old, first, second] = ["old", "new 1", "new 2"].map((name) => `many ${round} ${name}`);
      await ns.put(old, "1");
      const report = await ns.putMany([first, old, second].map((key) => ({ key, value: "2" })));
      assert.deepEqual(report, { successful_key_count: 2, unsuccessful_keys: [old] });
      assert.equal(await ns.text(old), "1");
      assert.deepEqual(await ns.names({ prefix: `many ${round}` }), [first, second, old]);
      assert.deepEqual(await ns.deleteMany([first, "missing"]), { successful_key_count: 1, unsuccessful_keys: [first] });
    });

    // The SDK tries again by itself, as it is told to.
    const retrying = new Namespace(ns.id, patient);
    await retrying.put("k", "1");
    await retrying.put("k", "2");
    assert.equal(await ns.text("k"), "2");
    await retrying.delete("k");
    await refused(ns.get("k"), Cloudflare.NotFoundError, 404, 10009);
  },

  // ARGUMENTS: the right token.
  async token() {
    const [right] = words;
    const by = (apiToken) => new Cloudflare({ baseURL, apiToken, maxRetries: 0 });
    const ns = await Namespace.create("secret", by(right));
    await ns.put("k", "v");
    const { AuthenticationError } = Cloudflare;
    for (const wrong of [`${right}x`, right.slice(1), "x", right.toUpperCase()]) {
      const stranger = new Namespace(ns.id, by(wrong));
      await refused(stranger.get("k"), AuthenticationError, 401, 10000);
      await refused(stranger.put("k", "w"), AuthenticationError, 401, 10000);
      await refused(stranger.putMany([{ key: "k", value: "w" }]), AuthenticationError, 401, 10000);
      await refused(Namespace.create("other", by(wrong)), AuthenticationError, 401, 10000);
      await refused(by(wrong).user.tokens.verify(), AuthenticationError, 401, 10000);
    }
    // The older way, an API key and the user's e-mail address.
    const byKey = (apiKey) => new Cloudflare({ baseURL, apiKey, apiEmail: "ann@example.org", maxRetries: 0 });
    assert.equal(await new Namespace(ns.id, byKey(right)).text("k"), "v");
    await refused(new Namespace(ns.id, byKey(`${right}x`)).get("k"), AuthenticationError, 401, 10000);
    // Nothing is said about what there is.
    await refused(new Namespace("f".repeat(32), by("x")).get("k"), AuthenticationError, 401, 10000);
    assert.equal(await ns.text("k"), "v");
    assert.equal((await by(right).user.tokens.verify()).status, "active");
  },

  async aroundIt() {
    const accounts = [];
    for await (const account of client.accounts.list()) accounts.push(account);
    assert.equal(accounts.length, 1);
    const memberships = [];
    for await (const membership of client.memberships.list()) memberships.push(membership);
    assert.equal(memberships.length, 1);
    assert.equal(memberships[0].account.id, accounts[0].id);
    assert.equal((await client.user.tokens.verify()).status, "active");
    assert.ok((await namespaces.create({ account_id: accounts[0].id, title: "in that account" })).id);
    await assert.rejects(client.zones.get({ zone_id: "x" }), Cloudflare.APIError);
  },

  async atTheSameTime() {
    const ns = await Namespace.create();
    const numbers = Array.from({ length: 200 }, (_, i) => i);
    await Promise.all(numbers.map((i) => ns.put(`k${i}`, `v${i}`.repeat(i))));
    const values = await Promise.all(numbers.map((i) => ns.text(`k${i}`)));
    assert.deepEqual(values, numbers.map((i) => `v${i}`.repeat(i)));
    assert.equal((await ns.names()).length, 200);
    await Promise.all(numbers.map((i) => refused(ns.get(`none ${i}`), Cloudflare.NotFoundError, 404, 10009)));
  },
};

claims[claim]().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
