import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readRuleFiles, SHIPPED_TESTS } from "../src/config/rule-files.ts";
import { EXEC_FLAGS, OPEN_FLAGS } from "../src/events/flag-names.ts";
import { RECORD_FLAGS } from "../src/events/record.ts";
import { FIELDS } from "../src/fields/registry.ts";
import { addressBytes } from "../src/lib/ip-bytes.ts";
import { loadRules } from "../src/rules/load-rules.ts";
import { readRuleTests, type RuleTest } from "../src/rules/rule-tests.ts";
import { runRuleTest } from "../src/rules/run-rule-tests.ts";
import { statedFields } from "../src/rules/stated-fields.ts";
import { compileRuleSet } from "../src/rules/rule-set.ts";
import type { CurrentScene } from "../src/state/current-scene.ts";
import { container, scene } from "./fixtures/scenes.ts";

const OFFICIAL = fileURLToPath(
  new URL("../../shared/falco-rules/falco_rules.yaml", import.meta.url),
);
const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const web = container("web");
const tcp = { kind: "4", family: 2, protocol: 6 };
const listening = { ...tcp, state: 10, local: end("0.0.0.0", 80), remote: end("0.0.0.0", 0) };
const calling = {
  ...tcp,
  state: 1,
  local: end("10.0.0.2", 40000),
  remote: end("203.0.113.5", 4444),
};
const nginx = container("nginx", {
  command: ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"],
  ports: [{ port: 80, protocol: "tcp" }],
  startedAt: 1_700_000_000_000_000_000n,
});
const pod = container("pod", {
  env: ["KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443"],
});
const read = { fd: 3, dirfd: -100, flags: OPEN_FLAGS.O_RDONLY, mode: 0 };
const written = {
  fd: 3,
  dirfd: -100,
  flags: OPEN_FLAGS.O_WRONLY | OPEN_FLAGS.O_CREAT,
  mode: 0o755,
};
const shell = {
  res: 0,
  exe: "sh",
  args: ["-i"],
  comm: "sh",
  trusted_exepath: "/bin/sh",
  cwd: "/",
  tty: 34816,
};

/**
 * Real records for some of the shipped rules: a scene that one is for, and one close by that it is
 * not for. All have stated tests, below.
 */
const SCENES: Readonly<
  Record<string, readonly [match: () => CurrentScene, noMatch: () => CurrentScene]>
> = {
  "Port opened in container": [
    () => scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: listening, container: web }),
    () =>
      scene("listen", { res: -98, fd: 3, backlog: 5 }, { descriptor: listening, container: web }),
  ],
  "Port opened on host": [
    () => scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: listening }),
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        { descriptor: { kind: "u", family: 1, path: "/run/x" } },
      ),
  ],
  "Terminal shell in container": [
    () => scene("execve", shell, { container: web }),
    () => scene("execve", { ...shell, tty: 0 }, { container: web }),
  ],
  "Redirect STDOUT/STDIN to Network Connection in Container": [
    () => scene("dup2", { res: 0, oldfd: 3, newfd: 0 }, { descriptor: calling, container: web }),
    () => scene("dup2", { res: 7, oldfd: 3, newfd: 7 }, { descriptor: calling, container: web }),
  ],
  "Port opened by other than the entrypoint": [
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        {
          descriptor: listening,
          container: nginx,
          process: { comm: "nc", exe: "nc", exepath: "/bin/nc" },
        },
      ),
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        {
          descriptor: listening,
          container: nginx,
          process: { comm: "nginx", exe: "nginx", exepath: "/usr/sbin/nginx" },
        },
      ),
  ],
  "Undeclared port opened in container": [
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        { descriptor: { ...listening, local: end("0.0.0.0", 4444) }, container: nginx },
      ),
    () =>
      scene("listen", { res: 0, fd: 3, backlog: 5 }, { descriptor: listening, container: nginx }),
  ],
  "Late port opened in container": [
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        { descriptor: listening, container: nginx, timestamp: 1_700_003_600_000_000_000n },
      ),
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        {
          descriptor: listening,
          container: nginx,
          timestamp: 1_700_003_600_000_000_000n,
          context: { flags: RECORD_FLAGS.FOUND_AT_START },
        },
      ),
  ],
  "Privileged port opened by shell's child": [
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        {
          descriptor: listening,
          chain: [
            { pid: 1, comm: "init" },
            { pid: 2, ppid: 1, comm: "bash" },
            { pid: 3, ppid: 2, comm: "nc" },
          ],
        },
      ),
    () =>
      scene(
        "listen",
        { res: 0, fd: 3, backlog: 5 },
        {
          descriptor: listening,
          chain: [
            { pid: 1, comm: "init" },
            { pid: 3, ppid: 1, comm: "nginx" },
          ],
        },
      ),
  ],
  "Contact K8S API Server From Container": [
    () =>
      scene(
        "connect",
        { res: 0, fd: 3 },
        { descriptor: { ...calling, remote: end("10.96.0.1", 443) }, container: pod },
      ),
    () =>
      scene(
        "connect",
        { res: 0, fd: 3 },
        { descriptor: { ...calling, remote: end("10.96.0.2", 443) }, container: pod },
      ),
  ],
  "Read sensitive file untrusted": [
    () => scene("openat", { ...read, name: "/etc/shadow" }),
    () => scene("openat", { ...read, name: "/etc/shadow" }, { process: { comm: "sshd" } }),
  ],
  "Write below binary directory": [
    () => scene("openat", { ...written, name: "/usr/bin/ls" }),
    () => scene("openat", { ...written, name: "/usr/bin/ls" }, { process: { comm: "dpkg" } }),
  ],
  "Drop and execute new binary in container": [
    () =>
      scene(
        "execve",
        {
          res: 0,
          exe: "x",
          comm: "x",
          trusted_exepath: "/tmp/x",
          flags: EXEC_FLAGS.EXE_UPPER_LAYER,
        },
        { container: web },
      ),
    () =>
      scene(
        "execve",
        {
          res: 0,
          exe: "x",
          comm: "x",
          trusted_exepath: "/bin/x",
          flags: EXEC_FLAGS.EXE_LOWER_LAYER,
        },
        { container: web },
      ),
  ],
  "Fileless execution via memfd_create": [
    () =>
      scene("execve", {
        res: 0,
        exe: "x",
        comm: "3",
        trusted_exepath: "memfd:x",
        flags: EXEC_FLAGS.EXE_FROM_MEMFD,
      }),
    () =>
      scene("execve", {
        res: 0,
        exe: "runc",
        comm: "runc",
        trusted_exepath: "memfd:runc",
        flags: EXEC_FLAGS.EXE_FROM_MEMFD,
      }),
  ],
  "Detect release_agent File Container Escapes": [
    () =>
      scene(
        "openat",
        { ...written, name: "/sys/fs/cgroup/rdma/release_agent" },
        { container: web },
      ),
    () =>
      scene("openat", { ...read, name: "/sys/fs/cgroup/rdma/release_agent" }, { container: web }),
  ],
  "Container escape by namespace": [
    () => scene("setns", { res: 0, fd: 3, nstype: 0 }, { container: web }),
    () =>
      scene("setns", { res: 0, fd: 3, nstype: 0 }, { container: web, process: { comm: "runc" } }),
  ],
  "Container escape by mount": [
    () =>
      scene("mount", { res: 0, dev: "/dev/sda1", dir: "/mnt", type: "ext4" }, { container: web }),
    () =>
      scene("mount", { res: -1, dev: "/dev/sda1", dir: "/mnt", type: "ext4" }, { container: web }),
  ],
  "Container runtime socket used in container": [
    () =>
      scene(
        "connect",
        { res: 0, fd: 3 },
        { descriptor: { kind: "u", family: 1, path: "/var/run/docker.sock" }, container: web },
      ),
    () =>
      scene(
        "connect",
        { res: 0, fd: 3 },
        { descriptor: { kind: "u", family: 1, path: "/var/run/docker.sock" } },
      ),
  ],
};

describe("the shipped rules", () => {
  const { rules, files } = loadRules(readRuleFiles([]), { fields: FIELDS });
  const set = compileRuleSet(rules, { matching: "all" });

  test("load without error or warning, with every name of Falco's stable rules", () => {
    assert.deepEqual(
      files.flatMap((file) => [...file.errors, ...file.warnings]),
      [],
    );
    const stable = rules
      .filter((rule) => rule.tags.includes("maturity_stable"))
      .map((rule) => rule.name);
    assert.equal(stable.length, 25);
    const known = new Set(rules.map((rule) => rule.name));
    assert.deepEqual(
      Object.keys(SCENES).filter((name) => !known.has(name)),
      [],
    );
  });

  test(
    "the names are those of the official file",
    { skip: !existsSync(OFFICIAL) && "needs ../shared/falco-rules" },
    () => {
      const official = loadRules(
        [{ name: "falco_rules.yaml", text: readFileSync(OFFICIAL, "utf8") }],
        { fields: FIELDS },
      ).rules.map((rule) => rule.name);
      assert.deepEqual(
        rules
          .filter((rule) => rule.tags.includes("maturity_stable"))
          .map((rule) => rule.name)
          .toSorted(),
        official.toSorted(),
      );
    },
  );

  test(
    "what files of users call fine for Falco's rules is fine for those of the same names",
    { skip: !existsSync(OFFICIAL) && "needs ../shared/falco-rules" },
    () => {
      const asked = (texts: readonly string[]): readonly string[] =>
        texts.flatMap((text) =>
          text.split(/^- (?=rule:|macro:|list:)/mv).flatMap((item) => {
            const rule = /^rule: (?<name>.*)/v.exec(item)?.groups?.["name"];
            if (rule === undefined) return [];
            const condition = /^  condition:(?<text>.*?)^  output:/msv.exec(item)?.groups?.["text"];
            const names = condition?.match(/\b(?:user_|known_|allowed_)(?!mgmt_|ssh_)\w+/gv) ?? [];
            return names.map((name) => `${rule}: ${name}`);
          }),
        );
      const official = asked([readFileSync(OFFICIAL, "utf8")]);
      assert.ok(official.length >= 16);
      assert.deepEqual(
        asked(readRuleFiles([]).map((file) => file.text)).toSorted(),
        official.toSorted(),
      );
    },
  );

  test("a file of the user's quietens a shipped rule by Falco's name for it", () => {
    const custom = `
- macro: user_known_read_sensitive_files_activities
  condition: (proc.name = backupd)
- list: user_known_shell_spawn_binaries
  items: [nginx]
  override:
    items: append
`;
    const tuned = loadRules([...readRuleFiles([]), { name: "custom.yaml", text: custom }], {
      fields: FIELDS,
    });
    assert.deepEqual(
      tuned.files.flatMap((file) => [...file.errors, ...file.warnings]),
      [],
    );
    const quiet = compileRuleSet(tuned.rules, { matching: "all" });
    const matching = (one: typeof set, comm: string): readonly string[] => {
      const shown = scene("openat", { ...read, name: "/etc/shadow" }, { process: { comm } });
      const rulesOfEvent = one.forEvent(shown.event.code);
      return rulesOfEvent.filter((rule) => rule.condition(shown)).map((rule) => rule.name);
    };
    assert.deepEqual(matching(set, "backupd"), ["Read sensitive file untrusted"]);
    assert.deepEqual(matching(quiet, "backupd"), []);
    assert.deepEqual(matching(quiet, "other"), ["Read sensitive file untrusted"]);
  });

  const stated = statedFields(FIELDS);
  const statedLoad = loadRules(readRuleFiles([]), { fields: stated });
  const statedRules = statedLoad.rules;
  const { tests, problems } = readRuleTests(
    { name: SHIPPED_TESTS, text: readFileSync(SHIPPED_TESTS, "utf8") },
    FIELDS,
  );
  const expectedIn = (one: RuleTest, name: string): boolean =>
    Array.isArray(one.expect) && one.expect.includes(name);

  test("each rule has a test that it is for, and one of the same event that it is not for", () => {
    assert.deepEqual(problems, []);
    const lacking = statedRules.filter((rule) => {
      const asked = tests.filter((one) =>
        one.scenes.some(({ event }) => rule.eventCodes.has(event.code)),
      );
      return (
        !asked.some((one) => expectedIn(one, rule.name)) ||
        !asked.some((one) => !expectedIn(one, rule.name))
      );
    });
    assert.deepEqual(
      lacking.map((rule) => rule.name),
      [],
    );
  });

  test("each count and sequence has a test that completes it, and one of its rules that does not", () => {
    const lacking = statedLoad.correlations.filter(({ name, ruleNames }) => {
      const [last = ""] = ruleNames.slice(-1);
      return (
        !tests.some((one) => expectedIn(one, name)) ||
        !tests.some((one) => expectedIn(one, last) && !expectedIn(one, name))
      );
    });
    assert.deepEqual(
      lacking.map(({ name }) => name),
      [],
    );
    assert.equal(statedLoad.correlations.length, 3);
  });

  for (const one of tests) {
    test(`tested with ${one.name}`, () => {
      const { passed, got, because } = runRuleTest(one, statedLoad, stated);
      assert.ok(
        passed,
        `expected ${String(one.expect)}, got ${String(got)}: ${because.join("; ")}`,
      );
    });
  }

  for (const [name, [match, noMatch]] of Object.entries(SCENES)) {
    const matches = (shown: CurrentScene): boolean =>
      set.forEvent(shown.event.code).some((rule) => rule.name === name && rule.condition(shown));
    test(`${name} matches what it is for, and only that`, () => {
      assert.deepEqual([matches(match()), matches(noMatch())], [true, false]);
    });
  }
});
