import assert from "node:assert/strict";
import { test } from "node:test";

import { CatHouse, Unauthorized } from "../src/index.ts";
import { PERSON, problem, standIn, tokens, type Given, type Received } from "./stand-in.ts";

const CALLS = 8;

/** Accept this access token alone. */
function only(token: string) {
  return ({ headers }: Received): Given =>
    headers.authorization === `Bearer ${token}` ? { body: PERSON } : problem(401, "unauthenticated");
}

test("calls have the access token after signing in", async () => {
  const platform = await standIn(only("access-0"));
  await platform.signIn();
  assert.equal((await platform.house.get("/api/v1/auth/me")).display_name, "Ada");
  assert.deepEqual(platform.bearers, ["access-0"]);
});

test("a refused token is refreshed, and the call repeated with its body", async () => {
  const platform = await standIn(only("access-1"));
  await platform.signIn();
  await platform.house.patch("/api/v1/auth/me", { body: { display_name: "Ada" } });
  assert.deepEqual(platform.bearers, ["access-0", "access-1"]);
  assert.deepEqual(platform.requests.map(({ body }) => body), Array(2).fill('{"display_name":"Ada"}'));
  assert.deepEqual(platform.house.tokens, tokens(1));
});

test("a token that ends soon is refreshed before the call", async () => {
  const platform = await standIn(only("access-1"));
  platform.expiresIn = 10;
  await platform.signIn();
  await platform.house.get("/api/v1/auth/me");
  assert.deepEqual(platform.bearers, ["access-1"]);
});

test("many calls at once refresh once", async () => {
  let refuseAll: () => void;
  const allArrived = new Promise<void>((resolve) => (refuseAll = resolve));
  let arrived = 0;
  const platform = await standIn(async (request) => {
    if (request.headers.authorization === "Bearer access-1") return { body: PERSON };
    // Every call is refused before the first one refreshes.
    if (++arrived === CALLS) refuseAll();
    await allArrived;
    return problem(401, "unauthenticated");
  });
  await platform.signIn();
  const people = await Promise.all(Array.from({ length: CALLS }, () => platform.house.get("/api/v1/auth/me")));
  assert.equal(people.length, CALLS);
  assert.equal(platform.refreshes, 1);
});

test("a refused refresh ends the session", async () => {
  const platform = await standIn(only("none"));
  platform.refusal = problem(401, "invalid_refresh_token");
  await platform.signIn();
  await assert.rejects(platform.house.get("/api/v1/auth/me"), (error) => {
    assert(error instanceof Unauthorized);
    return error.code === "invalid_refresh_token";
  });
  assert.equal(platform.house.tokens, undefined);
});

test("a failing refresh keeps the session", async () => {
  const platform = await standIn(only("none"));
  platform.refusal = problem(500, "internal_error");
  await platform.signIn();
  await assert.rejects(platform.house.get("/api/v1/auth/me"), /internal_error/);
  assert.deepEqual(platform.house.tokens, tokens(0));
});

test("signing out ends the session on the platform too", async () => {
  const platform = await standIn(() => ({ status: 204 }));
  await platform.signIn();
  await platform.house.signOut();
  assert.equal(platform.house.tokens, undefined);
  assert.deepEqual(
    platform.requests.map(({ path, body }) => [path, body]),
    [["/api/v1/auth/logout", '{"refresh_token":"refresh-0"}']],
  );
});

test("stored tokens continue a session", async () => {
  const platform = await standIn(only("access-0"));
  platform.house.tokens = tokens(0);
  assert.equal((await platform.house.get("/api/v1/auth/me")).display_name, "Ada");
});

for (const address of ["localhost:8000", "ftp://example.com", "http://example.com/api", ""]) {
  test(`the address ${JSON.stringify(address)} is refused`, () => {
    assert.throws(() => new CatHouse(address), /not the gateway's address/);
  });
}
