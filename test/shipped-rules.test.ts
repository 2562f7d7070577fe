import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readRuleFiles } from "../src/engine/rule-files.ts";
import { EXEC_FLAGS, OPEN_FLAGS } from "../src/events/flag-names.ts";
import { FIELDS } from "../src/fields/registry.ts";
import { addressBytes } from "../src/lib/ip-bytes.ts";
import { loadRules } from "../src/rules/load-rules.ts";
import { compileRuleSet } from "../src/rules/rule-set.ts";
import type { CurrentScene } from "../src/state/current-scene.ts";
import { container, scene } from "./fixtures/scenes.ts";

const end = (address: string, port: number) => ({ address: addressBytes(address) ?? new Uint8Array(4), port });
const web = container("web");
const tcp = { kind: "4", family: 2, protocol: 6 };
const listening = { ...tcp, state: 10, local: end("0.0.0.0", 80), remote: end("0.0.0.0", 0) };
const calling = { ...tcp, state: 1, local: end("10.0.0.2", 40000), remote: end("203.0.113.5", 4444) };
const read = { fd: 3, dirfd: -100, flags: OPEN_FLAGS.O_RDONLY, mode: 0 };
const written = { fd: 3, dirfd: -100, flags: OPEN_FLAGS.O_WRONLY | OPEN_FLAGS.O_CREAT, mode: 0o755 };
const shell = { res: 0, exe: "sh", args: ["-i"], comm: "sh", trusted_exepath: "/bin/sh", cwd: "/", tty: 34816 };

/** For each shipped rule: a scene that it is for, and one close by that it is not for. */
const SCENES: Readonly<Record<string, readonly [match: () => CurrentScene, noMatch: () => CurrentScene]>> = {
  "Port opened in container": [
    () => scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: listening, container: web }),
    () => scene("listen", { res: -98, fd: 3, backlog: 5 }, { descriptor: listening, container: web }),
  ],
  "Port opened on host": [
    () => scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: listening }),
    () => scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: { kind: "u", family: 1, path: "/run/x" } }),
  ],
  "Terminal shell in container": [() => scene("execve", shell, { container: web }), () => scene("execve", { ...shell, tty: 0 }, { container: web })],
  "Reverse shell": [
    () => scene("dup2", { res: 0, oldfd: 3, newfd: 0 }, { descriptor: calling, container: web }),
    () => scene("dup2", { res: 7, oldfd: 3, newfd: 7 }, { descriptor: calling, container: web }),
  ],
  "Sensitive file read": [
    () => scene("openat", { ...read, name: "/etc/shadow" }),
    () => scene("openat", { ...read, name: "/etc/shadow" }, { process: { comm: "sshd" } }),
  ],
  "Write below binary directory": [
    () => scene("openat", { ...written, name: "/usr/bin/ls" }),
    () => scene("openat", { ...written, name: "/usr/bin/ls" }, { process: { comm: "dpkg" } }),
  ],
  "Drop and execute new binary in container": [
    () => scene("execve", { res: 0, exe: "x", comm: "x", trusted_exepath: "/tmp/x", flags: EXEC_FLAGS.EXE_UPPER_LAYER }, { container: web }),
    () => scene("execve", { res: 0, exe: "x", comm: "x", trusted_exepath: "/bin/x", flags: EXEC_FLAGS.EXE_LOWER_LAYER }, { container: web }),
  ],
  "Fileless execution": [
    () => scene("execve", { res: 0, exe: "x", comm: "3", trusted_exepath: "memfd:x", flags: EXEC_FLAGS.EXE_FROM_MEMFD }),
    () => scene("execve", { res: 0, exe: "runc", comm: "runc", trusted_exepath: "memfd:runc", flags: EXEC_FLAGS.EXE_FROM_MEMFD }),
  ],
  "Container escape by kernel helper": [
    () => scene("openat", { ...written, name: "/sys/fs/cgroup/rdma/release_agent" }, { container: web }),
    () => scene("openat", { ...read, name: "/sys/fs/cgroup/rdma/release_agent" }, { container: web }),
  ],
  "Container escape by namespace": [
    () => scene("setns", { res: 0, fd: 3, nstype: 0 }, { container: web }),
    () => scene("setns", { res: 0, fd: 3, nstype: 0 }, { container: web, process: { comm: "runc" } }),
  ],
  "Container escape by mount": [
    () => scene("mount", { res: 0, dev: "/dev/sda1", dir: "/mnt", type: "ext4" }, { container: web }),
    () => scene("mount", { res: -1, dev: "/dev/sda1", dir: "/mnt", type: "ext4" }, { container: web }),
  ],
  "Container runtime socket used in container": [
    () => scene("connect", { res: 0, fd: 3 }, { descriptor: { kind: "u", family: 1, path: "/var/run/docker.sock" }, container: web }),
    () => scene("connect", { res: 0, fd: 3 }, { descriptor: { kind: "u", family: 1, path: "/var/run/docker.sock" } }),
  ],
};

describe("the shipped rules", () => {
  const { rules, files } = loadRules(readRuleFiles([]), { fields: FIELDS });
  const set = compileRuleSet(rules, { matching: "all" });

  test("load without error or warning, and each has its scenes here", () => {
    assert.deepEqual(files.flatMap((file) => [...file.errors, ...file.warnings]), []);
    assert.deepEqual(rules.map((rule) => rule.name).toSorted(), Object.keys(SCENES).toSorted());
  });

  for (const [name, [match, noMatch]] of Object.entries(SCENES)) {
    const matches = (shown: CurrentScene): boolean => set.forEvent(shown.event.code).some((rule) => rule.name === name && rule.condition(shown));
    test(`${name} matches what it is for, and only that`, () => {
      assert.deepEqual([matches(match()), matches(noMatch())], [true, false]);
    });
  }
});
