import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test, type TestContext } from "node:test";
import {
  rootedMissing,
  type RootedProcess,
  startInRoot,
} from "../../test/fixtures/rooted-process.ts";
import { container } from "../../test/fixtures/scenes.ts";
import { until } from "../../test/fixtures/until.ts";
import type { Container } from "../containers/container.ts";
import type { Accounts } from "../state/scene.ts";
import { FileReader } from "../untrusted/file-reader.ts";
import { AccountsReader } from "./accounts-reader.ts";

/** A container that any process may be in: the id stands in the path of every control group. */
const web = { ...container("web"), fullId: "/", metadata: undefined };

/** The same when its runtime has said which process is its first. */
function withFirst(pid: number): Container {
  const { metadata } = container("web");
  assert.ok(metadata !== undefined);
  return { ...web, metadata: { ...metadata, pid } };
}

function readerFor(t: TestContext) {
  const etc = mkdtempSync(join(tmpdir(), "saker-etc-"));
  const problems: string[] = [];
  const onProblem = (text: string): void => void problems.push(text);
  const files = new FileReader({ onProblem });
  t.after(() => {
    files.close();
    rmSync(etc, { recursive: true });
  });
  let at = 0;
  writeFileSync(join(etc, "passwd"), "one:x:7:7::/:/bin/sh\n");
  writeFileSync(join(etc, "group"), "ones:x:7:\n");
  // On a busy machine the other thread takes its time.
  const patienceMs = 60_000;
  const reader = new AccountsReader({ files, onProblem, etc, now: () => at, patienceMs });
  return { etc, reader, problems, pass: (ms: number): void => void (at += ms) };
}

async function rooted(t: TestContext, passwd: string): Promise<RootedProcess> {
  const started = await startInRoot((root) => {
    writeFileSync(join(root, "etc/passwd"), passwd);
    writeFileSync(join(root, "etc/group"), "group:x:7:\n");
  });
  t.after(started.stop);
  return started;
}

/** The name of user 7, as who can wait sees it. */
async function nameIn(accounts: Accounts, uid = 7): Promise<string | undefined> {
  await accounts.reading?.(uid, 7);
  return accounts.userName(uid);
}

const awake = setInterval(() => {}, 1000);
after(() => clearInterval(awake));

test("AccountsReader.of() gives the host's names at once, and others when they change", async (t) => {
  const { etc, reader, pass } = readerFor(t);
  const host = reader.of(undefined, 1);
  assert.deepEqual(
    [host.userName(7), host.groupName(7), host.reading?.(7, 7)],
    ["one", "ones", undefined],
  );
  writeFileSync(join(etc, "passwd"), "other:x:7:7::/:/bin/sh\nbroken\n");
  assert.equal(host.userName(7), "one");
  pass(60_000);
  host.reading?.(7, 7);
  await until("the change", () => host.userName(7) === "other");
});

test("AccountsReader.of() reads the host's files again for an id without a name, every few seconds", async (t) => {
  const { etc, reader, pass } = readerFor(t);
  const host = reader.of(undefined, 1);
  pass(5000);
  assert.equal(await nameIn(host, 8), undefined);
  writeFileSync(join(etc, "passwd"), "one:x:7:7::/:/bin/sh\neight:x:8:8::/:/bin/sh\n");
  assert.equal(host.reading?.(8, 7), undefined, "not again at once");
  pass(5000);
  assert.equal(await nameIn(host, 8), "eight");
});

test("AccountsReader asks ever more seldom in a container whose files nobody gives", async (t) => {
  const etc = mkdtempSync(join(tmpdir(), "saker-etc-"));
  t.after(() => rmSync(etc, { recursive: true }));
  let [at, asked] = [0, 0];
  const files = { isClosed: false, ask: () => ((asked += 1), Promise.resolve(undefined)) };
  const reader = new AccountsReader({ files, etc, onProblem: assert.fail, now: () => at });
  for (; at < 600_000; at += 100) {
    await nameIn(reader.of(web, 50));
    await nameIn(reader.of(withFirst(51), 50));
  }
  assert.ok(asked >= 4 && asked <= 8, `${asked} times in ten minutes`);
  assert.equal(reader.nameless, 1);
});

test("AccountsReader counts no container whose files are asked for as the watch ends", async (t) => {
  const files = new FileReader({ onProblem: assert.fail });
  const reader = new AccountsReader({ files, onProblem: assert.fail, now: () => 0 });
  t.after(() => files.close());
  const asked = nameIn(reader.of(web, 50));
  files.close();
  assert.equal(await asked, undefined);
  assert.equal(reader.nameless, 0);
});

describe("AccountsReader.of() a container", { skip: rootedMissing() ?? false }, () => {
  test("gives its own names as soon as they are read, and root's until then", async (t) => {
    const { reader } = readerFor(t);
    const inside = await rooted(t, "inside:x:7:7::/home:/bin/sh\n");
    const accounts = reader.of(web, inside.pid);
    assert.deepEqual([accounts.userName(7), accounts.userName(0)], [undefined, "root"]);
    assert.equal(await nameIn(accounts), "inside");
    assert.deepEqual(
      [accounts.userHome(7), accounts.userShell(7), accounts.groupName(7)],
      ["/home", "/bin/sh", "group"],
    );
    assert.equal(reader.of(undefined, inside.pid).userName(7), "one");
    assert.equal(reader.of(web, inside.pid), accounts);
  });

  test("keeps nothing of a process that is in the host's root, as a runtime's is", async (t) => {
    const { reader } = readerFor(t);
    assert.equal(await nameIn(reader.of(web, process.pid)), "one");
    const inside = await rooted(t, "inside:x:7:7::/home:/bin/sh\n");
    assert.equal(await nameIn(reader.of(web, inside.pid)), "inside");
    assert.equal(await nameIn(reader.of(web, process.pid)), "inside");
  });

  test("gives who acted meanwhile the container's names, not the runtime's", async (t) => {
    const { reader } = readerFor(t);
    const inside = await rooted(t, "inside:x:7:7::/home:/bin/sh\n");
    const early = nameIn(reader.of(web, process.pid));
    const late = nameIn(reader.of(web, inside.pid));
    assert.deepEqual(await Promise.all([early, late]), ["inside", "inside"]);
  });

  test("keeps nothing of a process that has ended, and asks the next one", async (t) => {
    const { reader, problems } = readerFor(t);
    const failed = { ...web, state: "failed" } as const;
    assert.equal(await nameIn(reader.of(failed, 2147483)), undefined);
    const inside = await rooted(t, "inside:x:7:7::/home:/bin/sh\n");
    assert.equal(await nameIn(reader.of(failed, inside.pid)), "inside");
    assert.deepEqual(problems, []);
  });

  test("waits for who is known to be there when the first to act has ended", async (t) => {
    const { reader } = readerFor(t);
    const inside = await rooted(t, "inside:x:7:7::/home:/bin/sh\n");
    const early = nameIn(reader.of(web, 2147483));
    reader.of(withFirst(inside.pid), 2147483);
    assert.equal(await early, "inside");
  });

  test("asks the container's first process, whatever root others have made themselves", async (t) => {
    const { reader } = readerFor(t);
    const [first, other] = [
      await rooted(t, "inside:x:7:7::/:/bin/sh\n"),
      await rooted(t, "root:x:7:7::/:/bin/sh\n"),
    ];
    assert.equal(await nameIn(reader.of(web, other.pid)), "root");
    const accounts = reader.of(withFirst(first.pid), other.pid);
    await until("the first process's names", () => accounts.userName(7) === "inside");
  });

  test("reads again for an id without a name, every few seconds", async (t) => {
    const { reader, pass } = readerFor(t);
    const inside = await rooted(t, "inside:x:7:7::/:/bin/sh\n");
    const accounts = reader.of(web, inside.pid);
    assert.equal(await nameIn(accounts, 8), undefined);
    writeFileSync(
      join(inside.root, "etc/passwd"),
      "inside:x:7:7::/:/bin/sh\nnew:x:8:8::/:/bin/sh\n",
    );
    assert.equal(accounts.reading?.(8, 7), undefined, "not again at once");
    pass(5000);
    assert.equal(await nameIn(accounts, 8), "new");
  });

  test("says once what it does not read", async (t) => {
    const { reader, problems, pass } = readerFor(t);
    const inside = await rooted(t, "");
    rmSync(join(inside.root, "etc/passwd"));
    execFileSync("/usr/bin/mkfifo", [join(inside.root, "etc/passwd")]);
    for (let turn = 0; turn < 3; turn += 1) {
      assert.equal(await nameIn(reader.of(web, inside.pid)), undefined);
      pass(5000);
    }
    assert.deepEqual(problems, [
      "Users of container cccccccccccc have no names: its /etc/passwd is no regular file",
    ]);
    assert.deepEqual([reader.nameless, reader.of(web, inside.pid).groupName(7)], [1, "group"]);
  });
});
