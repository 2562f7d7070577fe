import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { libc } from "../../src/libc/libc.ts";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { fuseMissing, mountSilentFileSystem } from "../fixtures/silent-file-system.ts";
import { until } from "../fixtures/until.ts";

const IMAGE = "saker-test/executables:1.0";
const BUSYBOX = "/usr/bin/busybox";
const FIELDS = [
  "proc.exe_ino",
  "proc.exe_ino.ctime",
  "proc.exe_ino.mtime",
  "proc.is_exe_lower_layer",
  "proc.is_exe_upper_layer",
  "proc.is_exe_from_memfd",
] as const;
const RULES = `
- rule: Program started
  desc: d
  condition: evt.type in (execve, execveat) and proc.args startswith "sh -c true fact-"
  output: "%proc.args ${FIELDS.map((field) => `%${field}`).join(" ")}"
  priority: NOTICE
`;
type Fields = Readonly<Record<string, unknown>>;

describe(
  "the executable of a program that starts",
  { skip: dockerdMissing() ?? whyNoBpf() },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "saker-executables-"));
    let dockerd: Dockerd;
    let watch: RunningSaker;
    let root: string;

    /** What the alert of the program says that was started with this word. */
    const toldOf = async (word: string): Promise<unknown[]> => {
      const alert = (): Fields | undefined =>
        watch
          .out()
          .split("\n")
          .flatMap((line) =>
            line.startsWith("{") ? [JSON.parse(line).output_fields as Fields] : [],
          )
          .find((fields) => String(fields["proc.args"]).includes(`fact-${word} `));
      await until(`the alert of ${word}`, () => alert() !== undefined, {
        seen: () => watch.err() + watch.out(),
      });
      return FIELDS.map((field) => alert()?.[field]);
    };
    /** A busybox's arguments by which its alert is found. */
    const argumentsOf = (word: string): string[] => ["sh", "-c", `true fact-${word} .`];
    const inContainer = (program: string, word: string): Promise<string> =>
      dockerd.docker("exec", "box", program, ...argumentsOf(word));
    /** What stat(2) says of a file, and the layers that it lies in. */
    const stated = (path: string, ...layers: boolean[]): unknown[] => {
      const { ino, ctimeNs, mtimeNs } = statSync(path, { bigint: true });
      return [Number(ino), Number(ctimeNs), Number(mtimeNs), ...layers];
    };

    before(async () => {
      writeFileSync(join(folder, "rules.yaml"), RULES);
      dockerd = await startDockerd();
      await dockerd.importImage({
        reference: IMAGE,
        files: { "/opt/image/busybox": BUSYBOX, "/opt/touched/busybox": BUSYBOX },
      });
      await dockerd.docker("run", "-d", "--init", "--name", "box", IMAGE, "/bin/sleep", "600");
      const pid = await dockerd.docker("inspect", "-f", "{{.State.Pid}}", "box");
      root = `/proc/${pid}/root`;
      const rules = ["--rules", join(folder, "rules.yaml"), "--report", join(folder, "report")];
      watch = startSaker(["watch", "--json", "--no-audit", "--no-store", "--no-web", ...rules], {
        env: dockerd.env,
        cwd: folder,
      });
      await until("the watch to begin", () => watch.err().includes("watching"), {
        seen: watch.err,
      });
    });
    after(async () => {
      await watch?.stop();
      await dockerd?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("lies in an image's layer, and is told as stat(2) does", async () => {
      await inContainer("/opt/image/busybox", "image");
      assert.deepEqual(
        await toldOf("image"),
        stated(`${root}/opt/image/busybox`, true, false, false),
      );
    });

    test("was written by the container", async () => {
      const copy = "mkdir /opt/written; cp /opt/image/busybox /opt/written";
      await dockerd.docker("exec", "box", "/bin/sh", "-c", copy);
      await inContainer("/opt/written/busybox", "written");
      assert.deepEqual(
        await toldOf("written"),
        stated(`${root}/opt/written/busybox`, false, true, false),
      );
    });

    test("is an image's that was changed in the container", async () => {
      await dockerd.docker(
        "exec",
        "box",
        "/bin/touch",
        "-d",
        "2020-01-01 00:00:00",
        "/opt/touched/busybox",
      );
      await inContainer("/opt/touched/busybox", "touched");
      assert.deepEqual(
        await toldOf("touched"),
        stated(`${root}/opt/touched/busybox`, false, true, false),
      );
    });

    test("is no file, but memory", async () => {
      const number = process.arch === "arm64" ? 279 : 319;
      const fd = Number(libc.syscall(number, "str", "hidden", "unsigned int", 0));
      writeSync(fd, readFileSync(BUSYBOX));
      spawnSync(`/proc/${process.pid}/fd/${fd}`, argumentsOf("memory"));
      const facts = stated(`/proc/self/fd/${fd}`, false, false, true);
      closeSync(fd);
      assert.deepEqual(await toldOf("memory"), facts);
    });

    test("lies where nobody answers any more", async (t) => {
      const skip = fuseMissing();
      if (skip !== undefined) return t.skip(skip);
      const silent = await mountSilentFileSystem([BUSYBOX]);
      t.after(silent.release);
      const path = join(silent.point, "busybox");
      const facts = stated(path, false, false, false);
      const child = spawn(path, ["sh", "-c", "true fact-silent .; read line"], { stdio: "pipe" });
      t.after(() => child.kill("SIGKILL"));
      await once(child, "spawn");
      silent.fallSilent();
      assert.deepEqual(await toldOf("silent"), facts);
      return undefined;
    });
  },
);
