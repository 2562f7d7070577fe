import { existsSync, writeFileSync } from "node:fs";
import { inheritedProbe } from "./confinement.ts";
import { loadConfig } from "../config/config-file.ts";
import { isOnHost } from "../lib/host-root.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { FALCO_OPTIONS, type FalcoCommandOptions, type FalcoOption } from "./falco-options.ts";
import { Terminal } from "./terminal.ts";
import type { WatchOptions } from "./watch-options.ts";

/** `saker falco`: what Falco would do with these options, done by Saker. */
export async function falco(options: FalcoCommandOptions): Promise<void> {
  const notes = notesOf(options);
  requireSources(options);
  const config = configOf(options);
  const override = overridesOf(options, config);
  const loaded = loadConfig(config, {
    environment: process.env,
    overrides: override,
    rules: options.r,
  });
  const asked = givenOptions(options).filter(([, { answers }]) => answers === true);
  if (asked.length > 0) {
    const { printFalcoAnswer } = await import("./falco-answers.ts");
    const names = new Set(asked.map(([name]) => name));
    const told = { ...loaded, notes: [...notes, ...loaded.notes] };
    const rules = options.r.length > 0 ? options.r : loaded.settings.rulesFiles;
    return printFalcoAnswer(names, options, { config, override, loaded: told, rules });
  }
  const terminal = new Terminal({ json: false, log: loaded.settings.log });
  const noConfig = `there is no ${DEFAULT_CONFIG}: Saker's own rules and defaults hold`;
  const isDefault = config === undefined && options.r.length === 0;
  // Said once: what is started anew by `confine` comes by here again.
  if (inheritedProbe(process.env) === undefined)
    for (const note of isDefault ? [...notes, noConfig] : notes) terminal.note(note);
  if (options.pidfile !== undefined) writePid(options.pidfile);
  const capture = options.e ?? loaded.settings.replayFile;
  if (capture !== undefined) {
    const { replay } = await import("./replay.ts");
    const stated = config === undefined ? {} : { config };
    return replay(capture, { ...stated, rules: options.r, override });
  }
  const { confinedWatch } = await import("./confined-watch.ts");
  await confinedWatch(watchOptionsOf(options, { config, override }));
}

const DEFAULT_CONFIG = "/etc/falco/falco.yaml";

/** What was given of the table; of what may be repeated, when it was at least once. */
function givenOptions(options: FalcoCommandOptions): readonly (readonly [string, FalcoOption])[] {
  const given = new Set(
    Object.entries(options).flatMap(([name, value]) =>
      Array.isArray(value) && value.length === 0 ? [] : [name],
    ),
  );
  return Object.entries(FALCO_OPTIONS).filter(([name]) => given.has(name));
}

/** Throws `USAGE_FALCO` for an option of something that is not there. */
function notesOf(options: FalcoCommandOptions): readonly string[] {
  const given = givenOptions(options);
  const refused = given.find(([, option]) => option.refused !== undefined)?.[1];
  if (refused !== undefined)
    throw new AppError("USAGE_FALCO", `Cannot use "${refused.flags}": ${refused.refused ?? ""}`);
  return given.flatMap(([, { flags, neutral }]) =>
    neutral === undefined ? [] : [`${flags} has no effect: ${neutral}`],
  );
}

const SOURCE = "syscall";

/** Throws `USAGE_SOURCE` unless the kernel's calls are among the sources that are left. */
function requireSources({ enableSource, disableSource }: FalcoCommandOptions): void {
  const refuse = (state: string): never => {
    throw new AppError("USAGE_SOURCE", `Cannot choose sources: ${state}`, {
      hint: `"${SOURCE}" is the only source without plug-ins, and Saker loads none`,
    });
  };
  if (enableSource.length > 0 && disableSource.length > 0)
    refuse("--enable-source and --disable-source do not go together");
  const unknown = [...enableSource, ...disableSource].find((source) => source !== SOURCE);
  if (unknown !== undefined) refuse(`there is no source "${unknown}"`);
  if (disableSource.length > 0) refuse("at least one must be enabled");
}

/** The file that is stated, or Falco's own where it is there. */
function configOf({ c }: FalcoCommandOptions): string | undefined {
  return c ?? (existsSync(DEFAULT_CONFIG) ? DEFAULT_CONFIG : undefined);
}

/** What the options mean as keys of the configuration; those that are stated (`-o`) come last. */
function overridesOf(options: FalcoCommandOptions, config: string | undefined): readonly string[] {
  const { print, option, D, T, t, cri, snaplen } = options;
  const select = (action: string, by: object): string =>
    `rules[]=${JSON.stringify({ [action]: by })}`;
  return [
    ...(print === undefined || APPENDED_ANYWAY.has(print) ? [] : appended(print, config)),
    ...(options.v === true ? ["log_level=debug"] : []),
    ...(options.allEvents === true ? ["base_syscalls.all=true"] : []),
    ...(options.base64 === true ? ["buffer_format_base64=true"] : []),
    ...(snaplen === undefined ? [] : [`falco_libs.snaplen=${snaplen}`]),
    ...cri.map((socket) => `container_engines.cri.sockets[]=${socket}`),
    ...(t.length > 0 ? [select("disable", { rule: "*" })] : []),
    ...t.map((tag) => select("enable", { tag })),
    ...D.map((text) => select("disable", { rule: `*${text}*` })),
    ...T.map((tag) => select("disable", { tag })),
    ...option,
  ];
}

const APPENDED_ANYWAY: ReadonlySet<string> = new Set(["c", "container", "k", "kubernetes"]);

/** Besides what the configuration appends, or what is appended where it says nothing. */
function appended(format: string, config: string | undefined): readonly string[] {
  const { values } = loadConfig(config, { environment: process.env });
  const isStated = values.some(
    ({ key, place }) => key.name === "append_output" && place !== undefined,
  );
  const entries = [
    ...(isStated ? [] : [{ suggested_output: true }]),
    { extra_output: format.replaceAll("${", "$${") },
  ];
  return entries.map((entry) => `append_output[]=${JSON.stringify(entry)}`);
}

function watchOptionsOf(
  { r, M = "0", report }: FalcoCommandOptions,
  {
    config,
    override,
  }: { readonly config: string | undefined; readonly override: readonly string[] },
): WatchOptions {
  if (!/^\d{1,7}$/.test(M))
    throw new AppError("USAGE_TIME", `Cannot use -M "${M}": it must be a number of seconds`);
  // A service starts in the root folder, which is no place for reports.
  const folder = report ?? (process.cwd() === "/" && isOnHost() ? SERVICE_REPORTS : undefined);
  return {
    source: "auto",
    rules: r,
    override,
    audit: true,
    store: true,
    web: true,
    ...(config === undefined ? {} : { config }),
    ...(Number(M) > 0 ? { duration: `${M}s` } : {}),
    ...(folder === undefined ? {} : { report: folder }),
  };
}

const SERVICE_REPORTS = "/var/log/saker";

/** Throws `USAGE_PIDFILE`. */
function writePid(path: string): void {
  try {
    writeFileSync(path, String(process.pid));
  } catch (thrown) {
    throw new AppError("USAGE_PIDFILE", `Cannot write "${path}": ${messageOf(thrown)}`);
  }
}
