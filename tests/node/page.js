// A page without a browser: just as much of a document as the dashboard's script touches.  What it does not know (innerHTML,
// say) throws, so that a script that begins to use more of it fails loudly instead of passing by chance.
"use strict";
const vm = require("node:vm");

const VOID = new Set(["meta", "link", "input", "br", "img", "!doctype"]);
const RAW = new Set(["style", "script"]);
const WAIT_MS = 10000;

class Element {
  constructor(name) {
    Object.assign(this, { name, nodes: [], attributes: {}, className: "", value: "", initial: "", hidden: false, tabIndex: -1 });
  }

  get children() { return this.nodes.filter((node) => node instanceof Element); }
  get textContent() { return this.nodes.map((node) => node instanceof Element ? node.textContent : node).join(""); }
  set textContent(text) { this.nodes = [String(text)]; }
  set innerHTML(_) { throw new Error("innerHTML is not for names that users choose"); }
  get tBodies() { return this.children.filter((child) => child.name === "tbody"); }
  append(...nodes) { this.nodes.push(...nodes); }
  replaceChildren(...nodes) { this.nodes = nodes; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  all() { return [this, ...this.children.flatMap((child) => child.all())]; }
  querySelector(name) { return this.all().find((element) => element !== this && element.name === name) ?? null; }
  reset() { for (const element of this.all()) element.value = element.initial; }
  focus() {}
  click() { return this.onclick({ preventDefault() {} }); }
  submit() { return this.onsubmit({ preventDefault() {} }); }
  press(key) { return this.onkeydown({ key, preventDefault() {} }); }
}

// The tree of the page's tags.  An end tag closes whatever was left open inside.
function parse(html) {
  const root = new Element("html"), open = [root];
  const tags = /<(\/?)([a-zA-Z!][\w]*)((?:"[^"]*"|[^>"])*)>([^<]*)/g;
  for (let found; (found = tags.exec(html));) {
    const [, slash, word, rest, text] = found, name = word.toLowerCase();
    if (slash) {
      const at = open.findLastIndex((element) => element.name === name);
      if (at > 0) open.length = at;
    } else if (name !== "html") {
      const made = new Element(name);
      for (const [, key, value] of rest.matchAll(/([\w-]+)(?:="([^"]*)")?/g)) made.attributes[key] = value ?? "";
      made.hidden = "hidden" in made.attributes;
      made.value = made.initial = made.attributes.value ?? "";
      open.at(-1).append(made);
      if (!VOID.has(name)) open.push(made);
      if (RAW.has(name)) {
        const end = html.indexOf(`</${name}>`, found.index);
        made.textContent = html.slice(found.index + found[0].length - text.length, end);
        tags.lastIndex = end;
        continue;
      }
    }
    if (text.trim()) open.at(-1).append(text);
  }
  return root;
}

// Opens the page at `base` and runs its script there.
async function open(base, answers = {}) {
  const root = parse(await (await fetch(base)).text());
  const byId = new Map(root.all().map((element) => [element.attributes.id, element]));
  const $ = (id) => {
    if (!byId.has(id)) throw new Error(`there is no element with the id ${id}`);
    return byId.get(id);
  };
  const stored = new Map();
  const make = (name) => new Element(name);
  vm.runInNewContext(root.querySelector("script").textContent, {
    document: { hidden: false, getElementById: $, createElement: make, createElementNS: (_, name) => make(name) },
    sessionStorage: { getItem: (key) => stored.get(key) ?? null, setItem: (key, value) => stored.set(key, String(value)) },
    fetch: (path, options) => fetch(new URL(path, base), options),
    prompt: () => answers.prompt ?? null, confirm: () => answers.confirm ?? false,
    FormData, Blob, URLSearchParams, TextDecoder, performance, setTimeout,
  }, { filename: "dashboard.html" });
  return { $, rows: (id) => $(id).all().filter((element) => element.name === "tr") };
}

async function until(what, claim) {
  for (const end = Date.now() + WAIT_MS; Date.now() < end;) {
    if (claim()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`in vain waited for: ${what}`);
}

module.exports = { open, until };
