import type { Command } from "commander";
import { collect, ofWatch } from "./command-options.ts";

/** `saker watch`. */
export function addWatchCommand(program: Command): void {
  program
    .command("watch")
    .description(
      "watch this host: alerts, newly opened ports and their TLS, until Ctrl-C (needs root)",
    )
    .option(
      "--source <source>",
      "where events come from: auto, ebpf, sockets (without eBPF: programs that start, ports and files that are opened), falco:FILE (Falco's JSON alerts), falco:- (the same on standard input), falco:http (Falco's http_output, at 127.0.0.1:2801 or falco:http://ADDRESS:PORT)",
      "auto",
    )
    .option(
      "--rules <path>",
      "rules file or folder; may be given more than once (default: the shipped rules, then falco_custom_rules.yaml)",
      collect,
      [],
    )
    .option("--config <file>", "saker.yaml or an existing falco.yaml")
    .option(
      "-o, --override <key=value>",
      "a key of the configuration with another value, such as json_output=true; may be given more than once",
      collect,
      [],
    )
    .option(
      "-A, --all-events",
      "send calls that only read and write, too, where a rule asks for them (as base_syscalls.all)",
    )
    .option("--report <folder>", "where reports are written (default: ./report)")
    .option("--host-ports", "alert and audit ports that the host itself opens, too")
    .option("--no-audit", "do not examine the TLS of opened ports")
    .option("--json", "alerts as Falco's JSON lines on standard output, and nothing else there")
    .option("--with-audits", "with --json: each finished audit as a JSON line among them")
    .option(
      "--buffer <size>",
      "memory for events that wait to be read, such as 32M (default: 8M, or engine.modern_ebpf.buf_size_preset)",
    )
    .option(
      "--no-store",
      "keep no alerts, ports and audits on disk: the page shows what memory holds",
    )
    .option("--no-web", "serve no page, no API and no metrics")
    .option(
      "--stats",
      "statistics every five seconds: events, memory, the rules that take most time",
    )
    .option("--duration <time>", "stop after this time, such as 30s, 5m or 500ms")
    .action(async (options) => (await import("./confined-watch.ts")).confinedWatch(options));
}

/** `saker serve` and `saker open`: the page. */
export function addPageCommands(program: Command): void {
  program
    .command("serve")
    .description(
      "serve the page of what a watch has kept, and of alerts that come by HTTP (Falco's http_output, falcosidekick), until Ctrl-C",
    )
    .option("--config <file>", "saker.yaml or an existing falco.yaml")
    .option(
      "-o, --override <key=value>",
      "a key of the configuration with another value, such as web.port=8080; may be given more than once",
      collect,
      [],
    )
    .option("--report <folder>", "where watch writes its reports (default: ./report)")
    .action(async (options) => (await import("./serve.ts")).serve(options));

  ofWatch(
    program
      .command("open")
      .description("print the page's address, with a word that logs in once within ten minutes"),
  ).action(async (options) => (await import("./open.ts")).open(options));
}
