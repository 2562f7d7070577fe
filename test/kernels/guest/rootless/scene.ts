// Runs inside the machine of test/kernels/rootless.ts: a user without rights starts a container by
// Podman while Saker watches; prints all that both said.
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { release } from "node:os";
import { startSaker } from "../../../fixtures/saker.ts";
import { until } from "../../../fixtures/until.ts";

/** A processor that a program plays is slow, and slower beside other work. */
const PATIENCE_MS = 600_000;
/** Of test/kernels/rootless.ts, the first of the machine. */
const USER = { name: "ann", uid: 1000 };
const RULES = new URL("rules.yaml", import.meta.url).pathname;
const PROGRAM = ["/bin/sleep", "1000000"];
const IMAGE = "localhost/saker/box:1";

console.log(`\n[guest] out Linux ${release()} ${process.arch}, Node ${process.version}`);
await scene().catch((thrown: unknown) => print("err", String(thrown)));
console.log("[guest] code 0");
// The watch goes with the machine.
process.exit(0);

async function scene(): Promise<void> {
  const saker = startSaker(
    ["watch", "--json", "--no-audit", "--no-store", "--no-web", "--rules", RULES],
    { cwd: "/tmp" },
  );
  saker.child.stderr?.on("data", (text: Buffer) => print("err", String(text)));
  await until("the user's session", () => existsSync(`/run/user/${USER.uid}/bus`), {
    timeoutMs: PATIENCE_MS,
  });
  const root = "/tmp/box";
  mkdirSync(`${root}/bin`, { recursive: true });
  copyFileSync("/usr/bin/busybox", `${root}/bin/sleep`);
  execFileSync("tar", ["-C", root, "-cf", "/tmp/box.tar", "."]);
  podman("import", "/tmp/box.tar", IMAGE);
  await until("the watch to begin", () => saker.err().includes("watching this host"), {
    timeoutMs: PATIENCE_MS,
  });
  print("out", `id: ${podman("run", "-d", "--network=none", "--name=shop", IMAGE, ...PROGRAM)}`);
  await until("an alert", () => saker.out().includes("SEEN"), { timeoutMs: PATIENCE_MS });
  print("out", saker.out());
  print("out", `place: ${podman("inspect", "--format={{.State.CgroupPath}}", "shop")}`);
}

/** As the user says it, in a session of his own; what it answers. */
function podman(...words: readonly string[]): string {
  const command = `podman --storage-driver=vfs ${words.join(" ")}`;
  const { stdout, stderr, status } = spawnSync(
    "/usr/bin/su",
    ["--login", USER.name, "-c", command],
    { encoding: "utf8" },
  );
  print("err", `${command}: ${stderr}`);
  if (status !== 0) throw new Error(`podman ${words[0]} ended with ${status}`);
  return stdout.trim();
}

function print(what: "out" | "err", text: string): void {
  for (const line of text.trimEnd().split("\n")) console.log(`[rootless] ${what} ${line}`);
}
