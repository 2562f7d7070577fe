import { readCapture } from "../capture/scap-reader.ts";
import { hostNameOf } from "../config/host-name.ts";
import { Replay } from "../engine/replay.ts";
import { ALL_EVENT_TYPES } from "../events/all-event-types.ts";
import { EVENT_TYPES, type EventType } from "../events/schema.ts";
import { FIELDS } from "../fields/registry.ts";
import { AppError, messageOf } from "../lib/errors.ts";
import { ConditionError } from "../rules/condition-error.ts";
import { compileOutput, outputFields, type OutputTemplate, renderOutput } from "../rules/output.ts";
import { compileRuleSet } from "../rules/rule-set.ts";
import type { CurrentScene } from "../state/current-scene.ts";
import { LineOutput } from "./line-output.ts";
import { utcOffsetMinutes } from "./local-time.ts";
import { parseMoment } from "./moment.ts";
import { stopSignal } from "./stop.ts";
import { Terminal } from "./terminal.ts";
import { parseWhere } from "./where.ts";
import { painted, printJson, printLine } from "./print.ts";

/** The options of `saker events`, as they were typed. */
export interface EventsOptions {
  readonly where?: string;
  readonly format?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** sysdig's line: number, time, processor, process, thread, event, parameters. */
const DEFAULT_FORMAT =
  "%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.args";

/** `saker events [FILE]`: the events of a capture, or the register of event types. */
export async function events(path: string | undefined, options: EventsOptions): Promise<void> {
  if (path === undefined) printRegister(options);
  else await listEvents(path, options);
}

async function listEvents(path: string, options: EventsOptions): Promise<void> {
  const limit = limitOf(options);
  const template = templateOf(options.format ?? DEFAULT_FORMAT);
  const where = options.where === undefined ? undefined : parseWhere(options.where);
  const lines = new LineOutput();
  const stop = new AbortController();
  void stopSignal().then(() => stop.abort());
  let printed = 0;
  const onScene = (scene: CurrentScene): void => {
    if (printed >= limit) return;
    printed += 1;
    lines.write(
      options.json === true
        ? jsonOf(template, scene)
        : JSON.stringify(renderOutput(template, scene)).slice(1, -1).replaceAll('\\"', '"'),
    );
    if (printed >= limit) stop.abort();
  };
  const run = new Replay({
    rules: compileRuleSet([], { matching: "first" }),
    hostname: hostNameOf(process.env),
    utcOffsetMinutes,
    onMatch: () => {},
    onScene,
    ...(where === undefined ? {} : { where }),
    ...(options.from === undefined
      ? {}
      : { from: parseMoment(options.from, "--from", utcOffsetMinutes) }),
    ...(options.to === undefined
      ? {}
      : { to: parseMoment(options.to, "--to", utcOffsetMinutes), onPast: () => stop.abort() }),
  });
  const end = await readCapture(path, run, {
    signal: stop.signal,
    onProgress: () => lines.flush(),
  }).finally(() => lines.flush());
  const terminal = new Terminal({ json: false });
  if (end.truncated !== undefined)
    terminal.problem(`capture "${path}" is not whole: ${end.truncated}`);
  if (end.unknown > 0)
    terminal.problem(
      `${end.unknown} events are of types that Saker's schema does not know: they are not listed`,
    );
}

function jsonOf(template: OutputTemplate, scene: CurrentScene): string {
  const fields = outputFields(template, scene);
  return JSON.stringify(fields, (_, value: unknown) =>
    typeof value === "bigint" ? Number(value) : value,
  );
}

function templateOf(format: string): OutputTemplate {
  try {
    return compileOutput(format.startsWith("*") ? format : `*${format}`, FIELDS);
  } catch (thrown) {
    const hint = thrown instanceof ConditionError ? thrown.hint : undefined;
    throw new AppError("USAGE_FORMAT", `Cannot use --format "${format}": ${messageOf(thrown)}`, {
      hint: hint ?? 'write fields with %, such as "%evt.time %proc.name %fd.name"',
    });
  }
}

function limitOf({ limit }: EventsOptions): number {
  const value = limit === undefined ? Infinity : Number(limit);
  if (value === Infinity || (Number.isInteger(value) && value >= 1)) return value;
  throw new AppError(
    "USAGE_LIMIT",
    `Cannot use --limit "${limit ?? ""}": it must be a whole number from 1`,
    { hint: "write --limit 20" },
  );
}

function printRegister({ all, json }: EventsOptions): void {
  const types = all === true ? ALL_EVENT_TYPES : EVENT_TYPES.filter((type) => type !== undefined);
  for (const type of types.filter(({ flags }) => !flags.includes("UNUSED"))) {
    if (json === true) printJson({ ...type, isEnter: isEnter(type) });
    else {
      const params = type.params.map((param) => `${param.name}:${param.type}`).join(", ");
      const marks = [
        type.category,
        ...(isEnter(type) ? ["enter"] : []),
        ...(type.flags.includes("OLD_VERSION") ? ["of old captures"] : []),
      ].join(", ");
      printLine(painted("bold", type.name), `(${params})`, painted("dim", `  ${marks}`));
    }
  }
}

/** Enter events have even codes; so have those that no system call makes. */
function isEnter({ code, source }: EventType): boolean {
  return code % 2 === 0 && source === "syscall";
}
