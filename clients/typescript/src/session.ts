import { problemOf, UnexpectedResponse, Unreachable } from "./errors.ts";
import type { TokenPair } from "./generated/api.ts";
import { ATTEMPTS, waitAfterError, waitAfterProblem } from "./retries.ts";

export type Fetch = (request: Request) => Promise<Response>;
/** Waits for some seconds. */
export type Sleep = (seconds: number) => Promise<void>;

const REFRESH = "/api/v1/auth/refresh";
// These need no access token, and begin or end a session themselves.
const WITHOUT_TOKEN = new Set(["register", "login", "refresh", "logout"].map((name) => `/api/v1/auth/${name}`));
const EARLY_MILLISECONDS = 30_000;

/** Sends requests: with the access token, which it refreshes, and again where that is safe. */
export class Session {
  readonly #address: string;
  readonly #fetch: Fetch;
  readonly #sleep: Sleep;
  readonly #timeout: number;
  #tokens: TokenPair | undefined;
  #expires = 0;
  #refreshing: Promise<void> | undefined;

  constructor(address: string, fetch: Fetch, sleep: Sleep, timeout: number) {
    this.#address = address;
    this.#fetch = fetch;
    this.#sleep = sleep;
    this.#timeout = timeout;
  }

  get tokens(): TokenPair | undefined {
    return this.#tokens;
  }

  set tokens(tokens: TokenPair | undefined) {
    this.#tokens = tokens;
    this.#expires = Date.now() + (tokens?.expires_in ?? 0) * 1000;
  }

  /**
   * Return the response, with any status. Throws `Unreachable` where there is none.
   * A request whose body is a stream is sent once.
   */
  async send(request: Request, isStream = false): Promise<Response> {
    const attempts = isStream ? 1 : ATTEMPTS;
    const path = new URL(request.url).pathname;
    if (!this.#tokens || request.headers.has("Authorization") || WITHOUT_TOKEN.has(path)) {
      return this.#try(request, attempts);
    }
    if (Date.now() > this.#expires - EARLY_MILLISECONDS) await this.#refresh(this.#tokens);
    const used = this.#tokens;
    const response = await this.#try(authorized(request, used), attempts);
    // A cat's own 401 is no problem of the platform.
    if (attempts === 1 || response.status !== 401 || !(await problemOf(response))) return response;
    await this.#refresh(used);
    return this.#try(authorized(request, this.#tokens), attempts);
  }

  /** Replace the tokens that were used. Of many calls at once, the first refreshes and the others wait. */
  async #refresh(used: TokenPair): Promise<void> {
    // Another call may have refreshed them meanwhile.
    if (this.#tokens !== used) return;
    this.#refreshing ??= this.#exchange(used).finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #exchange(used: TokenPair): Promise<void> {
    const request = new Request(this.#address + REFRESH, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: used.refresh_token }),
    });
    const response = await this.#try(request, ATTEMPTS);
    const problem = await problemOf(response);
    if (problem) {
      if (problem.status === 401 || problem.status === 403) this.tokens = undefined;
      throw problem;
    }
    if (!response.ok) throw new UnexpectedResponse(request, response);
    this.tokens = (await response.json()) as TokenPair;
  }

  async #try(request: Request, attempts: number): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const last = attempt === attempts;
      let wait: number | undefined;
      try {
        // Sending consumes a body, so that what may be sent again is sent as a copy.
        const response = await this.#fetch(new Request(last ? request : request.clone(), this.#limit(request)));
        const problem = last ? undefined : await problemOf(response);
        wait = problem && waitAfterProblem(request, problem, attempt);
        if (wait === undefined) return response;
      } catch (error) {
        if (request.signal.aborted) throw error;
        wait = last ? undefined : waitAfterError(request, error, attempt);
        if (wait === undefined) throw new Unreachable(request, error);
      }
      await this.#sleep(wait);
    }
  }

  #limit(request: Request): RequestInit {
    return { signal: AbortSignal.any([request.signal, AbortSignal.timeout(this.#timeout * 1000)]) };
  }
}

function authorized(request: Request, tokens: TokenPair | undefined): Request {
  const copy = request.clone();
  if (tokens) copy.headers.set("Authorization", `Bearer ${tokens.access_token}`);
  return copy;
}

