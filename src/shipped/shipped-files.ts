import { readdirSync, readFileSync, statSync } from "node:fs";
import * as sea from "node:sea";
import { fileURLToPath } from "node:url";
import { EmbeddedFiles } from "./embedded-files.ts";

/**
 * Where Saker lies: the folder of its package or checkout, or the one file that it was packed into
 * (`npm run pack:sea`).
 */
export const PROGRAM: string = sea.isSea()
  ? process.execPath
  : fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

const EMBEDDED = sea.isSea() ? new EmbeddedFiles(PROGRAM, sea) : undefined;

/** Whether the functions below alone find it: it lies within the one file that runs. */
export function isEmbedded(path: string): boolean {
  return EMBEDDED?.covers(path) === true;
}

/** The bytes of a file, on disk or embedded. Throws as readFileSync does. */
export function readShipped(path: string): Uint8Array {
  return isEmbedded(path) && EMBEDDED !== undefined ? EMBEDDED.read(path) : readFileSync(path);
}

/** The same as text. */
export function readShippedText(path: string): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(readShipped(path));
}

/** The names in a folder, on disk or embedded; undefined of a file. Throws as statSync does. */
export function folderNames(path: string): readonly string[] | undefined {
  if (EMBEDDED !== undefined && isEmbedded(path)) return EMBEDDED.names(path);
  return statSync(path).isDirectory() ? readdirSync(path) : undefined;
}
