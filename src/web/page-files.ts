import { join } from "node:path";
import { readShipped } from "../shipped/shipped-files.ts";
import { type Answer, Refusal } from "./answer.ts";

/**
 * A file of the built page: what lies in `assets`, and for every other path the page itself, which
 * finds its way alone. Throws `Refusal`.
 */
export function pageFile(folder: string, path: string, encodings: string): Answer {
  const asset = /^\/assets\/([\w-][\w.-]*\.(\w+))$/.exec(path);
  if (asset === null) {
    // Nothing of the page has a dot, and what has one is asked for by programs that guess.
    if (path.includes(".") || path.startsWith("/api/"))
      throw new Refusal(404, "There is no such page");
    return fileAnswer(join(folder, "index.html"), "html", encodings);
  }
  const [, name = "", ending = ""] = asset;
  const answer = fileAnswer(join(folder, "assets", name), ending, encodings);
  const caching = { "cache-control": "public, max-age=31536000, immutable" };
  return { ...answer, headers: { ...answer.headers, ...caching } };
}

function fileAnswer(path: string, ending: string, encodings: string): Answer {
  const type = TYPES[ending] ?? "application/octet-stream";
  for (const [encoding, twin] of ENCODINGS) {
    const isWanted = encoding === "identity" || encodings.includes(encoding);
    const body = isWanted ? contents(path + twin) : undefined;
    if (body === undefined) continue;
    const coded = encoding === "identity" ? {} : { "content-encoding": encoding };
    return {
      status: 200,
      headers: { "content-type": type, vary: "accept-encoding", ...coded },
      body,
    };
  }
  throw new Refusal(404, "There is no such file", "the page may not be built: npm run build");
}

function contents(path: string): Uint8Array | undefined {
  try {
    return readShipped(path);
  } catch {
    return undefined;
  }
}

/** The shortest first, and the ending of the file that has it. */
const ENCODINGS = [
  ["br", ".br"],
  ["gzip", ".gz"],
  ["identity", ""],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  woff2: "font/woff2",
  json: "application/json",
};
