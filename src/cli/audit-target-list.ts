import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { AppError, messageOf } from "../lib/errors.ts";
import { printAside } from "./print.ts";

/**
 * Words of the command line: `@FILE` stands for the targets in a file and `-` for those on standard
 * input, one a line, `#` before a note. Throws `USAGE_TARGET`.
 */
export async function expandTargets(words: readonly string[]): Promise<string[]> {
  const expand = async (word: string): Promise<readonly string[]> => {
    if (word === "-") return readList("standard input", process.stdin);
    return word.startsWith("@") ? readList(word.slice(1), createReadStream(word.slice(1))) : [word];
  };
  const targets = (await Promise.all(words.map(expand))).flat();
  if (targets.length > MAX_TARGETS)
    throw new AppError(
      "USAGE_TARGET",
      `Cannot examine ${targets.length} targets: the limit is ${MAX_TARGETS}`,
      { hint: "split the list" },
    );
  return targets;
}

const MAX_TARGETS = 65_536;

/** A list of as many of the longest names as there may be targets is smaller. */
const MAX_BYTES = 18 * 1024 * 1024;

async function readList(name: string, stream: Readable): Promise<string[]> {
  const lines = (await bounded(name, stream)).split("\n");
  const targets = lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  if (targets.length === 0) printAside(`saker: note: no target stands in ${name}`);
  return targets;
}

async function bounded(name: string, stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES} bytes`);
    }
  } catch (thrown) {
    throw new AppError("USAGE_TARGET", `Cannot read targets from "${name}": ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  return Buffer.concat(chunks).toString("utf8");
}
