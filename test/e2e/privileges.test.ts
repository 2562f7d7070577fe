import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CAPABILITIES, type Capability, capabilitySet } from "../../src/libc/capabilities.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const RULES =
  "- rule: Marked program\n  desc: d\n  condition: evt.type in (execve, execveat) and evt.failed = false and proc.args contains MARK\n  output: name=%proc.name parent=%proc.pname user=%user.name\n  priority: NOTICE\n";

describe(
  "the privileges of saker watch",
  { skip: whyNoBpf() ?? (process.getuid?.() === 0 ? false : "needs root") },
  () => {
    let folder = "";
    before(() => {
      folder = mkdtempSync(join(tmpdir(), "saker-privileges-"));
      mkdirSync(join(folder, "rules"));
      writeFileSync(join(folder, "rules/rules.yaml"), RULES.replace("MARK", "first"));
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    async function watching(
      more: readonly string[],
      run: (watch: RunningSaker) => Promise<void>,
      through: readonly string[] = [],
    ): Promise<string> {
      const watch = startSaker(
        ["watch", "--rules", join(folder, "rules"), "--report", join(folder, "report"), ...more],
        { cwd: folder, through },
      );
      try {
        await until("the watch to begin", () => watch.err().includes("watching this host: eBPF"), {
          seen: () => watch.err(),
        });
        await run(watch);
      } finally {
        await watch.stop();
      }
      return watch.err();
    }

    /** Starts a program until it is told: the watch may not be ready for it at once. */
    async function told(watch: RunningSaker, mark: string): Promise<void> {
      await until(
        `${mark} to be told`,
        () => {
          spawnSync("true", [mark]);
          return watch
            .out()
            .split("\n")
            .some((line) => /name=true parent=\S+ user=root/.test(line));
        },
        { seen: () => watch.out() + watch.err() },
      );
    }

    test("a page at a port below 1024 is served, and that right is kept for it", async () => {
      const web = ["web.port=1019", "web.tls=true"].flatMap((option) => ["-o", option]);
      await watching(["--no-audit", ...web], async (watch) => {
        await until("the page", () => watch.err().includes("page: https://127.0.0.1:1019/"), {
          seen: () => watch.err(),
        });
        const kept = named("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_NET_BIND_SERVICE");
        assert.deepEqual(ofThreads(watch), [kept]);
      });
    });

    test("after its start every thread has what is still needed alone, and rules change all the same", async () => {
      const words = await watching(["--no-audit"], async (watch) => {
        await told(watch, "first");
        assert.deepEqual(ofThreads(watch), [named("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")]);
        assert.match(readFileSync(`/proc/${watch.child.pid}/status`, "utf8"), /NoNewPrivs:\s+1/);
        writeFileSync(
          join(folder, "rules/rules.yaml"),
          RULES.replace("MARK", "second").replace("name=", "again name="),
        );
        await until(
          "the rules to be loaded again",
          () => /rules.*(again|changed|reload)/i.test(watch.err()),
          { seen: () => watch.err() },
        );
        await until(
          "what the new rules ask for",
          () => {
            spawnSync("true", ["second"]);
            return watch.out().includes("again name=true");
          },
          { seen: () => watch.out() + watch.err() },
        );
      });
      assert.match(words, / 0 dropped,/);
    });

    test("who examines ports keeps CAP_SYS_ADMIN, who writes into another's folder CAP_DAC_OVERRIDE", async () => {
      await watching([], async (watch) =>
        assert.deepEqual(ofThreads(watch), [
          named("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"),
        ]),
      );
      const [other, closed, file] = ["other", "closed", "file"].map((name) =>
        join(folder, name),
      ) as [string, string, string];
      for (const path of [other, closed, file]) mkdirSync(path);
      chownSync(other, 65534, 65534);
      writeFileSync(join(file, "falco_report.txt"), "");
      chownSync(join(file, "falco_report.txt"), 65534, 65534);
      // As root's home is on some systems.
      chmodSync(closed, 0o550);
      for (const path of [join(other, "report"), join(closed, "report"), file]) {
        await watching(["--no-audit", "--report", path], async (watch) =>
          assert.deepEqual(
            ofThreads(watch),
            [named("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE")],
            path,
          ),
        );
      }
    });

    test("who is not root keeps what is needed, too", async (t) => {
      const names = ["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_NET_ADMIN"] as const;
      const numbers = names.map((name) => `+cap_${CAPABILITIES[name]}`).join(",");
      const through = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        `--inh-caps=${numbers}`,
        `--ambient-caps=${numbers}`,
      ];
      if (
        spawnSync(through[0]!, [...through.slice(1), "cat", join(CHECKOUT, "package.json")])
          .status !== 0
      )
        return t.skip("needs setpriv (Debian: util-linux), and a checkout that any user can read");
      const report = join(folder, "theirs");
      mkdirSync(report);
      chmodSync(folder, 0o755);
      chownSync(report, 65534, 65534);
      await watching(
        ["--no-audit", "--report", report],
        async (watch) => assert.deepEqual(ofThreads(watch), [named("CAP_SYS_PTRACE")]),
        through,
      );
    });

    test("a probe that nobody handed over is a clear error", async () => {
      const status = (value: string) =>
        spawnSync(process.execPath, [join(CHECKOUT, "src/cli/main.ts"), "watch", "--no-audit"], {
          cwd: folder,
          encoding: "utf8",
          env: { ...process.env, SAKER_PROBE: value },
        });
      for (const value of [
        "{}",
        "null",
        "nonsense",
        '{"pid":1,"variant":"tp_btf","object":{"maps":[{"fd":0}],"links":[1]}}',
      ]) {
        const { status: code, stderr } = status(value);
        assert.equal(code, 2, value);
        assert.match(
          stderr,
          /Cannot take over a probe: SAKER_PROBE is not what this very process has set/,
        );
      }
    });

    test("CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE are enough", async (t) => {
      writeFileSync(join(folder, "rules/rules.yaml"), RULES.replace("MARK", "third"));
      const numbers = (["CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"] as const).map(
        (name) => `+cap_${CAPABILITIES[name]}`,
      );
      const through = [
        "setpriv",
        "--inh-caps",
        "-all",
        "--bounding-set",
        ["-all", ...numbers].join(","),
      ];
      if (spawnSync(through[0]!, [...through.slice(1), "true"]).status !== 0)
        return t.skip("needs setpriv (Debian: util-linux), and the right to give capabilities up");
      await watching(
        ["--no-audit"],
        async (watch) => {
          await told(watch, "third");
          assert.deepEqual(ofThreads(watch), [named("CAP_SYS_PTRACE")]);
        },
        through,
      );
    });
  },
);

function named(...names: readonly Capability[]): bigint {
  return capabilitySet(names);
}

/** The different sets that the threads of a process may make use of. */
function ofThreads({ child }: RunningSaker): readonly bigint[] {
  const sets = readdirSync(`/proc/${child.pid}/task`).map(
    (tid) =>
      /^CapPrm:\s*(\w+)/m.exec(readFileSync(`/proc/${child.pid}/task/${tid}/status`, "utf8"))?.[1],
  );
  return [...new Set(sets)].map((set) => BigInt(`0x${set}`));
}
