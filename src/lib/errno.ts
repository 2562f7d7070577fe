/**
 * The name of a failed system call's error, such as `ENOENT`; undefined when the thrown value has
 * none.
 */
export function errnoOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string"
    ? thrown.code
    : undefined;
}
