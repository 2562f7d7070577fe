import { closeSync, openSync, readSync } from "node:fs";

/** The bytes of an open file from where it stands, at most `limit`: who knows how much there is. */
export function readBounded(fd: number, limit: number): Buffer {
  const chunks: Buffer[] = [];
  let left = limit;
  while (left > 0) {
    const length = readSync(fd, chunk, 0, Math.min(left, chunk.length), null);
    if (length === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, length)));
    left -= length;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

/**
 * The beginning of a file that the kernel itself makes up, below /proc: what a process has put into
 * it, such as its arguments, may have no end. Throws as open(2) and read(2) fail.
 */
export function readBeginning(path: string, limit: number): string {
  const fd = openSync(path, "r");
  try {
    return readBounded(fd, limit).toString("utf8");
  } finally {
    closeSync(fd);
  }
}

const chunk = Buffer.allocUnsafeSlow(64 * 1024);
