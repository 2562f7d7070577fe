import { readFileSync } from "node:fs";
import { AppError, messageOf } from "../lib/errors.ts";
import { parseJson } from "./registry-client.ts";

/**
 * Name and password that `docker login` keeps for a registry in a config.json; undefined when it
 * has none, or there is no such file. Throws `CONFIG_DOCKER` where they lie in a credential helper,
 * which is not asked.
 */
export function dockerCredentials(
  path: string,
  registry: string,
): { readonly username: string; readonly password: string } | undefined {
  let config: Readonly<Record<string, unknown>>;
  try {
    config = parseJson(readFileSync(path));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AppError("CONFIG_DOCKER", `Cannot read "${path}": ${messageOf(thrown)}`);
  }
  const auths = (config["auths"] ?? {}) as Readonly<
    Record<string, { readonly auth?: unknown } | undefined>
  >;
  const entry = auths[registry] ?? auths[`https://${registry}`];
  if (typeof entry?.auth === "string") {
    const text = Buffer.from(entry.auth, "base64").toString();
    const colon = text.indexOf(":");
    return colon < 0
      ? undefined
      : { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const helpers = (config["credHelpers"] ?? {}) as Readonly<Record<string, unknown>>;
  if (entry === undefined && helpers[registry] === undefined) return undefined;
  throw new AppError(
    "CONFIG_DOCKER",
    `Cannot log in to "${registry}": its password lies in a credential helper, which is not asked`,
    { hint: `write it into "auths" of ${path}, as docker login does without a helper` },
  );
}
