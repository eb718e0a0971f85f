import type { InvalidField, Problem } from "./generated/api.ts";
import { VERSION } from "./generated/version.ts";

const PREFIX = "urn:cathouse:problem:";
// Problems of a path or method that no route has. A missing cat or user has a code of its own.
const NO_ROUTE = new Set(["not_found", "method_not_allowed"]);
const KNOWN = new Set(["type", "title", "status", "detail", "instance", "request_id", "errors"]);

/** The base of every error of this package. */
export class CatHouseError extends Error {
  override name = "CatHouseError";
}

/** No response came: nothing listens at the address, the connection was lost, or the response took too long. */
export class Unreachable extends CatHouseError {
  override name = "Unreachable";

  constructor(request: Request, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `${request.method} ${request.url} got no response (${reason}). ` +
        "Check that Cat House runs, that this is the address of its gateway, and that CORS allows this page.",
      { cause },
    );
  }
}

/** A response that is none of this API: another program responds there, or another version of Cat House. */
export class UnexpectedResponse extends CatHouseError {
  override name = "UnexpectedResponse";
  readonly response: Response;

  constructor(request: Request, response: Response) {
    super(
      `${request.method} ${request.url} returned ${response.status} ${response.headers.get("Content-Type") ?? ""}, ` +
        `which cathouse-client ${VERSION} does not understand. ` +
        "Check the address, and use the client of the platform's release.",
    );
    this.response = response;
  }
}

/** Cat House refused the request, or failed: RFC 9457, with the class by the status. */
export class ProblemError extends CatHouseError {
  override name = "ProblemError";
  readonly problem: Problem;
  /** Seconds after which the request may succeed, where the response says so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Problem, retryAfter?: number) {
    const code = problem.type.slice(PREFIX.length);
    let message = `${problem.detail} (${code}, ${problem.status}, request ${problem.request_id})`;
    if (NO_ROUTE.has(code)) {
      message +=
        ` This platform may be older or newer than cathouse-client ${VERSION}: ` +
        "use the client of the platform's release.";
    }
    super(message);
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  get status(): number {
    return this.problem.status;
  }

  /** Names the kind of problem, such as `scope_missing`. */
  get code(): string {
    return this.problem.type.slice(PREFIX.length);
  }

  /** Quote it in a report: the logs of all services have it. */
  get requestId(): string {
    return this.problem.request_id;
  }

  /** The fields that were refused; only of `InvalidRequest`. */
  get errors(): readonly InvalidField[] {
    return this.problem.errors ?? [];
  }

  /** The members that this kind of problem adds, such as `scope`. */
  get extra(): Record<string, unknown> {
    return Object.fromEntries(Object.entries(this.problem).filter(([name]) => !KNOWN.has(name)));
  }
}

/** 401: sign in, or give a valid credential. */
export class Unauthorized extends ProblemError {
  override name = "Unauthorized";
}

/** 403: this user, or this installation, may not do this. */
export class Forbidden extends ProblemError {
  override name = "Forbidden";
}

/** 404: it does not exist, or belongs to another user. */
export class NotFound extends ProblemError {
  override name = "NotFound";
}

/** 409: the state of the thing does not allow it. */
export class Conflict extends ProblemError {
  override name = "Conflict";
}

/** 422: `errors` names the fields. */
export class InvalidRequest extends ProblemError {
  override name = "InvalidRequest";
}

/** 429: wait for `retryAfter` seconds. */
export class TooManyRequests extends ProblemError {
  override name = "TooManyRequests";
}

/** 502, 503, 504: a service or a cat does not respond now. */
export class Unavailable extends ProblemError {
  override name = "Unavailable";
}

const CLASSES: Record<number, typeof ProblemError> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  422: InvalidRequest,
  429: TooManyRequests,
  502: Unavailable,
  503: Unavailable,
  504: Unavailable,
};

/** Return the problem of the platform that a response is, or undefined. A cat's own errors are none. */
export async function problemOf(response: Response): Promise<ProblemError | undefined> {
  if (response.status < 400 || !isJson(response, "application/problem+json")) return undefined;
  let problem: Partial<Problem> | null;
  try {
    // The response itself stays unread.
    problem = (await response.clone().json()) as Partial<Problem> | null;
  } catch {
    return undefined;
  }
  if (typeof problem?.type !== "string" || !problem.type.startsWith(PREFIX)) return undefined;
  const after = response.headers.get("Retry-After") ?? "";
  const retryAfter = /^\d+$/.test(after) ? Number(after) : undefined;
  return new (CLASSES[response.status] ?? ProblemError)(problem as Problem, retryAfter);
}

export function isJson(response: Response, type = "application/json"): boolean {
  return (response.headers.get("Content-Type") ?? "").split(";")[0] === type;
}
