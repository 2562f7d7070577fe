import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";

/**
 * The text of a file that its owner alone reads; undefined when there is no such file. Throws
 * `CONFIG_WEB` when others could have read or written it. `what`: in words.
 */
export function secretIn(
  path: string,
  { what, bytesMax }: { readonly what: string; readonly bytesMax: number },
): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid, mode, size } = fstatSync(fd);
    if (uid !== process.geteuid?.() || (mode & 0o077) !== 0 || size > bytesMax)
      throw secretRefusal(path, what, "others may have read it");
    return readFileSync(fd, "utf8");
  } catch (thrown) {
    if (thrown instanceof AppError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw secretRefusal(path, what, messageOf(thrown));
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** A secret that is not to be used. */
export function secretRefusal(path: string, what: string, state: string): AppError {
  return new AppError("CONFIG_WEB", `Cannot use ${what} in "${path}": ${state}`, {
    hint: "remove the file, and a new one is made",
  });
}
