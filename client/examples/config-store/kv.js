// A namespace of Workers KV, by its title: written to in bulk, until everything has arrived.
import Cloudflare from "cloudflare";
import { RefusedForNow, withBackoff } from "./backoff.js";

const TITLE_IS_TAKEN = 10014;

export class Namespace {
  // The namespace is made if there is none.  Where the server is, and the token, come from the environment:
  // CLOUDFLARE_BASE_URL, CLOUDFLARE_API_TOKEN, CLOUDFLARE_ACCOUNT_ID.  `patience` is withBackoff()'s.
  static async open(title, patience) {
    const { namespaces } = new Cloudflare({ maxRetries: 0 }).kv; // withBackoff() tries again, not the SDK
    const account_id = process.env.CLOUDFLARE_ACCOUNT_ID;
    const id = await withBackoff(() => findOrCreate(namespaces, account_id, title), patience);
    return new Namespace(namespaces.keys, account_id, id, patience);
  }

  constructor(keys, account_id, id, patience) {
    this.keys = keys;
    this.account_id = account_id;
    this.id = id;
    this.patience = patience;
  }

  // pairs: [{ key, value, metadata?, expiration_ttl? }, …], at most 10,000.
  async putAll(pairs) {
    await this.#untilDone(pairs, (pair) => pair.key, (body) => this.keys.bulkUpdate(this.id, { account_id: this.account_id, body }));
  }

  async deleteAll(names) {
    await this.#untilDone(names, (name) => name, (body) => this.keys.bulkDelete(this.id, { account_id: this.account_id, body }));
  }

  // Sends them all, and those again that were refused.
  async #untilDone(items, nameOf, send) {
    let left = items;
    if (left.length === 0) return;
    await withBackoff(async () => {
      const { unsuccessful_keys: refused = [] } = await send(left);
      left = left.filter((item) => refused.includes(nameOf(item)));
      if (left.length > 0) throw new RefusedForNow(`${left.length} keys were refused for now`);
    }, this.patience);
  }
}

async function findOrCreate(namespaces, account_id, title) {
  for await (const ns of namespaces.list({ account_id })) {
    if (ns.title === title) return ns.id;
  }
  try {
    return (await namespaces.create({ account_id, title })).id;
  } catch (error) {
    if (error.errors?.[0]?.code !== TITLE_IS_TAKEN) throw error;
    return findOrCreate(namespaces, account_id, title); // another program was faster
  }
}
