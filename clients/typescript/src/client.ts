import createClient from "openapi-fetch";

import { isJson, problemOf, UnexpectedResponse } from "./errors.ts";
import type { paths, TokenPair } from "./generated/api.ts";
import type { Call, Init, Item, ListPath, Rest } from "./operations.ts";
import { Session, type Fetch, type Sleep } from "./session.ts";

/** The gateway of `make up`. */
export const GATEWAY = "http://localhost:8000";
/** Seconds for a response: a proxied call takes 30 at most. */
const TIMEOUT = 35;
const ADOPTIONS = "/api/v1/installations";

export interface Options {
  /** Seconds for a response. */
  timeout?: number;
  /** Replaces `globalThis.fetch`. */
  fetch?: Fetch;
  /** Replaces the timer between attempts. */
  sleep?: Sleep;
}

/** The request of `callCat`, as for `fetch`, with an object as JSON and the parameters of the query. */
export interface CatRequest extends Omit<RequestInit, "method"> {
  /** The installation's credential; without one, the cat is called as the signed-in user. */
  credential?: string;
  json?: unknown;
  query?: Record<string, string>;
}

/** The platform: one address, and one signed-in user. */
export class CatHouse {
  readonly get: Call<"get">;
  readonly post: Call<"post">;
  readonly put: Call<"put">;
  readonly patch: Call<"patch">;
  readonly delete: Call<"delete">;
  readonly #address: string;
  readonly #session: Session;

  /** `address` is the gateway's. */
  constructor(address: string = GATEWAY, options: Options = {}) {
    this.#address = checkedAddress(address);
    this.#session = new Session(
      this.#address,
      options.fetch ?? ((request) => fetch(request)),
      options.sleep ?? ((seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))),
      options.timeout ?? TIMEOUT,
    );
    const client = createClient<paths>({
      baseUrl: this.#address,
      fetch: (request) => this.#understood(request),
    });
    // openapi-fetch returns { data, error }. Here errors are thrown, so that only the data is left.
    const method = (send: unknown) => async (path: unknown, init?: unknown) =>
      (await (send as (path: unknown, init?: unknown) => Promise<{ data: never }>)(path, init)).data;
    this.get = method(client.GET);
    this.post = method(client.POST);
    this.put = method(client.PUT);
    this.patch = method(client.PATCH);
    this.delete = method(client.DELETE);
  }

  /** The tokens of the signed-in user. Store them, and set them later to stay signed in. */
  get tokens(): TokenPair | undefined {
    return this.#session.tokens;
  }

  set tokens(tokens: TokenPair | undefined) {
    this.#session.tokens = tokens;
  }

  /** Sign in. Later calls have the access token, which is refreshed before it expires. */
  async signIn(email: string, password: string): Promise<void> {
    const body = new URLSearchParams({ username: email, password });
    const request = new Request(`${this.#address}/api/v1/auth/login`, { method: "POST", body });
    this.tokens = (await (await this.#understood(request)).json()) as TokenPair;
  }

  /** End the session, here and on the platform. */
  async signOut(): Promise<void> {
    const tokens = this.tokens;
    this.tokens = undefined;
    if (tokens) await this.post("/api/v1/auth/logout", { body: { refresh_token: tokens.refresh_token } });
  }

  /** Yield every item of a list. The next page is requested when an iteration reaches it. */
  async *items<Path extends ListPath>(path: Path, ...rest: Rest<Init<Path, "get">>): AsyncGenerator<Item<Path>> {
    const init = rest[0] as { params?: { query?: object } } | undefined;
    type Page = { items: Item<Path>[]; next_cursor: string | null };
    const get = this.get as (path: string, init: object) => Promise<Page>;
    let cursor: string | null | undefined;
    do {
      const query = { ...init?.params?.query, ...(cursor && { cursor }) };
      const page = await get(path, { ...init, params: { ...init?.params, query } });
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor);
  }

  /**
   * Call a cat through the proxy. The cat's response is returned with any status.
   * Throws `ProblemError` where the platform refuses the call.
   */
  async callCat(installationId: string, method: string, path: string, options: CatRequest = {}): Promise<Response> {
    const { credential, json, query, ...init } = options;
    const url = new URL(this.#address + proxied(installationId, path));
    for (const [name, value] of Object.entries(query ?? {})) url.searchParams.append(name, value);
    const headers = new Headers(init.headers);
    if (credential !== undefined) headers.set("Authorization", `Bearer ${credential}`);
    if (json !== undefined) {
      headers.set("Content-Type", "application/json");
      init.body = JSON.stringify(json);
    }
    const isStream = init.body instanceof ReadableStream;
    const request = new Request(url, { ...init, ...(isStream && { duplex: "half" }), method, headers });
    const response = await this.#session.send(request, isStream);
    const problem = await problemOf(response);
    if (problem) throw problem;
    return response;
  }

  /** Return a response that succeeded, in the API's terms. */
  async #understood(request: Request): Promise<Response> {
    if (request.method === "POST" && new URL(request.url).pathname === ADOPTIONS) {
      // With a key, the request may be sent again.
      if (!request.headers.has("Idempotency-Key")) request.headers.set("Idempotency-Key", crypto.randomUUID());
    }
    const response = await this.#session.send(request);
    const problem = await problemOf(response);
    if (problem) throw problem;
    if (response.status !== 204 && !(response.ok && isJson(response))) throw new UnexpectedResponse(request, response);
    return response;
  }
}

function checkedAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/" || url.search) {
    throw new TypeError(`${JSON.stringify(address)} is not the gateway's address: give one such as ${GATEWAY}`);
  }
  return url.origin;
}

/** Return the path of a proxied call. Throws `TypeError` for one that would leave the cat. */
function proxied(installationId: string, path: string): string {
  const [before = "", ...query] = path.replace(/^\//, "").split("?");
  // URL resolves these, and would send the credential to another route.
  const dots = before.split("/").map((segment) => segment.replaceAll(/%2e/gi, "."));
  if (/[\\#\0-\x1f]/.test(path) || dots.includes(".") || dots.includes("..")) {
    throw new TypeError(
      `${JSON.stringify(path)} has a segment . or .., a \\, a # or a control character: give the path without it`,
    );
  }
  return `/api/v1/proxy/${encodeURIComponent(installationId)}/${[before, ...query].join("?")}`;
}
