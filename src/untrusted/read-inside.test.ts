import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { rootedMissing, startInRoot } from "../../test/fixtures/rooted-process.ts";
import { fuseMissing, mountSilentFileSystem } from "../../test/fixtures/silent-file-system.ts";
import { ProcessRoot, type ReadInsideOptions } from "./read-inside.ts";

const NAMES = "inside:x:7:7::/:/bin/sh\n";
const CAN_READ = { maxBytes: 1000 };

/** What is read of /etc/passwd in a process that has put something there. */
async function readPasswd(
  fill: (root: string) => void,
  mounts?: (root: string) => readonly string[],
  options: Partial<ReadInsideOptions> = {},
): Promise<string> {
  const rooted = await startInRoot(fill, mounts);
  const root = new ProcessRoot(rooted.process);
  try {
    const read = root.read("/etc/passwd", { ...CAN_READ, ...options });
    return typeof read === "string" ? read : read.text;
  } finally {
    root.close();
    await rooted.stop();
  }
}

const passwd = (root: string): string => join(root, "etc/passwd");

describe("ProcessRoot.read()", { skip: rootedMissing() ?? false }, () => {
  for (const hasOpenat2 of [true, false]) {
    const kernel = hasOpenat2 ? "" : " without openat2";
    const cases: Readonly<Record<string, readonly [(root: string) => void, string]>> = {
      "gives a file": [(root) => writeFileSync(passwd(root), NAMES), NAMES],
      "leaves a pipe": [(root) => execFileSync("/usr/bin/mkfifo", [passwd(root)]), "kind"],
      "leaves a device": [
        (root) => execFileSync("/usr/bin/mknod", [passwd(root), "c", "1", "5"]),
        "kind",
      ],
      "leaves a folder": [(root) => mkdirSync(passwd(root)), "kind"],
      "leaves a huge file": [
        (root) => {
          writeFileSync(passwd(root), NAMES);
          truncateSync(passwd(root), 2 ** 40);
        },
        "size",
      ],
      "says that there is none": [() => {}, "absent"],
      "says that there is no folder": [
        (root) => {
          rmSync(join(root, "etc"), { recursive: true });
          writeFileSync(join(root, "etc"), "");
        },
        "absent",
      ],
      "leaves a link around in a circle": [
        (root) => symlinkSync("passwd", passwd(root)),
        "elsewhere",
      ],
    };
    for (const [what, [fill, expected]] of Object.entries(cases))
      test(`${what}${kernel}`, async () => {
        assert.equal(await readPasswd(fill, undefined, { hasOpenat2 }), expected);
      });

    test(`gives a file that is mounted there by itself${kernel}`, async () => {
      const fill = (root: string): void => {
        writeFileSync(passwd(root), "");
        writeFileSync(join(root, "names"), NAMES);
      };
      const mounts = (root: string) => [`mount --bind ${root}/names ${passwd(root)}`];
      assert.equal(await readPasswd(fill, mounts, { hasOpenat2 }), NAMES);
    });

    test(`opens nothing of the kernel's that is mounted there${kernel}`, async () => {
      const fill = (root: string): void => writeFileSync(passwd(root), "");
      const mounts = (root: string) => [
        `mount -t proc proc ${root}/proc`,
        `mount --bind ${root}/proc/kmsg ${passwd(root)}`,
      ];
      assert.equal(await readPasswd(fill, mounts, { hasOpenat2 }), "fileSystem");
    });
  }

  test("follows links as the process does: an absolute one stays within its root", async () => {
    const fill = (root: string): void => {
      writeFileSync(join(root, "names"), NAMES);
      symlinkSync("/../../names", passwd(root));
    };
    assert.equal(await readPasswd(fill), NAMES);
    assert.equal(await readPasswd(fill, undefined, { hasOpenat2: false }), "elsewhere");
  });

  test("follows no link to the host's file of that name, nor to another mount", async (t) => {
    const outside = mkdtempSync(join(tmpdir(), "saker-outside-"));
    t.after(() => rmSync(outside, { recursive: true }));
    execFileSync("/usr/bin/mkfifo", [join(outside, "pipe")]);
    const toHost = (root: string): void => symlinkSync(join(outside, "pipe"), passwd(root));
    assert.equal(await readPasswd(toHost), "absent");
    const toProc = (root: string): void => symlinkSync("/proc/kmsg", passwd(root));
    const mounts = (root: string) => [`mount -t proc proc ${root}/proc`];
    assert.equal(await readPasswd(toProc, mounts), "elsewhere");
    const toSelf = (root: string): void =>
      symlinkSync("/proc/self/root/etc/hostname", passwd(root));
    assert.equal(await readPasswd(toSelf, mounts), "elsewhere");
  });

  test("is unchanged as long as nobody writes or replaces the file", async () => {
    const rooted = await startInRoot((root) => writeFileSync(passwd(root), NAMES));
    const root = new ProcessRoot(rooted.process);
    try {
      const first = root.read("/etc/passwd", CAN_READ);
      assert.ok(typeof first === "object");
      const again = { ...CAN_READ, knownStamp: first.stamp };
      assert.equal(root.read("/etc/passwd", again), "unchanged");
      writeFileSync(`${passwd(rooted.root)}+`, NAMES);
      renameSync(`${passwd(rooted.root)}+`, passwd(rooted.root));
      assert.equal(typeof root.read("/etc/passwd", again), "object");
    } finally {
      root.close();
      await rooted.stop();
    }
  });

  test("asks no user's file system: one that does not answer holds nobody", async (t) => {
    const skip = fuseMissing();
    if (skip !== undefined) return t.skip(skip);
    const files = mkdtempSync(join(tmpdir(), "saker-files-"));
    writeFileSync(join(files, "passwd"), NAMES);
    const silent = await mountSilentFileSystem([join(files, "passwd")]);
    t.after(async () => {
      await silent.release();
      rmSync(files, { recursive: true });
    });
    silent.fallSilent();
    const bind = (target: string) => (root: string) => [
      `mount --bind ${silent.point} ${root}${target}`,
    ];
    assert.equal(await readPasswd(() => {}, bind("/etc")), "fileSystem");
    const link = (root: string): void => {
      mkdirSync(join(root, "fuse"));
      symlinkSync("/fuse/passwd", passwd(root));
    };
    assert.equal(await readPasswd(link, bind("/fuse")), "elsewhere");
    return undefined;
  });
});

test("ProcessRoot throws where there is no such process", () => {
  assert.throws(() => new ProcessRoot("/proc/2147483"), { code: "ENOENT" });
});
