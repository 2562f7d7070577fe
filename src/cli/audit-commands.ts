import type { Command } from "commander";

/** `saker audit`, `saker observe` and `saker ports`. */
export function addAuditCommands(program: Command): void {
  addAudit(program);
  program
    .command("observe")
    .description(
      "follow an openport.txt (JSON alerts, as Falco or saker watch write them; - for standard input) and audit each new port",
    )
    .argument("<file>")
    .option("--report <folder>", "where reports are written", "./report")
    .option("--json", "audits as JSON lines on standard output")
    .option("--duration <time>", "stop after this time, such as 30s")
    .action(async (file, options) => (await import("./observe.ts")).observe(file, options));

  program
    .command("ports")
    .description("what listens now, in which container, and from where it can be reached")
    .option(
      "--report <folder>",
      "where watch writes its reports: the last grade of a port is read there",
      "./report",
    )
    .option("--json", "one JSON object a port")
    .action(async (options) => (await import("./ports.ts")).ports(options));
}

function addAudit(program: Command): void {
  program
    .command("audit")
    .description(
      "examine the TLS of ports: host:port, [v6]:port, a URL, container:NAME[:PORT], listening (all of this host), @FILE or - (targets, one a line)",
    )
    .argument("[target...]")
    .option(
      "--format <format>",
      "text, json (a line each where there are many targets), jsonl, csv, nmap (normal output), nmap-xml, html (one page for all targets)",
      "text",
    )
    .option("--json", "the same as --format json")
    .option(
      "--output <file>",
      "write the reports there; standard output gets a line for each target",
    )
    .option("--sni <name>", "server name to ask for")
    .option(
      "--starttls <protocol>",
      "protocol in which TLS is asked for, such as smtp, imap, postgresql; auto finds out",
      "auto",
    )
    .option("--ca-file <file>", "certificates (PEM) that are trusted, instead of the system's")
    .option(
      "--revocation",
      "ask the certificates' authorities, by OCSP and by their lists (http), whether they are revoked: connects to the hosts that a trusted chain names",
    )
    .option(
      "--fail-under <grade>",
      "exit with 1 when a target has a worse overall grade or none: A+ to F; T (not trusted) and M (another name) are worse than all letters",
    )
    .option(
      "--ignore-trust",
      "with --fail-under: take the grade that the server would have if its certificate were trusted and for this name",
    )
    .option("--schema", "print the JSON Schema of --format json and do nothing else")
    .option(
      "--timeout <time>",
      "the most time for one target (default: 20s without an answer, 80s in all)",
    )
    .option("--parallel <number>", "targets examined at once", "4")
    .option(
      "--rate <number>",
      "the most connections that begin in a second, to all targets together",
    )
    .option(
      "--resume <file>",
      "keep there what was done, and go on from there; --output is added to then",
    )
    .action(async (targets, options) => (await import("./audit.ts")).audit(targets, options));
}
