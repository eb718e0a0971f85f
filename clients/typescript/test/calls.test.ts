import assert from "node:assert/strict";
import { test } from "node:test";

import { Forbidden, type CategoryBody } from "../src/index.ts";
import { problem, standIn, type Given, type Received } from "./stand-in.ts";

const CAT = "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e";
const echo = ({ path }: Received): Given => ({ body: { path } });

test("a cat is called by the credential", async () => {
  const platform = await standIn(echo);
  await platform.signIn();
  const response = await platform.house.callCat(CAT, "POST", "/tasks/a b", {
    credential: "secret",
    query: { q: "x" },
    json: { title: "Feed" },
  });
  assert.deepEqual(await response.json(), { path: `/api/v1/proxy/${CAT}/tasks/a%20b?q=x` });
  assert.deepEqual(platform.bearers, ["secret"]);
  assert.equal(platform.requests[0]?.body, '{"title":"Feed"}');
});

test("a cat is called as the signed-in user", async () => {
  const platform = await standIn(echo);
  await platform.signIn();
  await platform.house.callCat(CAT, "GET", "tasks", { headers: { "X-Cat-Colour": "black" } });
  assert.deepEqual(platform.bearers, ["access-0"]);
  assert.equal(platform.requests[0]?.headers["x-cat-colour"], "black");
});

for (const status of [401, 404, 503]) {
  test(`the cat's own ${status} is its response`, async () => {
    const platform = await standIn(() => ({ status, body: "mine" }));
    await platform.signIn();
    const response = await platform.house.callCat(CAT, "GET", "tasks");
    assert.equal(await response.text(), "mine");
    assert.deepEqual([platform.requests.length, platform.refreshes], [1, 0]);
  });
}

test("a refusal of the platform is thrown", async () => {
  const platform = await standIn(() => problem(403, "scope_missing", {}, { scope: "tasks:delete" }));
  await assert.rejects(platform.house.callCat(CAT, "DELETE", "tasks/1", { credential: "secret" }), (error) => {
    assert(error instanceof Forbidden);
    return error.extra["scope"] === "tasks:delete";
  });
});

for (const path of ["../../auth/me", "tasks/..", "%2e%2E/x", "./tasks", "..\\x", ".\t./x", "x#y"]) {
  test(`the path ${JSON.stringify(path)} is not sent`, async () => {
    const platform = await standIn(echo);
    await assert.rejects(platform.house.callCat(CAT, "GET", path, { credential: "secret" }), /give the path without it/);
    assert.deepEqual(platform.requests, []);
  });
}

test("a list is read page by page", async () => {
  /** Five categories in pages of `limit`. */
  const platform = await standIn(({ path }) => {
    const query = new URL(path, "http://localhost").searchParams;
    const begin = Number(query.get("cursor") ?? 0);
    const end = begin + Number(query.get("limit"));
    const items = [0, 1, 2, 3, 4].slice(begin, end).map((count) => ({ category: `category ${count}`, count }));
    return { body: { items, next_cursor: end < 5 ? String(end) : null } };
  });
  const categories = platform.house.items("/api/v1/catalog/categories", { params: { query: { limit: 2 } } });
  const first: IteratorResult<CategoryBody> = await categories.next();
  assert.deepEqual(first.value, { category: "category 0", count: 0 });
  assert.equal(platform.requests.length, 1);
  const others: number[] = [];
  for await (const { count } of categories) others.push(count);
  assert.deepEqual(others, [1, 2, 3, 4]);
  assert.equal(platform.requests.length, 3);
});

test("the types refuse what the API does not have", async () => {
  const { house } = await standIn(() => ({ status: 204 }));
  const wrong = [
    // @ts-expect-error: no such path
    () => house.get("/api/v1/catalog/dogs"),
    // @ts-expect-error: the path has a parameter
    () => house.get("/api/v1/catalog/cats/{cat_id}"),
    // @ts-expect-error: a rating is a number
    () => house.put("/api/v1/catalog/cats/{cat_id}/reviews/mine", { params: { path: { cat_id: CAT } }, body: { rating: "5" } }),
    // @ts-expect-error: no list
    () => house.items("/api/v1/auth/me"),
    // @ts-expect-error: a proxied call is made by callCat
    () => house.get("/api/v1/proxy/{installation_id}/{path}"),
    // @ts-expect-error: an internal route
    () => house.get("/api/v1/auth/internal/revocations"),
    // @ts-expect-error: a person has no such field
    async () => (await house.get("/api/v1/auth/me")).password,
  ];
  assert.equal(wrong.length, 7);
});
