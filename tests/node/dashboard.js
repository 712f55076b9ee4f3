// The dashboard's own script against a server: dashboard.js <port> <what>.  integration/dashboard.py prepares the server, and looks
// at what has become of it.
"use strict";
const assert = require("node:assert");
const { open, until } = require("./page.js");

const [port, what] = process.argv.slice(2);
const names = (page) => page.rows("keys").map((row) => row.children[0].textContent);
const row = (page, id, text) => page.rows(id).find((found) => found.children[0].textContent === text);

async function at(namespace, answers) {
  const page = await open(`http://127.0.0.1:${port}/`, answers);
  await until("the namespaces", () => row(page, "namespaces", namespace));
  await row(page, "namespaces", namespace).click();
  assert.equal(page.$("where").textContent, `Keys of ${namespace}`);
  return page;
}

async function save(page, fields) {
  for (const [id, value] of Object.entries(fields)) page.$(id).value = value;
  await page.$("editor").submit();
}

const scenarios = {
  async shows() {
    const page = await at("db3");
    assert.deepEqual(names(page), ["<b>bold</b>", "a", "short"]);
    assert.notEqual(row(page, "keys", "short").children[1].textContent, "");
    assert.equal(row(page, "keys", "a").children[1].textContent, "");
    await until("figures", () => page.$("uptime").textContent.startsWith("up "));
    assert.equal(page.$("charts").children.length, 8);
    await until("counts", () => row(page, "namespaces", "db3").children[1].textContent === "3");
    await until("a curve", () => page.$("charts").querySelector("path"));
    assert.match(page.$("charts").querySelector("path").attributes.d, /^M[\d.]+,46( L[\d.]+,[\d.]+)+ L102,46 Z$/);
    assert.equal(page.$("replicas").hidden, true);
    assert.equal(page.$("notice").textContent, "");
    page.$("prefix").value = "a";
    await page.$("search").submit();
    assert.deepEqual(names(page), ["a"]);
  },

  async pages() {
    const page = await at("db0");
    assert.equal(names(page).length, 100);
    assert.equal(page.$("more").hidden, false);
    await page.$("more").click();
    await page.$("more").click();
    assert.equal(names(page).length, 250);
    assert.equal(new Set(names(page)).size, 250);
    assert.equal(page.$("more").hidden, true);
  },

  async edits() {
    const page = await at("db0", { prompt: "shop", confirm: true });
    page.$("title").value = "store";
    await page.$("create").submit();
    assert.equal(page.$("where").textContent, "Keys of store");
    await page.$("rename").click();
    assert.equal(page.$("where").textContent, "Keys of shop");
    page.$("new-key").click();
    assert.equal(page.$("editor").hidden, false);
    await save(page, { key: "a/b c", value: "grün", metadata: '{"n":1}', ttl: "3600" });
    assert.deepEqual([names(page), page.$("notice").textContent], [["a/b c"], ""]);
    page.$("new-key").click();
    assert.deepEqual([page.$("key").value, page.$("metadata").value], ["", ""]);
    await save(page, { key: "gone", value: "x" });
    await row(page, "keys", "gone").press("Enter");
    await until("the editor", () => page.$("key").value === "gone");
    await page.$("remove").click();
    assert.deepEqual(names(page), ["a/b c"]);
    await row(page, "keys", "a/b c").click();
    assert.deepEqual([page.$("value").value, page.$("metadata").value], ["grün", '{"n":1}']);
    assert.ok(page.$("ttl").value > 3500);
    await row(page, "namespaces", "db5").click();
    await page.$("drop").click(); /* of a database: emptied */
    assert.equal(page.$("where").textContent, "Keys");
  },

  async keepsBytes() {
    const page = await at("db0");
    await row(page, "keys", "binary").click();
    assert.deepEqual([page.$("value").value, page.$("binary").hidden], ["", false]);
    await save(page, { metadata: '"new"' });
    await row(page, "keys", "lines").click();
    assert.equal(page.$("binary").hidden, true);
    await save(page, { metadata: '"new"' });
    assert.equal(page.$("notice").textContent, "");
  },

  async explains() {
    const page = await at("db0");
    await page.$("new-key").click();
    await save(page, { key: "k", value: "1" });
    await save(page, { key: "k", value: "2" });
    assert.equal(page.$("notice").textContent, "put: 'Too Many Requests'");
    await save(page, { key: "other", value: "1", metadata: "{" });
    assert.match(page.$("notice").textContent, /metadata must be valid json/);
    await row(page, "keys", "k").click();
    assert.equal(page.$("notice").textContent, "");
  },

  async asksForTheToken() {
    const page = await open(`http://127.0.0.1:${port}/`);
    await until("the form", () => !page.$("token-form").hidden);
    assert.equal(page.rows("namespaces").length, 0);
    page.$("token").value = "open sesame";
    await page.$("token-form").submit();
    assert.equal(page.$("token-form").hidden, true);
    await row(page, "namespaces", "db0").click();
    assert.deepEqual(names(page), ["k"]);
  },

  async showsReplicas() {
    const page = await open(`http://127.0.0.1:${port}/`);
    await until("the other replica", () => page.rows("replicas").length === 2 && !page.$("replicas").hidden);
    const cells = page.rows("replicas")[1].children.map((cell) => cell.textContent);
    assert.equal(cells.length, 7);
    assert.match(cells[3], /^[\d.]+ ms$/);
    assert.doesNotMatch(cells.join(), /undefined|NaN/);
  },
};

scenarios[what]().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
