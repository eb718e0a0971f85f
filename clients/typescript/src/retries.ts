import type { ProblemError } from "./errors.ts";

export const ATTEMPTS = 3;
/** Seconds. A caller who is to wait for longer gets the problem, with its `retryAfter`. */
const LONGEST_WAIT = 10;
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** Causes that Node names when there was no connection. Browsers do not tell. */
const UNSENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** Return the seconds to wait after a request without a response, or undefined where it must not be sent again. */
export function waitAfterError(request: Request, error: unknown, attempt: number): number | undefined {
  // fetch raises a TypeError for the network; what ends by a signal has another.
  if (!(error instanceof TypeError)) return undefined;
  const code = (error.cause as { code?: string } | undefined)?.code ?? "";
  return UNSENT.has(code) || isIdempotent(request) ? backoff(attempt) : undefined;
}

/** Return the seconds to wait after a problem, or undefined where it is the last. */
export function waitAfterProblem(request: Request, problem: ProblemError, attempt: number): number | undefined {
  // 429 refuses a request before anything is done.
  const again = problem.status === 429 || ([502, 503, 504].includes(problem.status) && isIdempotent(request));
  const wait = problem.retryAfter ?? backoff(attempt);
  return again && wait <= LONGEST_WAIT ? wait : undefined;
}

function isIdempotent(request: Request): boolean {
  return IDEMPOTENT.has(request.method) || request.headers.has("Idempotency-Key");
}

/** Spread the clients, so that they do not come back at once. */
function backoff(attempt: number): number {
  return 0.2 * 2 ** attempt * (0.5 + Math.random() / 2);
}
