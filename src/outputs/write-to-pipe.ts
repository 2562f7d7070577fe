import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../lib/errno.ts";

const LONGEST_PAUSE_MS = 20;

/**
 * Writes to a pipe that does not block (O_NONBLOCK), waiting for its reader until `signal` aborts.
 * Returns how many bytes went in. Throws EPIPE and whatever else write(2) does.
 */
export async function writeToPipe(
  fd: number,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  let written = 0;
  for (let pause = 1; written < bytes.length;) {
    const count = writeNow(fd, bytes.subarray(written));
    written += count;
    if (count > 0) pause = 1;
    else if (signal.aborted) break;
    else await sleep(pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
  return written;
}

function writeNow(fd: number, bytes: Uint8Array): number {
  try {
    return writeSync(fd, bytes);
  } catch (thrown) {
    if (errnoOf(thrown) === "EAGAIN") return 0;
    throw thrown;
  }
}
