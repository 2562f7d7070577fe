import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { OPEN_FLAGS } from "../events/flag-names.ts";
import { ANY_CALL, CALL_KIND, type CallClause, callFilterOf } from "../events/call-filter.ts";
import { until } from "../../test/fixtures/until.ts";
import { fanotifyMissing } from "../../test/fixtures/fanotify.ts";
import { messageOf } from "../lib/errors.ts";
import { type FileOpen, FileWatch } from "./file-watch.ts";
import { ProcReader } from "./proc-snapshot.ts";

const run = promisify(execFile);
const { O_RDONLY: READ, O_WRONLY: WRITE, O_RDWR: BOTH, O_APPEND, O_DIRECTORY } = OPEN_FLAGS;

/** Goes on once the watch has told of what came before: a process that is there can be asked. */
const HOLD = "while [ ! -e seen ]; do sleep 0.02; done";

describe("FileWatch", { skip: fanotifyMissing() ?? false }, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "saker-files-")));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const inFolder: CallClause = { ...ANY_CALL, kinds: CALL_KIND.file, prefixes: [folder] };
  writeFileSync(join(folder, "old"), "");

  function watchFiles(clauses: readonly CallClause[]) {
    const proc = new ProcReader();
    const opens: (FileOpen & { readonly exepath: string })[] = [];
    const watch = new FileWatch({
      ownPid: process.pid,
      processOf: (pid) => proc.read(pid),
      onOpen: ({ exepath }, open) => {
        // Whoever else opens hidden files, which pass every filter.
        if (open.path.startsWith(folder)) opens.push({ ...open, exepath });
      },
      onProblem: () => {},
    });
    watch.ask({ filter: callFilterOf(clauses) });
    return { watch, opens };
  }

  const seen = join(folder, "seen");

  /** Runs a shell's commands in the folder; `HOLD` among them goes on once an open was told. */
  async function shell(script: string, opens: readonly FileOpen[]): Promise<void> {
    rmSync(seen, { force: true });
    const running = run("/bin/sh", ["-c", script], { cwd: folder });
    if (script.includes(HOLD)) {
      await until("an open", () => opens.length > 0);
      writeFileSync(seen, "");
    }
    await running;
  }

  /** What a shell's commands in the folder lead to: name, flags, descriptor. */
  async function seenOf(script: string, clauses: readonly CallClause[] = [inFolder]) {
    const { watch, opens } = watchFiles(clauses);
    try {
      await shell(script, opens);
      await sleep(60);
      return {
        opens: opens.map(
          ({ path, flags, number }) => `${path.replace(`${folder}/`, "")} ${flags} ${number}`,
        ),
        counts: watch.counts(),
      };
    } finally {
      watch.close();
    }
  }

  // What follows keeps the shell from becoming its last command.
  for (const [script, expected] of [
    [`exec 3<old; ${HOLD}; true`, [`old ${READ} 3`]],
    [`exec 0<old; ${HOLD}; true`, [`old ${READ} 0`]],
    [`exec 1>new; ${HOLD}; true`, [`new ${WRITE} 1`]],
    [`exec 3>>held; ${HOLD}; echo x >&3`, [`held ${WRITE | O_APPEND} 3`]],
    [`exec 3<>both; ${HOLD}; true`, [`both ${BOTH} 3`]],
    [`exec 3<gone; rm gone; ${HOLD}; true`, [`gone ${READ} 3`]],
  ] as const) {
    test(`tells of: ${script}`, async () => {
      writeFileSync(join(folder, "gone"), "");
      const { opens, counts } = await seenOf(script);
      // Whether the descriptor is seen before its end is a matter of time.
      assert.deepEqual(
        opens.map((line) => line.replace(/(new|old) (\d+) \d+/, "$1 $2")),
        expected.map((line) => line.replace(/(new|old) (\d+) \d+/, "$1 $2")),
      );
      assert.ok(counts.sent >= 1);
    });
  }

  test("tells device and inode, and the process", async () => {
    const { watch, opens } = watchFiles([inFolder]);
    await shell(`exec 3<old; stat -c '%d %i' old > stat; ${HOLD}; true`, opens);
    watch.close();
    const open = opens.find(({ path }) => path.endsWith("/old"));
    assert.equal(
      `${open?.device} ${open?.inode}`,
      readFileSync(join(folder, "stat"), "utf8").trim(),
    );
    assert.equal(open?.exepath, realpathSync("/bin/sh"));
  });

  test("leaves what no rule can match, programs that start, directories, and our own opens", async () => {
    copyFileSync(realpathSync("/bin/true"), join(folder, "program"));
    const other = mkdtempSync(join(tmpdir(), "saker-other-"));
    const { opens, counts } = await seenOf(
      `echo >${other}/file; ./program; ls . >/dev/null; sleep 0.05; true`,
    );
    rmSync(other, { recursive: true });
    assert.deepEqual(opens, []);
    assert.ok(counts.filtered > 0);
    const { watch, opens: own } = watchFiles([inFolder]);
    writeFileSync(join(folder, "own"), readFileSync(join(folder, "old")));
    await sleep(50);
    watch.close();
    assert.deepEqual(own, []);
  });

  test("tells of directories where they are asked for", async () => {
    mkdirSync(join(folder, "directory"));
    const { opens } = await seenOf(`exec 3<directory; ${HOLD}; true`, [
      { ...inFolder, kinds: CALL_KIND.directory },
    ]);
    assert.deepEqual(opens, [`directory ${READ | O_DIRECTORY} 3`]);
  });

  test("where writes alone are asked for, reads are not even looked at", async () => {
    const { opens } = await seenOf(`cat old; echo >new; ${HOLD}; true`, [
      { ...inFolder, kinds: CALL_KIND.write },
    ]);
    assert.deepEqual(opens, [`new ${WRITE} 0`]);
  });

  test("asks for nothing where no open that succeeds is asked for", async () => {
    const { opens, counts } = await seenOf("cat old; echo >new", [
      { ...inFolder, kinds: CALL_KIND.failed },
    ]);
    assert.deepEqual([opens, counts.filtered], [[], 0]);
  });

  test("sees a file system that the host mounts later, and one that only another namespace has", async (t) => {
    const { watch, opens } = watchFiles([inFolder]);
    const script = (before: string): string =>
      `mkdir -p late && mount -t tmpfs none late && ${before}sleep 1 && echo >late/file; sleep 1; umount -l late`;
    try {
      await run("/bin/sh", ["-c", script("")], { cwd: folder });
      await until("the open on the mount", () => opens.length > 0);
      assert.deepEqual(
        opens.map(({ path }) => path),
        [join(folder, "late/file")],
      );
      const inside = run("/usr/bin/unshare", ["-m", "/bin/sh", "-c", script("touch mounted && ")], {
        cwd: folder,
      });
      while (!existsSync(join(folder, "mounted"))) await sleep(5);
      watch.programStarted({ pid: inside.child.pid ?? 0, cgroup: 1 });
      await inside;
      const onMounts = (): readonly string[] =>
        opens.flatMap(({ path }) => (path.endsWith("/mounted") ? [] : [path]));
      await until("the open on the other namespace's mount", () => onMounts().length > 1);
      assert.deepEqual(onMounts(), [join(folder, "late/file"), join(folder, "late/file")]);
    } catch (thrown) {
      if (/mount: .*permission denied|unshare failed/.test(messageOf(thrown)))
        return t.skip("needs CAP_SYS_ADMIN for mounts");
      throw thrown;
    } finally {
      watch.close();
    }
  });
});
