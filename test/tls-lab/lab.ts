import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Authority, type Issued } from "../fixtures/authority.ts";

/**
 * One run of the lab: a folder, certificates, and the servers that were started; all are ended by
 * pid.
 */
export class Lab {
  readonly folder = mkdtempSync(join(tmpdir(), "saker-lab-"));
  readonly authority: Authority;
  readonly rsa: Issued;
  readonly ec: Issued;
  readonly #children: ChildProcess[] = [];

  constructor() {
    // Servers that give up root must find their keys.
    chmodSync(this.folder, 0o755);
    this.authority = new Authority(this.folder);
    const extensions = ["subjectAltName=DNS:localhost,DNS:lab.test,IP:127.0.0.1"];
    this.rsa = this.authority.issue({
      subject: "/CN=lab.test",
      key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
      extensions,
    });
    this.ec = this.authority.issue({ subject: "/CN=lab.test", extensions });
    for (const { key } of [this.rsa, this.ec]) chmodSync(key, 0o644);
  }

  /** Writes a file into the lab's folder and gives its path. */
  file(name: string, content: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Makes a folder there, for a server of this user. */
  directory(name: string, owner?: string): string {
    const path = join(this.folder, name);
    mkdirSync(path, { recursive: true });
    if (owner !== undefined) execFileSync("chown", [owner, path]);
    return path;
  }

  /** A key and its certificates in one file. */
  pem({ key, certificate }: Issued, name: string): string {
    return this.file(name, execFileSync("cat", [key, certificate], { encoding: "utf8" }));
  }

  run(command: string, ...args: string[]): void {
    execFileSync(command, args, { stdio: "ignore" });
  }

  /** Starts a program and waits until the port takes connections. */
  async serve(
    port: number,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const child = spawn(command, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      cwd: this.folder,
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (bytes: Buffer) => (said = (said + bytes.toString("latin1")).slice(-2000)));
    child.once("error", (error) => (said = String(error)));
    for (
      let turn = 0;
      turn < STARTING_TURNS && child.exitCode === null && child.pid !== undefined;
      turn += 1
    ) {
      if (await answers(port)) return port;
      await sleep(50);
    }
    throw new Error(`${command} does not listen: ${said.trim().split("\n").slice(-4).join(" | ")}`);
  }

  /** Ends the servers that run; the folder stays. */
  endServers(): void {
    for (const { pid } of this.#children.splice(0)) {
      if (pid === undefined) continue;
      for (const member of processTree(pid)) {
        try {
          process.kill(member, "SIGKILL");
        } catch {
          // Gone already.
        }
      }
    }
  }

  end(): void {
    this.endServers();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Of 50 ms: Java compiles its server first, and the machine may be busy. */
const STARTING_TURNS = 1200;

/** A process and all that it has started: Postfix's are of groups of their own. */
function processTree(root: number): number[] {
  const parents = execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number));
  const tree = [root];
  for (const member of tree)
    tree.push(...parents.filter(([, parent]) => parent === member).map(([pid = 0]) => pid));
  return tree;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Whether a program is on this machine. */
export function hasProgram(path: string): boolean {
  return existsSync(path);
}
