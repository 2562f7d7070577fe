import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { type RunningSaker, startSaker, until } from "../fixtures/saker.ts";

const OFFICIAL = join(import.meta.dirname, "../../../shared/falco-rules");
const IMAGE = "saker-test/acts:1.0";

/** One harmless thing that is done, and what must be told of it. */
export interface Act {
  /** Names of the rules that fire, each as often as it stands here; nothing else may. */
  readonly rules: readonly string[];
  /** In the output of the first. */
  readonly tells: readonly RegExp[];
  readonly run: () => unknown;
  readonly isPrivileged?: true;
}

interface Alert {
  readonly rule: string;
  readonly output: string;
}

/** Why no acts can be played here; undefined when they can. */
export function actsMissing(): string | undefined {
  if (!existsSync(OFFICIAL)) return "needs ../shared/falco-rules";
  return dockerdMissing() ?? (existsSync("/sys/kernel/btf/vmlinux") ? undefined : "needs a kernel with BTF");
}

/** A dockerd with three containers, and a watch with official rules: `act` as usual, `strong` with two capabilities more, `privileged` where the machine lets it. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "saker-acts-"));
  isPrivilegeAllowed = false;
  #dockerd: Dockerd | undefined;
  #watch: RunningSaker | undefined;

  /** `rules` are names of official files; `programs` are names under which busybox stands in the image. */
  async open(rules: readonly string[], programs: readonly string[]): Promise<void> {
    const dockerd = (this.#dockerd = await startDockerd());
    await dockerd.importImage({ reference: IMAGE, files: Object.fromEntries(programs.map((path) => [path, "/bin/busybox"])) });
    const run = (name: string, ...args: string[]): Promise<string> => dockerd.docker("run", "-d", "--name", name, ...args, IMAGE, "/bin/busybox", "sleep", "1000");
    await run("act");
    await run("strong", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_MODULE");
    // Not every machine lets its root have all capabilities.
    this.isPrivilegeAllowed = await run("privileged", "--privileged").then(() => true, () => false);
    // The official outputs leave the container to this.
    writeFileSync(join(this.folder, "falco.yaml"), "append_output:\n  - extra_output: container_name=%container.name\n");
    const files = rules.flatMap((name) => ["--rules", join(OFFICIAL, name)]);
    const watch = (this.#watch = startSaker(["watch", "--config", join(this.folder, "falco.yaml"), ...files, "--report", join(this.folder, "report"), "--no-audit", "--json"], { env: dockerd.env, cwd: this.folder }));
    await until("the watch to begin", () => watch.err().includes("watching"), { seen: () => watch.err() });
    await sleep(500);
  }

  async close(): Promise<void> {
    await this.#watch?.stop();
    await this.#dockerd?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a program as this process's child. */
  run(command: string, ...args: string[]): unknown {
    return spawnSync(command, args, { stdio: "ignore" });
  }

  /** `docker exec`; what fails, fails. */
  inside(...args: string[]): Promise<unknown> {
    return this.#dockerd?.docker("exec", ...args).catch(() => undefined) ?? Promise.resolve();
  }

  /** `docker run` of the stage's image with these options: a program that ends at once. */
  start(...options: string[]): Promise<unknown> {
    return this.#dockerd?.docker("run", "--rm", ...options, IMAGE, "/bin/true").catch(() => undefined) ?? Promise.resolve();
  }

  /** A copy of bash under the name of another program. */
  as(name: string): string {
    mkdirSync(join(this.folder, "as"), { recursive: true });
    const path = join(this.folder, "as", name);
    if (!existsSync(path)) copyFileSync("/bin/bash", path);
    return path;
  }

  /** Plays an act and compares what was told of it. */
  async play({ rules, tells, run }: Act): Promise<void> {
    const before = this.#alerts().length;
    const since = (): Alert[] => this.#alerts().slice(before);
    await run();
    await until("the alerts", () => since().length >= rules.length, { timeoutMs: 10_000, seen: () => JSON.stringify(since().map(({ output }) => output)) });
    // Whatever else comes of it has come by then.
    await sleep(300);
    assert.deepEqual(since().map(({ rule }) => rule).toSorted(), rules.toSorted(), JSON.stringify(since().map(({ output }) => output), undefined, 1));
    const first = since().find(({ rule }) => rule === rules[0]);
    for (const part of tells) assert.match(first?.output ?? "", part);
  }

  /** All that the watch said on standard error. */
  get words(): string {
    return this.#watch?.err() ?? "";
  }

  #alerts(): Alert[] {
    return (this.#watch?.out() ?? "").split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Alert).filter(({ rule }) => rule !== undefined);
  }
}
