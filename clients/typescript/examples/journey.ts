/**
 * The journey of `make demo`: a developer publishes a cat, an admin approves it, a player adopts and calls it.
 *
 * It runs in Node (journey-in-node.ts) and in browsers.
 */

import { CatHouse, Conflict, Forbidden, ProblemError, type NewCat } from "../src/index.ts";

export interface Journey {
  /** The address of the gateway. */
  address: string;
  /** The address at which the proxy reaches the cat. */
  endpoint: string;
  /** An access token of an admin. */
  adminToken: string;
  /** The cat's manifest: examples/tasks/manifest.json. */
  manifest: NewCat & { slug: string };
}

/** Make the journey, and return a line for each step. Throws an error if a step fails. */
export async function journey({ address, endpoint, adminToken, manifest }: Journey): Promise<string[]> {
  const lines: string[] = [];
  const says = (who: string, what: string) => lines.push(`${who.padEnd(6)}${what}`);
  const unique = crypto.randomUUID().slice(0, 8);

  async function enter(name: string, role: "developer" | "player"): Promise<CatHouse> {
    const house = new CatHouse(address);
    const [email, password] = [`${name}-${unique}@example.com`, crypto.randomUUID()];
    await house.post("/api/v1/auth/register", { body: { email, password, display_name: name, role } });
    await house.signIn(email, password);
    says(name, `signs in as a ${(await house.get("/api/v1/auth/me")).role}`);
    return house;
  }

  const olga = await enter("olga", "developer");
  const { slug: _, ...described } = manifest;
  const cat = await olga.post("/api/v1/catalog/cats", {
    body: { ...described, endpoint_url: endpoint, name: `${described.name} ${unique}` },
  });
  const path = { params: { path: { cat_id: cat.id } } };
  await olga.post("/api/v1/catalog/cats/{cat_id}/submit", path);
  says("olga", "submits a cat");

  const ada = new CatHouse(address);
  ada.tokens = { access_token: adminToken, refresh_token: "", token_type: "bearer", expires_in: 900 };
  check((await ada.post("/api/v1/catalog/cats/{cat_id}/approve", path)).status === "published", "it is published");
  says("ada", "approves it");

  const paul = await enter("paul", "player");
  const found = new Set<string>();
  for await (const { id } of paul.items("/api/v1/catalog/cats", { params: { query: { q: cat.name, limit: 1 } } })) {
    found.add(id);
    if (found.size === 3) break;
  }
  check(found.has(cat.id), "it is found");
  says("paul", "finds it");

  const wish = { cat_id: cat.id, granted_scopes: ["tasks:read", "tasks:write"] };
  const { installation, credential } = await paul.post("/api/v1/installations", { body: wish });
  check((await errorOf(paul.post("/api/v1/installations", { body: wish }))) instanceof Conflict, "one adoption");
  says("paul", "adopts it, once");

  const added = await paul.callCat(installation.id, "POST", "tasks", { credential, json: { title: "Feed the cat" } });
  check(added.status === 201, "the task is added");
  const task = (await added.json()) as { id: string; title: string };
  says("paul", `adds the task ${JSON.stringify(task.title)} through the proxy`);
  check((await paul.callCat(installation.id, "GET", "tasks")).status === 200, "the tasks are listed");
  says("paul", "lists the tasks by the access token");

  const refusal = await errorOf(paul.callCat(installation.id, "DELETE", `tasks/${task.id}`, { credential }));
  check(refusal instanceof Forbidden && refusal.code === "scope_missing", "the deletion is refused");
  says("paul", "is refused to delete it");

  const mine = { params: { path: { installation_id: installation.id } } };
  await paul.post("/api/v1/installations/{installation_id}/pause", mine);
  for (let code = ""; code !== "installation_paused"; ) {
    const error = await errorOf(paul.callCat(installation.id, "GET", "tasks", { credential }));
    if (!error) continue; // The pause takes effect within a second.
    check(error instanceof ProblemError, String(error));
    code = error.code;
  }
  says("paul", "is refused while it is paused");

  const rows: string[] = [];
  const query = { installation_id: installation.id, limit: 2 };
  for await (const row of paul.items("/api/v1/proxy/audit", { params: { query } })) rows.push(row.outcome);
  check(rows.includes("scope_missing") && rows.includes("installation_paused"), "the audit has both refusals");
  says("paul", "reads the audit");

  // A refused access token, as after 15 minutes: many calls at once refresh it.
  check(paul.tokens, "paul is signed in");
  paul.tokens = { ...paul.tokens, access_token: "refused" };
  await Promise.all(Array.from({ length: 5 }, () => paul.get("/api/v1/installations")));
  says("paul", "goes on with refreshed tokens");
  await paul.signOut();
  return lines;
}

function check(holds: unknown, what: string): asserts holds {
  if (!holds) throw new Error(`This is not so: ${what}.`);
}

/** Return the error of a call, or undefined if it succeeds. */
async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}
