import assert from "node:assert/strict";
import { test } from "node:test";

import { ProblemError, Unavailable, Unreachable } from "../src/index.ts";
import { inTurn, problem, standIn } from "./stand-in.ts";

const CAT = "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e";
const PATH = { params: { path: { cat_id: CAT } } };
const WISH = { cat_id: CAT, granted_scopes: [] };
const BUSY = problem(503, "service_unavailable", { "Retry-After": "2" });
const LOST = { lost: true };

test("reading is repeated after the seconds of Retry-After", async () => {
  const platform = await standIn(inTurn(BUSY, BUSY));
  await platform.house.get("/api/v1/catalog/cats");
  assert.equal(platform.requests.length, 3);
  assert.deepEqual(platform.waits, [2, 2]);
});

test("reading is repeated after a lost connection", async () => {
  const platform = await standIn(inTurn(LOST));
  await platform.house.get("/api/v1/catalog/cats");
  assert.equal(platform.requests.length, 2);
});

test("the third failure is thrown", async () => {
  const platform = await standIn(inTurn(BUSY, BUSY, BUSY));
  await assert.rejects(platform.house.get("/api/v1/catalog/cats"), Unavailable);
  assert.equal(platform.requests.length, 3);
});

test("a long wait is left to the caller", async () => {
  const platform = await standIn(inTurn(problem(429, "too_many_requests", { "Retry-After": "60" })));
  await assert.rejects(platform.house.get("/api/v1/catalog/cats"), (error) => {
    assert(error instanceof ProblemError);
    return error.retryAfter === 60;
  });
  assert.deepEqual(platform.waits, []);
});

for (const [name, failure] of Object.entries({ "503": BUSY, lost: LOST })) {
  test(`what may have happened is not repeated: ${name}`, async () => {
    const platform = await standIn(inTurn(failure));
    await assert.rejects(
      platform.house.post("/api/v1/catalog/cats/{cat_id}/submit", PATH),
      (error) => error instanceof Unavailable || error instanceof Unreachable,
    );
    assert.equal(platform.requests.length, 1);
  });
}

test("what cannot have happened is repeated", async () => {
  const tooMany = problem(429, "too_many_requests", { "Retry-After": "1" });
  const platform = await standIn(inTurn(tooMany, problem(404, "cat_not_found")));
  await assert.rejects(platform.house.post("/api/v1/catalog/cats/{cat_id}/submit", PATH), /cat_not_found/);
  assert.equal(platform.requests.length, 2);
});

test("an adoption is repeated with the same key", async () => {
  const adopted = problem(409, "already_adopted");
  const platform = await standIn(inTurn(LOST, BUSY, adopted, adopted));
  for (let adoption = 0; adoption < 2; adoption++) {
    await assert.rejects(platform.house.post("/api/v1/installations", { body: WISH }), /already_adopted/);
  }
  const [first, second, third, other] = platform.requests.map(({ headers }) => headers["idempotency-key"]);
  assert(first);
  assert.deepEqual([second, third], [first, first]);
  assert.notEqual(other, first);
  assert.equal(platform.requests[2]?.body, JSON.stringify(WISH));
});

test("a key of the caller is kept", async () => {
  const platform = await standIn(inTurn(problem(409, "already_adopted")));
  const params = { header: { "Idempotency-Key": "mine" } };
  await assert.rejects(platform.house.post("/api/v1/installations", { params, body: WISH }));
  assert.equal(platform.requests[0]?.headers["idempotency-key"], "mine");
});

test("a body that is a stream is sent once", async () => {
  const platform = await standIn(inTurn(BUSY));
  const body = new Blob(["one", "two"]).stream();
  await assert.rejects(platform.house.callCat(CAT, "PUT", "file", { body }), Unavailable);
  assert.deepEqual(platform.requests.map((request) => request.body), ["onetwo"]);
});
