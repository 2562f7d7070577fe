import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { AuditReport } from "../../src/audit/report.ts";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { freePort } from "../fixtures/free-port.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";
import { serverFiles } from "../fixtures/servers.ts";

// The walk-through of the system that is replaced, with its own files: what they held there
// (../shared/seed/expected.md), and more, from each source.

const SEED = join(import.meta.dirname, "../../../shared/seed");
const STABLE = join(import.meta.dirname, "../../../shared/falco-rules/falco_rules.yaml");
const IMAGE = "saker-test/walk:1.0";
const RULE = "New port opened in container";
const SLOW = { timeoutMs: 60_000 };

interface Line {
  readonly rule: string;
  readonly output: string;
  readonly priority: string;
  readonly source: string;
  readonly tags: readonly string[];
  readonly time: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
}

interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly skip: string | false;
  readonly sees: { readonly shells: boolean };
}

const missing =
  dockerdMissing() ??
  (existsSync(SEED) ? undefined : "needs ../shared/seed, the old system's files");

const WAYS: readonly Way[] = [
  { name: "by the probe", args: [], skip: whyNoBpf() ?? false, sees: { shells: true } },
  { name: "without eBPF", args: ["--source", "sockets"], skip: false, sees: { shells: true } },
];

/** One run of the walk-through: a folder with the seed's files, a daemon, a watch. */
class Walk {
  readonly folder = mkdtempSync(join(tmpdir(), "saker-walk-"));
  #dockerd: Dockerd | undefined;
  #watch: RunningSaker | undefined;

  get dockerd(): Dockerd {
    assert.ok(this.#dockerd !== undefined);
    return this.#dockerd;
  }

  readonly seen = (): string => `${this.#watch?.err()}${this.#watch?.out()}`;

  async start(args: readonly string[], name: string): Promise<void> {
    copyFileSync(
      join(SEED, "falco_custom_rules.yaml"),
      join(this.folder, "falco_custom_rules.yaml"),
    );
    writeFileSync(join(this.folder, "falco.yaml"), this.#config());
    writeFileSync(join(this.folder, "falco.json"), "");
    writeFileSync(join(this.folder, "event_handler.sh"), handlerScript(this.folder), {
      mode: 0o755,
    });
    mkdirSync(join(this.folder, "image"));
    this.#dockerd = await startDockerd();
    const files = serverFiles(join(this.folder, "image"));
    await this.#dockerd.importImage({ reference: IMAGE, node: true, files });
    this.#watch = startSaker(["watch", "--config", "falco.yaml", ...args], {
      env: this.#dockerd.env,
      cwd: this.folder,
    });
    const watch = this.#watch;
    await until(`the watch ${name} to begin`, () => /watching/.test(watch.err()), {
      seen: watch.err,
      ...SLOW,
    });
  }

  async end(): Promise<void> {
    await this.#watch?.stop();
    await this.#dockerd?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async runWeb(): Promise<void> {
    await this.#run("petstore", 8080, ["/bin/busybox", "httpd", "-f", "-p", "8080"]);
  }

  async runHttps(): Promise<void> {
    await this.#run("secure", 443, ["/usr/bin/node", "/srv/https.js", "443"]);
  }

  alerts(): Line[] {
    return this.#ours("report/falco_report.txt");
  }

  openPorts(): Line[] {
    return this.#ours("report/openport.txt");
  }

  /** What the event handler kept of what it was given. */
  eventLog(): Line[] {
    return this.#ours("handled.txt");
  }

  /** Without what another test's daemon runs beside. */
  #ours(path: string): Line[] {
    return lines(join(this.folder, path)).filter(({ output_fields: fields }) =>
      ["petstore", "secure"].includes(String(fields["container.name"])),
    );
  }

  async openings(container: string): Promise<readonly [Line, ...Line[]]> {
    const of = (): Line[] =>
      this.openPorts().filter(
        ({ output_fields: fields }) => fields["container.name"] === container,
      );
    await until(`the opening of ${container}`, () => of().length > 0, { seen: this.seen, ...SLOW });
    return of() as [Line, ...Line[]];
  }

  async report(name: string, port: number): Promise<AuditReport> {
    const path = join(this.folder, `report/tls/${name}_${port}.json`);
    await until(path, () => existsSync(path), { seen: this.seen, ...SLOW });
    return JSON.parse(readFileSync(path, "utf8")) as AuditReport;
  }

  async #run(name: string, port: number, command: readonly string[]): Promise<void> {
    const published = `127.0.0.1:${await freePort()}:${port}`;
    await this.dockerd.docker(
      "run",
      "-d",
      "--init",
      "--name",
      name,
      "-p",
      published,
      IMAGE,
      ...command,
    );
  }

  /** The seed's falco.yaml, with this run's folder for the paths of its container. */
  #config(): string {
    return readFileSync(join(SEED, "falco.yaml"), "utf8")
      .replace("/var/log/falco_report.txt", join(this.folder, "falco_report.log"))
      .replace("/etc/falco/event_handler.sh", join(this.folder, "event_handler.sh"));
  }
}

/** The old event handler's job: a line on standard input, kept when it has the tag. */
function handlerScript(folder: string): string {
  return `#!/bin/sh
while IFS= read -r line; do
  case $line in *'"open_port"'*) printf '%s\\n' "$line" >> ${folder}/handled.txt;; esac
done
`;
}

function lines(path: string): Line[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** As in ../shared/seed/expected.md: keys, fields and tags, whatever the day. */
function assertSeedAlert(
  alert: Line,
  { name, port }: { readonly name: string; readonly port: number },
) {
  const { time, tags, output, output_fields: fields, ...rest } = alert;
  assert.deepEqual([rest.rule, rest.priority, rest.source], [RULE, "Warning", "syscall"]);
  assert.deepEqual(tags, ["container", "network", "open_port"]);
  assert.deepEqual(
    [fields["container.name"], fields["fd.sport"], typeof fields["evt.time"]],
    [name, port, "number"],
  );
  assert.match(String(fields["container.id"]), /^[0-9a-f]{12}$/);
  assert.match(
    output,
    new RegExp(
      `^\\d\\d:\\d\\d:\\d\\d\\.\\d{9}: Warning New port opened in container \\(container_id=${String(fields["container.id"])} container_name=${name} container_port=${port}\\)`,
    ),
  );
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
}

/** A line of the seed's rule as Falco writes it. */
function falcoLine({ id, name, port }: { id: string; name: string; port: number }): string {
  const time = new Date().toISOString();
  const output = `${time.slice(11, -1)}000000: Warning ${RULE} (container_id=${id} container_name=${name} container_port=${port})`;
  const fields = {
    "container.id": id,
    "container.name": name,
    "evt.time": Date.now() * 1e6,
    "fd.sport": port,
  };
  const tags = ["container", "network", "open_port"];
  return `${JSON.stringify({ hostname: "h", output, output_fields: fields, priority: "Warning", rule: RULE, source: "syscall", tags, time })}\n`;
}

for (const way of WAYS) {
  describe(`the old system's walk-through ${way.name}`, { skip: missing ?? way.skip }, () => {
    const walk = new Walk();
    before(() =>
      walk.start(["--rules", STABLE, "--rules", "falco_custom_rules.yaml", ...way.args], way.name),
    );
    after(() => walk.end());

    test("a web application without TLS, published on 8080, is told once and examined", async () => {
      await walk.runWeb();
      const [alert, ...more] = await walk.openings("petstore");
      assert.deepEqual(more, []);
      assertSeedAlert(alert, { name: "petstore", port: 8080 });
      const report = await walk.report("petstore", 8080);
      assert.deepEqual([report.tls, report.speaks, report.errors], [false, "http", []]);
      assert.match(report.reachable ?? "", /^published at 127\.0\.0\.1:\d+$/);
    });

    test("docker exec -it … sh is a terminal shell in a container", async () => {
      if (!way.sees.shells) return;
      await walk.dockerd.docker("exec", "-t", "petstore", "sh", "-c", "sleep 1; true");
      const shell = await until(
        "the shell's alert",
        () => walk.alerts().find(({ rule }) => rule === "Terminal shell in container"),
        { seen: walk.seen, ...SLOW },
      );
      assert.equal(shell.priority, "Notice");
      assert.match(
        shell.output,
        /Notice A shell was spawned in a container with an attached terminal \| .*user=root user_uid=0 .*process=sh .*terminal=34816 .*container_id=[0-9a-f]{12} container_name=petstore/,
      );
    });

    test("an HTTPS server published on 443 has the letters that nmap gave", async () => {
      await walk.runHttps();
      const [alert, ...more] = await walk.openings("secure");
      assert.deepEqual(more, []);
      assertSeedAlert(alert, { name: "secure", port: 443 });
      const { tls, protocols, leastStrength } = await walk.report("secure", 443);
      assert.deepEqual([tls, leastStrength], [true, "A"]);
      assert.deepEqual(Object.keys(protocols).toSorted(), ["TLSv1.2", "TLSv1.3"]);
      const text = readFileSync(join(walk.folder, "report/tls/secure_443.txt"), "utf8");
      for (const wanted of [
        /TLSv1\.3:/,
        /TLS_AKE_WITH_AES_256_GCM_SHA384 \(.*\) - A/,
        /TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 \(.*\) - A/,
        /cipher preference: server/,
        /least strength: A/,
      ])
        assert.match(text, wanted);
    });

    test("openport.txt holds the openings alone, falco_report.txt all alerts, each once", async () => {
      assert.deepEqual(
        walk.openPorts().map(({ output_fields: fields }) => fields["container.name"]),
        ["petstore", "secure"],
      );
      for (const rule of [RULE])
        assert.equal(walk.alerts().filter((one) => one.rule === rule).length, 2);
      const { length } = walk.openPorts();
      await until("the event handler", () => walk.eventLog().length === length, {
        seen: walk.seen,
      });
    });
  });
}

describe("the old system's walk-through beside Falco", { skip: missing ?? false }, () => {
  const walk = new Walk();
  const falco = (): string => join(walk.folder, "falco.json");
  before(() => walk.start(["--source", "falco:falco.json"], "beside"));
  after(() => walk.end());

  test("each port of its JSON lines is examined, and openport.txt holds them", async () => {
    await walk.runWeb();
    await walk.runHttps();
    for (const [name, port] of [
      ["petstore", 8080],
      ["secure", 443],
    ] as const) {
      const [id] = (await walk.dockerd.docker("ps", "-q", "--filter", `name=${name}`)).split("\n");
      appendFileSync(falco(), falcoLine({ id: id ?? "", name, port }));
    }
    assert.equal((await walk.report("petstore", 8080)).speaks, "http");
    assert.equal((await walk.report("secure", 443)).tls, true);
    await until("both lines", () => walk.openPorts().length === 2, { seen: walk.seen });
    for (const line of walk.openPorts()) assert.equal(line.rule, RULE);
  });
});
