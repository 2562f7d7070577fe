import { join, relative } from "node:path";
import { dockerCredentials } from "../artifacts/docker-credentials.ts";
import { parseReference } from "../artifacts/reference.ts";
import { homeFolder } from "./home-folder.ts";
import { installRules } from "./install-rules.ts";
import { parseDuration } from "./duration.ts";
import { printAside, printJson, printLine } from "./print.ts";

/** The options of `saker rules install`, as they were typed. */
export interface InstallOptions {
  readonly rulesDir: string;
  readonly plainHttp?: boolean;
  readonly timeout: string;
  readonly json?: boolean;
}

/** `saker rules install`: pulls a rules artifact from a registry into a folder. */
export async function installFrom(text: string, options: InstallOptions): Promise<void> {
  const reference = parseReference(text);
  const credentials = dockerCredentials(
    join(process.env["DOCKER_CONFIG"] ?? join(homeFolder(), ".docker"), "config.json"),
    reference.registry,
  );
  const signal = AbortSignal.timeout(parseDuration(options.timeout, "--timeout"));
  const { installed, isNew, rules } = await installRules(reference, options.rulesDir, {
    credentials,
    plainHttp: options.plainHttp === true,
    signal,
    now: new Date(),
  });
  if (options.json === true) {
    printJson({ ...installed, isNew, rulesDir: options.rulesDir });
    return;
  }
  if (!isNew) {
    printLine(
      `${installed.reference} is installed already (${installed.version || installed.digest})`,
    );
    return;
  }
  for (const name of installed.files) printLine(relative("", join(options.rulesDir, name)));
  printAside(
    `installed ${installed.reference} ${installed.version} (${installed.digest.slice(0, 19)}…): ${rules} rules; use them with --rules ${options.rulesDir}`,
  );
}
