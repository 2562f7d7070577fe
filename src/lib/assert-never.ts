import { AppError } from "./errors.ts";

/** Ends a `switch` over a union: a member that was forgotten is a type error, one that came from outside throws `BUG_UNREACHABLE`. */
export function assertNever(value: never): never {
  throw new AppError("BUG_UNREACHABLE", `Cannot handle ${JSON.stringify(value)}: no branch knows it`);
}
