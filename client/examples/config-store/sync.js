// Copies users' settings from PostgreSQL to Workers KV, where Workers read them.
//
//     node sync.js              copies what has changed since the last time, and ends
//     node sync.js --watch      goes on, whenever something changes
//
// The environment says where both are: PGHOST … or DATABASE_URL; CLOUDFLARE_BASE_URL, CLOUDFLARE_API_TOKEN,
// CLOUDFLARE_ACCOUNT_ID.  It may be stopped at any time: a change stays in changed_users (schema.sql) until its
// copy is made, and copying it twice does no harm.  Run one at a time: a slow one could overwrite what another
// has copied since.
import { once } from "node:events";
import pg from "pg";
import { Namespace } from "./kv.js";

const NAMESPACE = "user-settings";
const AT_ONCE = 1000;

async function copyChanges(db, namespace) {
  let copied = 0;
  for (let some; (some = await copySome(db, namespace)) > 0; ) copied += some;
  console.log(`users copied: ${copied}`);
}

async function copySome(db, namespace) {
  const { rows } = await db.query(
    `SELECT changed.user_id, changed.change, users.id IS NULL AS is_gone, name, language, theme
     FROM changed_users AS changed LEFT JOIN users ON users.id = changed.user_id
     ORDER BY changed.change LIMIT $1`, [AT_ONCE]);
  await namespace.putAll(rows.filter((row) => !row.is_gone).map(pairOf));
  await namespace.deleteAll(rows.filter((row) => row.is_gone).map(keyOf));
  // A user who has changed again in the meantime has another number now, and stays.
  await db.query(
    `DELETE FROM changed_users AS changed USING unnest($1::bigint[], $2::bigint[]) AS copied (user_id, change)
     WHERE changed.user_id = copied.user_id AND changed.change = copied.change`,
    [rows.map((row) => row.user_id), rows.map((row) => row.change)]);
  return rows.length;
}

const keyOf = (row) => `user:${row.user_id}`;

function pairOf(row) {
  const { name, language, theme } = row;
  return { key: keyOf(row), value: JSON.stringify({ name, language, theme }) };
}

async function main() {
  const db = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await db.connect();
  try {
    const watching = process.argv.includes("--watch");
    const namespace = await Namespace.open(NAMESPACE, watching ? { tries: Infinity } : {});
    if (watching) await db.query("LISTEN users_changed");
    do {
      // It listens before it looks: no change falls in between.
      await Promise.all([watching && once(db, "notification"), copyChanges(db, namespace)]);
    } while (watching);
  } finally {
    await db.end();
  }
}

main().catch((error) => {
  console.error(`sync: ${error.message}`);
  process.exitCode = 1;
});
