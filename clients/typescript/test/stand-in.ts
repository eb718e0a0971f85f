/** A server that stands in for the platform: it records requests, and responds as a test says. */

import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

import { CatHouse, type PersonBody, type Problem, type TokenPair } from "../src/index.ts";

export const REQUEST_ID = "0d4f3c1e9b7a4f5d8c6b2a1908f7e6d5";
export const PERSON: PersonBody = {
  id: "0199b6a2-5c1e-7c3a-9a57-3f0d5d1c2b4e",
  email: "ada@example.com",
  display_name: "Ada",
  role: "player",
  is_active: true,
  created_at: "2026-11-01T10:00:00Z",
  updated_at: "2026-11-01T10:00:00Z",
};

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Given {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** The connection is closed instead of a response. */
  lost?: boolean;
}

export function problem(status: number, code: string, headers: Record<string, string> = {}, more: object = {}): Given {
  const body: Problem = {
    type: `urn:cathouse:problem:${code}`,
    title: code,
    status,
    detail: "It is so.",
    instance: "/api/v1/…",
    request_id: REQUEST_ID,
    ...more,
  };
  return { status, body, headers: { "Content-Type": "application/problem+json", ...headers } };
}

export function tokens(number: number, expiresIn = 900): TokenPair {
  return {
    access_token: `access-${number}`,
    refresh_token: `refresh-${number}`,
    token_type: "bearer",
    expires_in: expiresIn,
  };
}

export class StandIn {
  readonly house: CatHouse;
  readonly requests: Received[] = [];
  /** The seconds that the client waited for, without waiting. */
  readonly waits: number[] = [];
  refreshes = 0;
  expiresIn = 900;
  refusal: Given | undefined;

  constructor(address: string) {
    this.house = new CatHouse(address, {
      sleep: (seconds) => {
        this.waits.push(seconds);
        return Promise.resolve();
      },
    });
  }

  get bearers(): string[] {
    return this.requests.map(({ headers }) => (headers.authorization ?? "").replace("Bearer ", ""));
  }

  signIn(): Promise<void> {
    return this.house.signIn("ada@example.com", "correct horse battery");
  }
}

/** Start a server for a test file. `respond` gets what is neither a sign-in nor a refresh. */
export async function standIn(respond: (request: Received) => Given | Promise<Given>): Promise<StandIn> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += String(part);
    const { method = "", url: path = "", headers } = request;
    const received = { method, path, headers, body };
    let given: Given;
    if (path === "/api/v1/auth/login") given = { body: tokens(0, self.expiresIn) };
    else if (path === "/api/v1/auth/refresh") given = self.refusal ?? { body: tokens(++self.refreshes) };
    else {
      self.requests.push(received);
      given = await respond(received);
    }
    if (given.lost) {
      request.socket.destroy();
      return;
    }
    const isText = typeof given.body === "string";
    response.writeHead(given.status ?? 200, {
      "Content-Type": isText ? "text/html" : "application/json",
      ...given.headers,
    });
    response.end(isText ? given.body : given.body === undefined ? "" : JSON.stringify(given.body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const self = new StandIn(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return self;
}

/** Respond by these in turn, and then by an empty list. */
export function inTurn(...given: Given[]): () => Given {
  const left = [...given];
  return () => left.shift() ?? { body: { items: [], next_cursor: null } };
}
