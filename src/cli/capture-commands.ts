import type { Command } from "commander";
import { collect } from "./command-options.ts";

/** `saker replay`, `saker record` and `saker events`. */
export function addCaptureCommands(program: Command): void {
  addReplay(program);
  program
    .command("record")
    .description(
      "this host's events into a capture file, until Ctrl-C: for saker replay, Falco, sysdig and Stratoshark (needs root)",
    )
    .requiredOption("-o, --output <file>", "the file")
    .option("--duration <time>", "stop after this time, such as 30s, 5m or 500ms")
    .option("--max-size <size>", "stop when the file has this size, such as 500M or 2G", "4G")
    .option(
      "--buffer <size>",
      "memory for events that wait to be written, such as 128M (default: 64M)",
    )
    .option("--config <file>", "saker.yaml or an existing falco.yaml: the size of the ring")
    .option(
      "-A, --all",
      "calls that programs make all the time, too: close, read, write, mmap, stat and their kin",
    )
    .action(async (options) => (await import("./record.ts")).record(options));

  program
    .command("events")
    .description(
      "the events of a capture file, a line each; without a file the register of event types and their parameters",
    )
    .argument("[file]")
    .option(
      "--where <condition>",
      'only events that satisfy this condition, such as "evt.type = openat and fd.name startswith /etc"',
    )
    .option(
      "--format <output>",
      "fields to print, as in a rule's output (default: number, time, processor, process, event, parameters)",
    )
    .option(
      "--from <moment>",
      "begin there: 10s (after the first event), 14:05:30 or 2026-11-23T14:05:30Z",
    )
    .option("--to <moment>", "end there")
    .option("--limit <number>", "stop after so many events")
    .option("--all", "of the register, event types of old captures, too")
    .option("--json", "one JSON object an event, or an event type")
    .action(async (file, options) => (await import("./events.ts")).events(file, options));
}

function addReplay(program: Command): void {
  program
    .command("replay")
    .description(
      "rules over a capture file (.scap, plain or gzip), or with --write a part of it into another",
    )
    .argument("<file>")
    .option(
      "--rules <path>",
      "rules file or folder; may be given more than once (default: the shipped rules)",
      collect,
      [],
    )
    .option("--config <file>", "saker.yaml or an existing falco.yaml")
    .option("-o, --override <key=value>", "a key's value over the file's", collect, [])
    .option(
      "--from <moment>",
      "begin there: 10s (after the first event), 14:05:30 or 2026-11-23T14:05:30Z; what comes before makes the state",
    )
    .option("--to <moment>", "end there")
    .option(
      "--where <condition>",
      'only events that satisfy this condition, such as "proc.name = cat"',
    )
    .option(
      "--write <file>",
      "write the events that are meant into another capture, with all that they need",
    )
    .option("--json", "alerts as JSON lines")
    .option(
      "--stats",
      "events by type, alerts by rule, the rules that took most time, events a second",
    )
    .action(async (file, options) => (await import("./replay.ts")).replay(file, options));
}
