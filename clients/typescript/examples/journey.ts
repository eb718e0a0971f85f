/**
 * The journey of `make demo`: a developer publishes a cat, an admin approves it, a player adopts and calls it.
 *
 * CATHOUSE_URL is the gateway, CAT_URL where the proxy reaches a cat, and ADMIN_TOKEN an access token of an admin.
 */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { CatHouse, Conflict, Forbidden, ProblemError, type NewCat } from "../src/index.ts";

const { CATHOUSE_URL: address, CAT_URL: endpoint = "", ADMIN_TOKEN: adminToken = "" } = process.env;
const unique = randomBytes(4).toString("hex");

function says(who: string, what: string): void {
  console.log(`${who.padEnd(6)}${what}`);
}

async function enter(name: string, role: "developer" | "player"): Promise<CatHouse> {
  const house = new CatHouse(address);
  const [email, password] = [`${name}-${unique}@example.com`, randomBytes(18).toString("base64url")];
  await house.post("/api/v1/auth/register", { body: { email, password, display_name: name, role } });
  await house.signIn(email, password);
  says(name, `signs in as a ${(await house.get("/api/v1/auth/me")).role}`);
  return house;
}

const olga = await enter("olga", "developer");
const { slug: _, ...manifest } = JSON.parse(
  readFileSync(new URL("../../../examples/tasks/manifest.json", import.meta.url), "utf8"),
) as NewCat & { slug: string };
const cat = await olga.post("/api/v1/catalog/cats", {
  body: { ...manifest, endpoint_url: endpoint, name: `${manifest.name} ${unique}` },
});
const path = { params: { path: { cat_id: cat.id } } };
await olga.post("/api/v1/catalog/cats/{cat_id}/submit", path);
says("olga", "submits a cat");

const ada = new CatHouse(address);
ada.tokens = { access_token: adminToken, refresh_token: "", token_type: "bearer", expires_in: 900 };
assert.equal((await ada.post("/api/v1/catalog/cats/{cat_id}/approve", path)).status, "published");
says("ada", "approves it");

const paul = await enter("paul", "player");
const found = new Set<string>();
for await (const { id } of paul.items("/api/v1/catalog/cats", { params: { query: { q: cat.name, limit: 1 } } })) {
  found.add(id);
  if (found.size === 3) break;
}
assert(found.has(cat.id));
says("paul", "finds it");

const wish = { cat_id: cat.id, granted_scopes: ["tasks:read", "tasks:write"] };
const { installation, credential } = await paul.post("/api/v1/installations", { body: wish });
await assert.rejects(paul.post("/api/v1/installations", { body: wish }), Conflict);
says("paul", "adopts it, once");

const added = await paul.callCat(installation.id, "POST", "tasks", { credential, json: { title: "Feed the cat" } });
assert.equal(added.status, 201);
const task = (await added.json()) as { id: string; title: string };
says("paul", `adds the task ${JSON.stringify(task.title)} through the proxy`);
assert.equal((await paul.callCat(installation.id, "GET", "tasks")).status, 200);
says("paul", "lists the tasks by the access token");

const refused = paul.callCat(installation.id, "DELETE", `tasks/${task.id}`, { credential });
await assert.rejects(refused, (error) => error instanceof Forbidden && error.code === "scope_missing");
says("paul", "is refused to delete it");

const mine = { params: { path: { installation_id: installation.id } } };
await paul.post("/api/v1/installations/{installation_id}/pause", mine);
for (let refusal = ""; refusal !== "installation_paused"; ) {
  try {
    await paul.callCat(installation.id, "GET", "tasks", { credential });
  } catch (error) {
    assert(error instanceof ProblemError);
    refusal = error.code;
  }
}
says("paul", "is refused while it is paused");

const rows: string[] = [];
const query = { installation_id: installation.id, limit: 2 };
for await (const row of paul.items("/api/v1/proxy/audit", { params: { query } })) rows.push(row.outcome);
assert(rows.includes("scope_missing") && rows.includes("installation_paused"));
says("paul", "reads the audit");

// A refused access token, as after 15 minutes: many calls at once refresh it.
assert(paul.tokens);
paul.tokens = { ...paul.tokens, access_token: "refused" };
await Promise.all(Array.from({ length: 5 }, () => paul.get("/api/v1/installations")));
says("paul", "goes on with refreshed tokens");
await paul.signOut();
