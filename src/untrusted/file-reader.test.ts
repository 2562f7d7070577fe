import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { rootedMissing, startInRoot } from "../../test/fixtures/rooted-process.ts";
import { until } from "../../test/fixtures/until.ts";
import {
  fuseMissing,
  mountSilentFileSystem,
  type SilentFileSystem,
} from "../../test/fixtures/silent-file-system.ts";
import { FileReader } from "./file-reader.ts";
import type { AccountsAnswer } from "./requests.ts";

const NAMES = "inside:x:7:7::/:/bin/sh\n";

/** A reader, and what it says. */
function readerFor(t: TestContext, deadlineMs?: number) {
  const problems: string[] = [];
  const onProblem = (text: string): void => void problems.push(text);
  const reader = new FileReader({ onProblem, ...(deadlineMs === undefined ? {} : { deadlineMs }) });
  t.after(() => reader.close());
  const accountsOf = (pid: number): Promise<AccountsAnswer | undefined> =>
    reader.ask(
      "accounts",
      { process: `/proc/${pid}`, cgroupPart: "", hostProcesses: ["/proc/self"] },
      `the users of ${pid}`,
    );
  return { reader, problems, accountsOf };
}

/** Passwd and group, or what else was answered. */
function texts(answer: AccountsAnswer | undefined): unknown {
  if (typeof answer !== "object") return answer;
  return [answer.passwd, answer.group].map((file) => (typeof file === "object" ? file.text : file));
}

// A test's own event loop may have nothing else to do: the reader's thread keeps nobody.
const awake = setInterval(() => {}, 1000);
after(() => clearInterval(awake));

test("FileReader.close() answers what is asked with nothing, and calls none of it refused", async (t) => {
  const { reader } = readerFor(t);
  const ask = () => reader.ask("stats", ["/proc/self/exe"], "executables");
  const asked = [ask(), ask()];
  reader.close();
  assert.deepEqual(await Promise.all([...asked, ask()]), [undefined, undefined, undefined]);
  assert.deepEqual(reader.stats(), { hung: 0, refused: 0, hungThreads: 0 });
});

describe("FileReader.ask()", { skip: rootedMissing() ?? false }, () => {
  test("gives the accounts in a process's root, and `host` for who is in the host's", async (t) => {
    const { accountsOf, reader } = readerFor(t);
    const rooted = await startInRoot((root) => writeFileSync(join(root, "etc/passwd"), NAMES));
    t.after(rooted.stop);
    assert.deepEqual(texts(await accountsOf(rooted.pid)), [NAMES, "absent"]);
    assert.equal(await accountsOf(process.pid), "host");
    assert.equal(await accountsOf(2147483), "gone");
    const elsewhere = {
      process: rooted.process,
      cgroupPart: "no such",
      hostProcesses: ["/proc/self"],
    };
    assert.equal(await reader.ask("accounts", elsewhere, "x"), "gone");
  });

  test("gives what the kernel keeps of executables, and nothing for who is gone", async (t) => {
    const { reader } = readerFor(t);
    const found = await reader.ask("stats", ["/proc/self/exe", "/proc/2147483/exe"], "executables");
    assert.deepEqual(
      found?.map((stat) => stat !== undefined),
      [true, false],
    );
  });

  describe("on a file system that does not answer", { skip: fuseMissing() ?? false }, () => {
    let silent: SilentFileSystem;
    const folder = mkdtempSync(join(tmpdir(), "saker-silent-"));
    before(async () => {
      writeFileSync(join(folder, "passwd"), NAMES);
      silent = await mountSilentFileSystem([join(folder, "passwd"), "/usr/bin/busybox"]);
    });
    after(async () => {
      await silent.release();
      rmSync(folder, { recursive: true });
    });

    /** A process with an overlay of it as /etc: of its own kind, an overlay stores files. */
    const startOver = () =>
      startInRoot(
        (root) => mkdirSync(join(root, "empty")),
        (root) => [
          `mount -t overlay -o lowerdir=${silent.point}:${root}/empty overlay ${root}/etc`,
        ],
      );

    test("gives a program's facts without asking it", async (t) => {
      const { reader } = readerFor(t);
      const child = spawn(join(silent.point, "busybox"), ["sleep", "600"], { stdio: "ignore" });
      await once(child, "spawn");
      t.after(() => child.kill("SIGKILL"));
      silent.fallSilent();
      const found = await reader.ask("stats", [`/proc/${child.pid}/exe`], "executables");
      assert.equal(found?.[0]?.modifiedNs, 1_600_000_000_000_000_000n);
    });

    test("leaves the thread behind and answers others, until too many hang", async (t) => {
      silent.speak();
      const held = await Promise.all([startOver(), startOver(), startOver(), startOver()]);
      for (const { stop } of held) t.after(stop);
      const well = await startInRoot((root) => writeFileSync(join(root, "etc/passwd"), NAMES));
      t.after(well.stop);
      silent.fallSilent();
      const { accountsOf, problems, reader } = readerFor(t, 300);
      for (const [index, { pid }] of held.slice(0, 3).entries()) {
        const [first, second] = await Promise.all([accountsOf(pid), accountsOf(well.pid)]);
        assert.equal(first, undefined);
        assert.deepEqual(texts(second), [NAMES, "absent"]);
        assert.equal(await accountsOf(pid), undefined, "nobody hangs twice");
        assert.equal(problems.length, index + 1);
      }
      assert.match(
        problems[0] ?? "",
        /^Cannot read the users of \d+: no answer for 0\.3 s\. Another/,
      );
      const [last, other] = await Promise.all([
        accountsOf(held[3]?.pid ?? 0),
        accountsOf(well.pid),
      ]);
      assert.deepEqual([last, other], [undefined, undefined]);
      assert.match(problems[3] ?? "", /no further files of containers are read/);
      assert.deepEqual(reader.stats(), { hung: 4, refused: 4, hungThreads: 4 });
      // As soon as it speaks again the threads come back.
      await silent.release();
      await until("the threads to come back", () => reader.stats().hungThreads === 0);
      assert.deepEqual(texts(await accountsOf(well.pid)), [NAMES, "absent"]);
      assert.equal(problems.at(-1), "Files of containers are read again");
    });
  });
});
