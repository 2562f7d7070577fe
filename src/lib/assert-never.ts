/**
 * Ends a `switch` over a union: a member that was forgotten is an error of the compiler, and of the
 * program should it ever come here.
 */
export function assertNever(value: never): never {
  throw new Error(`BUG: unexpected ${JSON.stringify(value)}`);
}
