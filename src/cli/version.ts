import { join } from "node:path";
import { PROGRAM, readShipped } from "../shipped/shipped-files.ts";

const text = new TextDecoder().decode(readShipped(join(PROGRAM, "package.json")));
const manifest = JSON.parse(text) as { readonly version: string };

/** The version of this package. */
export const VERSION: string = manifest.version;
