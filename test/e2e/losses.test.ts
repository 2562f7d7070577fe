import assert from "node:assert/strict";
import {
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

test(
  "saker watch tells of lost events, in its log, as Falco's own alert, and at the end by CPU",
  { skip: whyNoBpf() ?? false },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "saker-losses-"));
    // Every open is asked for, and the ring is the smallest that the configuration knows.
    writeFileSync(
      join(folder, "rules.yaml"),
      "- rule: Marked file\n  desc: d\n  condition: evt.type = openat and fd.name endswith marked\n  output: x\n  priority: NOTICE\n",
    );
    writeFileSync(join(folder, "saker.yaml"), "engine:\n  modern_ebpf:\n    buf_size_preset: 1\n");
    const watch = startSaker(
      [
        "watch",
        "--config",
        join(folder, "saker.yaml"),
        "--rules",
        join(folder, "rules.yaml"),
        "--report",
        join(folder, "report"),
        "--no-audit",
      ],
      { cwd: folder },
    );
    try {
      await until("the watch to begin", () => watch.err().includes("watching"), {
        seen: () => watch.err(),
      });
      watch.child.kill("SIGSTOP");
      for (let index = 0; index < 20_000; index += 1) closeSync(openSync("/dev/null", "r"));
      watch.child.kill("SIGCONT");
      await until("the loss to be told", () => /\d+ of \d+ events were lost/.test(watch.err()), {
        seen: () => watch.err(),
      });
      const main = join(folder, "report", "falco_report.txt");
      const alert = await until(
        "the alert",
        () =>
          existsSync(main) &&
          readFileSync(main, "utf8").includes("Falco internal: syscall event drop"),
        { seen: () => watch.err() },
      );
      assert.ok(alert);
    } finally {
      await watch.stop();
      rmSync(folder, { recursive: true, force: true });
    }
    assert.match(
      watch.err(),
      /dropped: CPU \d+: \d+.*events (of who flooded|found the ring full).*\(host: \d+[,)]/,
    );
  },
);
