import { join } from "node:path";
import { PROGRAM, readShippedText } from "../shipped/shipped-files.ts";

const manifest = JSON.parse(readShippedText(join(PROGRAM, "package.json"))) as {
  readonly version: string;
};

/** The version of this package. */
export const VERSION: string = manifest.version;
