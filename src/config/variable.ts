import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import { readBounded } from "../untrusted/read-bounded.ts";

/** The process's environment, as an argument. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A variable's value; where only `NAME_FILE` is set, what stands in the file of that path, without the
 * end of its last line, as images for Docker and Kubernetes take their secrets. Undefined where
 * neither is set. Throws `CONFIG_SECRET`.
 */
export function variable(name: string, environment: Environment): string | undefined {
  const path = environment[`${name}_FILE`];
  return environment[name] ?? (path === undefined ? undefined : contentOf(path, name));
}

function contentOf(path: string, name: string): string {
  let fd: number | undefined;
  try {
    // A FIFO that nobody writes to would never end.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new Error("it is not a file");
    const text = readBounded(fd, MAX_BYTES + 1);
    if (text.length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    return text.toString("utf8").replace(/\r?\n$/, "");
  } catch (thrown) {
    throw new AppError(
      "CONFIG_SECRET",
      `Cannot read "${path}", which ${name}_FILE names: ${messageOf(thrown)}`,
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

const MAX_BYTES = 64 << 10;
