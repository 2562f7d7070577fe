import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

export const OFFICIAL = join(import.meta.dirname, "../../../shared/falco-rules");

/**
 * Addresses that the container `alone` and those that share its network have on their loopback
 * interface: nothing that is sent there leaves it.
 */
export const AFAR = "203.0.113.5";
export const METADATA_SERVICE = "169.254.169.254";

/** What this process is called, as the parent of what acts start. */
export const SELF = readFileSync("/proc/self/comm", "utf8").trim();

/** Parts `name=value` of an output. */
export type Told = Readonly<Record<string, string | RegExp | undefined>>;

/** One harmless thing that is done, and what must be told of it. */
export interface Act {
  /** Names of the rules that fire, each as often as it stands here; nothing else may. */
  readonly rules: readonly string[];
  /**
   * What is told of the first. Where nothing else is said the user is root, and the place the host;
   * undefined is not asked for.
   */
  readonly tells: Told;
  /** What is told of others, by rule. */
  readonly others?: Readonly<Record<string, Told>>;
  readonly run: (stage: Stage) => unknown;
  /**
   * Rules that the container engine sets off meanwhile by its own doings, which are not counted.
   */
  readonly besides?: readonly string[];
  readonly isPrivileged?: true;
  /** What Saker lacks for it: it is not played before that is there. */
  readonly waitsFor?: string;
}

export interface WatchOptions {
  /** Names of official files. */
  readonly files: readonly string[];
  /** Of falco.yaml. */
  readonly settings?: string;
  /** A rules file behind the official ones. */
  readonly own?: string;
}

interface Alert {
  readonly rule: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, string | null>>;
}

/** Why no acts can be played here; undefined when they can. */
export function actsMissing(): string | undefined {
  if (!existsSync(OFFICIAL)) return "needs ../shared/falco-rules";
  const program = ["/usr/bin/nsenter", "/usr/sbin/ip", "/usr/bin/perl", "/usr/bin/ssh"].find(
    (path) => !existsSync(path),
  );
  if (program !== undefined) return `needs ${program}`;
  return (
    dockerdMissing() ??
    (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs a kernel with BTF")
  );
}

/**
 * A dockerd with containers, and one watch after another with official rules. Containers: `act` as
 * usual; `strong` with two capabilities more; `privileged` where the machine lets it; `alone`
 * without a network, but with servers at two addresses of its own; `pod` beside it, with the labels
 * that Kubernetes gives.
 */
export class Stage {
  folder = "";
  isPrivilegeAllowed = false;
  #dockerd: Dockerd | undefined;
  #watch: RunningSaker | undefined;
  #aloneNetwork = "";
  #servers: ChildProcess | undefined;
  readonly #ids = new Set<string>();

  async open(): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), "saker-acts-"));
    this.#dockerd = await startDockerd({
      args: ["--add-runtime", `weaker=${this.#write("weaker", WEAKER, 0o755)}`],
    });
    await this.#dockerd.importImage({
      reference: IMAGE,
      files: { ...BUSYBOXES, "/usr/bin/npm": this.#write("npm", NPM, 0o755) },
    });
    await this.#startContainers();
  }

  async startWatch({ files, settings = "", own = "" }: WatchOptions): Promise<void> {
    const config = this.#write("falco.yaml", `${APPENDED}\n${settings}\n`);
    const rules = [
      ...files.map((name) => join(OFFICIAL, name)),
      this.#write("own.yaml", own),
    ].flatMap((file) => ["--rules", file]);
    const hosts = this.#write("hosts", `${AFAR} ${NAMES.join(" ")}\n`);
    const watch = (this.#watch = startSaker(
      [
        "watch",
        "--config",
        config,
        ...rules,
        "--report",
        join(this.folder, "report"),
        "--no-audit",
        "--json",
      ],
      {
        env: this.#dockerd?.env ?? {},
        cwd: this.folder,
        through: ["unshare", "-m", "sh", "-c", `mount --bind ${hosts} /etc/hosts; exec "$0" "$@"`],
      },
    ));
    await until("the watch to begin", () => watch.err().includes("watching"), {
      seen: () => watch.err(),
    });
    await sleep(500);
  }

  async stopWatch(): Promise<void> {
    await this.#watch?.stop();
  }

  async close(): Promise<void> {
    this.#servers?.kill();
    await this.#dockerd?.stop();
    if (this.folder !== "") rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a program as this process's child. */
  run(command: string, ...args: string[]): SpawnSyncReturns<Buffer> {
    return spawnSync(command, args, { stdio: "ignore" });
  }

  /** `docker exec`; what fails, fails. */
  inside(...args: string[]): Promise<unknown> {
    return this.#docker("exec", ...args).catch(() => undefined);
  }

  /** Waits until something in this container listens on a port of TCP. */
  async listening(container: string, port: number): Promise<void> {
    const pid = (await this.#docker("inspect", "-f", "{{.State.Pid}}", container)).trim();
    const sockets = (): string =>
      ["tcp", "tcp6"].map((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8")).join("");
    // The remote address of a socket that listens, and its state.
    const listens = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} 0+:0000 0A `);
    await until(`port ${port}`, () => listens.test(sockets()), { seen: sockets });
  }

  /** Runs a program of this host in the network of the container `alone`. */
  afar(command: string, ...args: string[]): SpawnSyncReturns<Buffer> {
    return this.run("nsenter", `--net=${this.#aloneNetwork}`, command, ...args);
  }

  /** A container of the stage's image with these options, and a program that ends at once. */
  async start(...options: string[]): Promise<void> {
    const id = await this.#docker("create", ...options, IMAGE, "/bin/true");
    this.#ids.add(id.slice(0, 12));
    await this.#docker("start", "-a", id).catch(() => undefined);
    await this.#docker("rm", "-f", id);
  }

  /** A copy of bash under the name of another program. */
  as(name: string): string {
    mkdirSync(join(this.folder, "as"), { recursive: true });
    const path = join(this.folder, "as", name);
    if (!existsSync(path)) copyFileSync("/bin/bash", path);
    return path;
  }

  /** Plays an act and compares what was told of it. */
  async play({ rules, tells, others = {}, besides = [], run }: Act): Promise<void> {
    const before = this.#alerts().length;
    const since = (): Alert[] =>
      this.#alerts()
        .slice(before)
        .filter((alert) => this.#isOurs(alert) && !besides.includes(alert.rule));
    const outputs = (): string =>
      JSON.stringify(
        since().map(({ rule, output }) => `${rule}: ${output}`),
        undefined,
        1,
      );
    await run(this);
    await until("the alerts", () => since().length >= rules.length, {
      timeoutMs: 60_000,
      seen: outputs,
    });
    // Whatever else comes of it has come by then.
    await sleep(150);
    assert.deepEqual(
      since()
        .map(({ rule }) => rule)
        .toSorted(),
      rules.toSorted(),
      outputs(),
    );
    for (const [rule, told] of Object.entries({ [rules[0] ?? ""]: tells, ...others }))
      assertTold(since().find((alert) => alert.rule === rule)?.output ?? "", told);
  }

  /** All that the watch said on standard error. */
  get words(): string {
    return this.#watch?.err() ?? "";
  }

  async #startContainers(): Promise<void> {
    const run = async (name: string, ...args: string[]): Promise<void> => {
      const id = await this.#docker(
        "run",
        "-d",
        "--name",
        name,
        ...args,
        IMAGE,
        "/bin/busybox",
        "sleep",
        "1000",
      );
      this.#ids.add(id.slice(0, 12));
    };
    await Promise.all([
      run("act"),
      run("strong", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_MODULE"),
      // Not every machine lets its root have all capabilities.
      run("privileged", "--privileged", "--runtime", "weaker").then(
        () => (this.isPrivilegeAllowed = true),
        () => {},
      ),
      run("alone", "--network", "none"),
    ]);
    await run(
      "pod",
      "--network",
      "container:alone",
      "--label",
      "io.kubernetes.pod.name=falcon",
      "--label",
      "io.kubernetes.pod.namespace=kube-system",
    );
    this.#aloneNetwork = `/proc/${await this.#docker("inspect", "-f", "{{.State.Pid}}", "alone")}/ns/net`;
    for (const address of [AFAR, METADATA_SERVICE])
      this.afar("ip", "address", "add", `${address}/32`, "dev", "lo");
    this.#servers = spawn(
      "nsenter",
      [`--net=${this.#aloneNetwork}`, "perl", "-MIO::Socket::INET", "-e", SERVERS],
      { stdio: "ignore" },
    );
    await until(
      "the servers",
      () =>
        this.afar(
          "perl",
          "-MIO::Socket::INET",
          "-e",
          `exit !IO::Socket::INET->new("${AFAR}:30000")`,
        ).status === 0,
    );
  }

  #docker(...args: string[]): Promise<string> {
    return this.#dockerd?.docker(...args) ?? Promise.reject(new Error("the stage is closed"));
  }

  #write(name: string, text: string, mode = 0o644): string {
    const path = join(this.folder, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  #alerts(): Alert[] {
    return (this.#watch?.out() ?? "")
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Alert)
      .filter(({ rule }) => rule !== undefined);
  }

  /**
   * Other tests may run at once: what is told of their containers and processes is no concern of
   * ours.
   */
  #isOurs({ output_fields: fields }: Alert): boolean {
    const id = fields["container.id"] ?? "host";
    if (id !== "host") return this.#ids.has(id);
    return fields["lineage"]?.split(" ").includes(String(process.pid)) === true;
  }
}

function assertTold(output: string, told: Told): void {
  for (const [name, value] of Object.entries<string | RegExp | undefined>({
    user: "root",
    container_name: "host",
    ...told,
  })) {
    if (value === undefined) continue;
    const pattern =
      typeof value === "string" ? value.replaceAll(/[^\w ]/g, String.raw`\$&`) : value.source;
    assert.match(output, new RegExp(` ${name}=${pattern}( |$)`));
  }
}

/** What the watch takes the address afar for: only it sees this /etc/hosts. */
const NAMES = ["kubernetes.default.svc.cluster.local", "us1.ethermine.org"];

const IMAGE = "saker-test/acts:1.0";

/** Names under which busybox stands in the image. */
const BUSYBOXES = Object.fromEntries(
  ["/usr/bin/apk", "/usr/bin/scp", "/usr/bin/kubectl", "/bin/debugfs", "/root/.ssh/id_rsa"].map(
    (path) => [path, "/bin/busybox"],
  ),
);

/** Leaves out what the root of this project's machines may not itself. */
const WEAKER = `#!/bin/bash
for argument; do
  case $before in
    --bundle) sed -i 's/"CAP_SYS_RESOURCE",//g' "$argument/config.json" ;;
    --process) sed -i 's/"CAP_SYS_RESOURCE",//g' "$argument" ;;
  esac
  before=$argument
done
exec runc "$@"
`;

/** They listen and no more: the kernel completes the connections. */
const SERVERS =
  "@sockets = map { IO::Socket::INET->new(Listen => 50, LocalPort => $_) } 80, 3333, 30000; sleep 1000";

/** Stands for a package whose installation runs a script. */
const NPM = "#!/bin/sh\n/bin/nc --help\ntrue\n";

/** The official outputs leave the container to this. */
const APPENDED = `append_output:
  - extra_output: container_name=%container.name pod=%k8s.ns.name/%k8s.pod.name
    extra_fields:
      - container.id
      - lineage: "%proc.apid[1] %proc.apid[2] %proc.apid[3] %proc.apid[4] %proc.apid[5] %proc.apid[6]"`;
