import { dirname, join, resolve } from "node:path";
import type { StoreSettings } from "../config/settings.ts";

/** Where the store is, and beside it the token of its page and the silences: absolute paths. */
export function historyFiles(
  { path }: Pick<StoreSettings, "path">,
  reportFolder: string,
): { readonly storeFile: string; readonly tokenFile: string; readonly silenceFolder: string } {
  const storeFile = path === undefined ? join(reportFolder, "store", "saker.db") : resolve(path);
  const folder = dirname(storeFile);
  return { storeFile, tokenFile: join(folder, "token"), silenceFolder: join(folder, "silences") };
}
