import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import {
  CatHouse,
  Conflict,
  Forbidden,
  InvalidRequest,
  NotFound,
  ProblemError,
  TooManyRequests,
  Unauthorized,
  Unavailable,
  UnexpectedResponse,
  Unreachable,
} from "../src/index.ts";
import { problem, REQUEST_ID, standIn, type Given } from "./stand-in.ts";

const CAT = { params: { path: { cat_id: "task-keeper" } } };
const CLASSES = [
  [401, Unauthorized],
  [403, Forbidden],
  [404, NotFound],
  [409, Conflict],
  [418, ProblemError],
  [422, InvalidRequest],
  [429, TooManyRequests],
  [500, ProblemError],
  [503, Unavailable],
] as const;

for (const [status, expected] of CLASSES) {
  test(`a problem ${status} is thrown as ${expected.name}`, async () => {
    // A wait that the client leaves to its caller.
    const refused = problem(status, "some_code", { "Retry-After": "99" }, { scope: "tasks:write" });
    const platform = await standIn(() => refused);
    await assert.rejects(platform.house.get("/api/v1/catalog/cats/{cat_id}", CAT), (error) => {
      assert(error instanceof ProblemError);
      assert.equal(error.constructor, expected);
      assert.deepEqual([error.status, error.code, error.requestId], [status, "some_code", REQUEST_ID]);
      assert.deepEqual(error.extra, { scope: "tasks:write" });
      assert.equal(error.retryAfter, 99);
      assert.match(error.message, new RegExp(REQUEST_ID));
      return true;
    });
  });
}

test("a refused request names its fields", async () => {
  const errors = [{ loc: ["query", "limit"], msg: "too large", type: "less_than_equal" }];
  const platform = await standIn(() => problem(422, "invalid_request", {}, { errors }));
  const call = platform.house.get("/api/v1/catalog/cats", { params: { query: { limit: 1000 } } });
  await assert.rejects(call, (error) => {
    assert(error instanceof InvalidRequest);
    assert.deepEqual(error.errors, errors);
    return true;
  });
});

for (const [status, code] of [
  [404, "not_found"],
  [405, "method_not_allowed"],
] as const) {
  test(`a route that an older or newer platform lacks is said to be one: ${status}`, async () => {
    const platform = await standIn(() => problem(status, code));
    const call = platform.house.get("/api/v1/catalog/cats/{cat_id}", CAT);
    await assert.rejects(call, /older or newer than cathouse-client/);
  });
}

test("a cat that does not exist is no matter of versions", async () => {
  const platform = await standIn(() => problem(404, "cat_not_found"));
  await assert.rejects(platform.house.get("/api/v1/catalog/cats/{cat_id}", CAT), (error) => {
    assert(error instanceof NotFound);
    assert.doesNotMatch(error.message, /cathouse-client/);
    return true;
  });
});

const FOREIGN: Record<string, Given> = {
  "a page": { body: "<h1>It works!</h1>" },
  "another server": { status: 404, body: "404 page not found" },
  "another's problem": {
    status: 502,
    body: { type: "about:blank" },
    headers: { "Content-Type": "application/problem+json" },
  },
};
for (const [name, given] of Object.entries(FOREIGN)) {
  test(`${name} is said to be of another program or version`, async () => {
    const platform = await standIn(() => given);
    await assert.rejects(platform.house.get("/api/v1/catalog/cats/{cat_id}", CAT), (error) => {
      assert(error instanceof UnexpectedResponse);
      assert.match(error.message, /Check the address, and use the client of/);
      return error.response.status === (given.status ?? 200);
    });
  });
}

test("an address where nothing listens is named", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const house = new CatHouse(`http://127.0.0.1:${port}`, { sleep: () => Promise.resolve() });
  await assert.rejects(house.get("/api/v1/catalog/cats"), (error) => {
    assert(error instanceof Unreachable);
    return error.message.includes(`:${port}/api/v1/catalog/cats got no response`);
  });
});

test("a response that takes too long is given up, once", async () => {
  let requests = 0;
  const house = new CatHouse("http://127.0.0.1:1", {
    timeout: 0.01,
    fetch: (request) => {
      requests += 1;
      return new Promise((_, reject) => {
        request.signal.addEventListener("abort", () => reject(request.signal.reason as Error));
      });
    },
  });
  // Timers of signals keep no process alive.
  const alive = setInterval(() => {}, 1000);
  await assert.rejects(house.get("/api/v1/catalog/cats"), Unreachable);
  clearInterval(alive);
  assert.equal(requests, 1);
});

test("a signal of the caller ends a call", async () => {
  const platform = await standIn(() => ({ body: { items: [], next_cursor: null } }));
  const call = platform.house.get("/api/v1/catalog/cats", { signal: AbortSignal.abort() });
  await assert.rejects(call, { name: "AbortError" });
});
