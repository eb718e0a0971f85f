/** The types of the client's methods, from the description of the API. */

import type { FetchResponse, MaybeOptionalInit } from "openapi-fetch";
import type { HttpMethod, MediaType, PathsWithMethod, RequiredKeysOf } from "openapi-typescript-helpers";

import type { paths } from "./generated/api.ts";

/** The body of an operation's success, or undefined where it has none. */
type Data<Result> = Result extends { data: infer T; error?: never } ? T : never;
type Returned<Path extends keyof paths, Method extends HttpMethod & keyof paths[Path]> = Data<
  FetchResponse<NonNullable<paths[Path][Method]>, undefined, MediaType>
>;

export type PathsOf<Method extends HttpMethod> = PathsWithMethod<paths, Method>;
export type Init<Path extends keyof paths, Method extends HttpMethod> = MaybeOptionalInit<paths[Path], Method>;
/** A parameter that may be left out where nothing in it is required. */
export type Rest<I> = RequiredKeysOf<I> extends never ? [init?: I] : [init: I];

export type Call<Method extends HttpMethod> = <Path extends PathsOf<Method>>(
  path: Path,
  ...init: Rest<Init<Path, Method>>
) => Promise<Returned<Path, Method>>;

interface Page {
  items: unknown[];
  next_cursor: string | null;
}

/** The paths of lists. */
export type ListPath = {
  [Path in PathsOf<"get">]: Returned<Path, "get"> extends Page ? Path : never;
}[PathsOf<"get">];
export type Item<Path extends ListPath> =
  Returned<Path, "get"> extends { items: (infer T)[] } ? T : never;
