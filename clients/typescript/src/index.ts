export { CatHouse, GATEWAY, type CatRequest, type Options } from "./client.ts";
export {
  CatHouseError,
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
} from "./errors.ts";
export type * from "./generated/api.ts";
export { VERSION } from "./generated/version.ts";
