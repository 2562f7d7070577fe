import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  makeNamespace,
  namespacesMissing,
  type TestNamespace,
} from "../../test/fixtures/network-namespace.ts";
import { container } from "../../test/fixtures/scenes.ts";
import { opensslMissing, TlsServers } from "../../test/fixtures/tls-servers.ts";
import { until } from "../../test/fixtures/until.ts";
import type { AuditReport } from "../audit/report.ts";
import { ReportFolder } from "../outputs/report-folder.ts";
import { openNamespace } from "../ports/network-namespace.ts";
import { OwnConnections } from "../ports/own-connections.ts";
import type { PortPlace } from "../ports/port-inventory.ts";
import { PortExaminer, type PortExaminerOptions } from "./port-examiner.ts";

const skip = namespacesMissing() ?? opensslMissing() ?? false;

describe("PortExaminer", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-examiner-"));
  const servers = new TlsServers();
  let inside: TestNamespace;
  before(() => {
    inside = makeNamespace();
  });
  after(async () => {
    await inside.remove();
    servers.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function examinerWith(t: TestContext, options: Partial<PortExaminerOptions> = {}) {
    const path = mkdtempSync(join(folder, "r-"));
    const [reports, stems, problems]: [AuditReport[], (string | undefined)[], string[]] = [
      [],
      [],
      [],
    ];
    const own = new OwnConnections(() => performance.now());
    const examiner = new PortExaminer({
      folder: new ReportFolder(path),
      own,
      isOpen: () => true,
      whenSettled: async (pending) => pending,
      onReport: (report, stem) => void (reports.push(report), stems.push(stem)),
      onProblem: (text) => void problems.push(text),
      looksAfterMs: [],
      ...options,
    });
    t.after(() => examiner.close());
    let opened = 0;
    let closed = 0;
    /** As the watch does: the namespace is the examiner's to close. */
    const examine = (port: number, place: Partial<PortPlace> = {}, web = container("web")): void =>
      examiner.examine({
        place: placeOf(port, place),
        container: web,
        namespace: () => {
          const namespace = openNamespace(inside.path);
          opened += 1;
          return {
            ...namespace,
            close: () => {
              closed += 1;
              namespace.close();
            },
          };
        },
      });
    const seen = (): string => JSON.stringify({ reports, problems });
    return {
      examiner,
      examine,
      reports,
      stems,
      problems,
      path,
      own,
      seen,
      held: () => opened - closed,
    };
  }

  const placeOf = (port: number, place: Partial<PortPlace> = {}): PortPlace => ({
    namespace: openInode(inside.path),
    address: "127.0.0.1",
    port,
    container: "c".repeat(64),
    process: { pid: 5, comm: "web", exepath: "/bin/web", args: [] },
    ...place,
  });

  /** A server inside that does `script` with each connection; resolves to its port. */
  async function serve(script: string, host = "127.0.0.1"): Promise<number> {
    const { line } = await inside.run(
      `const server = require("net").createServer((socket) => { socket.on("error", () => {}); ${script} });
       server.listen(0, ${JSON.stringify(host)}, () => console.log(server.address().port));`,
    );
    return Number(line);
  }

  test("examines TLS and what is none, and writes both reports", async (t) => {
    const { key, certificate } = servers.keyPair("rsa:2048");
    const keys = `key: fs.readFileSync(${JSON.stringify(key)}), cert: fs.readFileSync(${JSON.stringify(certificate)})`;
    const { line } = await inside.run(
      `const fs = require("fs"); const server = require("tls").createServer({ ${keys}, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" }, (socket) => socket.on("error", () => {}));
       server.on("tlsClientError", () => {}).listen(0, "127.0.0.1", () => console.log(server.address().port));`,
    );
    const secret = Number(line);
    const plain = await serve('socket.end("SSH-2.0-test\\r\\n")');
    const { examiner, examine, reports, stems, problems, path, own, held } = examinerWith(t);
    examine(secret);
    examine(plain);
    await examiner.idle();
    assert.deepEqual(problems, []);
    assert.equal(held(), 0);
    assert.deepEqual([examiner.examined, examiner.dropped], [2, 0]);
    const byPort = new Map(reports.map((report) => [report.port, report]));
    const [withTls, without] = [byPort.get(secret), byPort.get(plain)];
    assert.deepEqual([withTls?.tls, without?.tls, without?.speaks], [true, false, "ssh"]);
    assert.deepEqual(Object.keys(withTls?.protocols ?? {}), ["TLSv1.2"]);
    assert.deepEqual(withTls?.listener, { address: "127.0.0.1", exepath: "/bin/web" });
    assert.equal(withTls?.container, "web");
    const files = [secret, plain].flatMap((port) => [`web_${port}.json`, `web_${port}.txt`]);
    assert.deepEqual(readdirSync(join(path, "tls")).toSorted(), files.toSorted());
    for (const stem of stems) assert.ok(existsSync(`${stem}.json`), stem);
    const namespace = openInode(inside.path);
    const asked = { namespace, ownAddress: "127.0.0.1", peerPort: secret };
    const anyOwn = Array.from({ length: 65_536 }, (_, ownPort) => own.has({ ...asked, ownPort }));
    assert.ok(anyOwn.includes(true), "its connections are known as its own");
  });

  test("says that nothing listens any more, and connects nowhere", async (t) => {
    const { examiner, examine, reports, held } = examinerWith(t);
    examine(1);
    await examiner.idle();
    const [report] = reports;
    assert.deepEqual(report?.errors, [
      { probe: "target", code: "refused", error: "nothing listens there any more" },
    ]);
    assert.deepEqual([report?.tls, report?.connections, held()], [undefined, 0, 0]);
  });

  test("connects to no address that is not the namespace's own", async (t) => {
    // As a socket with IP_FREEBIND (or a proxy with net.ipv4.ip_nonlocal_bind) has it.
    const { line } = await inside.run(
      `const fs = require("fs"); fs.writeFileSync("/proc/sys/net/ipv4/ip_nonlocal_bind", "1");
       const server = require("net").createServer(() => {}); server.listen(0, "192.0.2.7", () => console.log(server.address().port));`,
    );
    const { examiner, examine, reports } = examinerWith(t);
    examine(Number(line), { address: "192.0.2.7" });
    await examiner.idle();
    const [report] = reports;
    assert.deepEqual(report?.errors, [
      {
        probe: "target",
        code: "unreachable",
        error: "192.0.2.7 is no address of its network namespace: nothing was connected to",
      },
    ]);
    assert.deepEqual([report?.tls, report?.connections], [undefined, 0]);
  });

  test("makes a report of a port whose namespace is gone", async (t) => {
    const { examiner, reports, stems } = examinerWith(t);
    examiner.examine({
      place: placeOf(80),
      container: undefined,
      namespace: () => openNamespace(join(folder, "gone")),
    });
    await examiner.idle();
    assert.match(reports[0]?.errors[0]?.error ?? "", /namespace/i);
    assert.equal(reports[0]?.target, "host:80");
    assert.ok(existsSync(`${stems[0]}.json`));
  });

  test("looks again at a port that was silent, and reports the change", async (t) => {
    const sign = join(folder, "speak");
    const port = await serve(
      `if (require("fs").existsSync(${JSON.stringify(sign)})) socket.end("SSH-2.0-late\\r\\n")`,
    );
    const { examiner, examine, reports, seen, path } = examinerWith(t, {
      looksAfterMs: [10, 10, 10, 10, 10, 10],
    });
    examine(port);
    await until("the first report", () => reports.length > 0, { seen });
    assert.notEqual(reports[0]?.speaks, "ssh");
    writeFileSync(sign, "");
    await until("another look", () => reports.some(({ speaks }) => speaks === "ssh"), { seen });
    await examiner.idle();
    // What an earlier look came to is replaced, and an unchanged verdict is no news.
    assert.equal(reports.length, 2);
    assert.deepEqual(readdirSync(join(path, "tls")).toSorted(), [
      `web_${port}.json`,
      `web_${port}.txt`,
    ]);
    const written = readFileSync(join(path, "tls", `web_${port}.json`), "utf8");
    assert.equal(JSON.parse(written).speaks, "ssh");
  });

  test("does not look again at a port that has closed, and lets its namespace go", async (t) => {
    const port = await serve("");
    let isOpen = true;
    const { examine, examiner, reports, seen, held } = examinerWith(t, {
      isOpen: () => isOpen,
      looksAfterMs: [1000],
    });
    examine(port);
    await until("the first report", () => reports.length > 0, { seen });
    isOpen = false;
    await until("the namespace's end", () => held() === 0);
    assert.equal(examiner.examined, 1);
  });

  test("reports what cannot be written as a problem, and the verdict all the same", async (t) => {
    const file = join(folder, "no-folder");
    writeFileSync(file, "");
    const { examiner, examine, reports, stems, problems } = examinerWith(t, {
      folder: new ReportFolder(file),
    });
    examine(1);
    await examiner.idle();
    assert.equal(reports.length, 1);
    assert.deepEqual(stems, [undefined]);
    assert.match(problems.join("\n"), /^Cannot write the report of web:1: /);
  });

  test("refuses ports of one container beyond its share, counts them, and serves others", async (t) => {
    let settle = (): void => {};
    const settled = new Promise<void>((resolve) => (settle = resolve));
    const { examiner, examine, problems, held } = examinerWith(t, {
      whenSettled: (pending) => settled.then(() => pending),
    });
    const pending = { ...container("web"), state: "pending" as const, metadata: undefined };
    for (let port = 1; port <= 520; port += 1) examine(port, {}, pending);
    // Four run, 512 wait.
    assert.equal(examiner.dropped, 4);
    assert.deepEqual(
      problems.map((text) => /\((\d+) ports so far\)/.exec(text)?.[1]),
      ["1", "2", "4"],
    );
    assert.equal(held(), 516);
    examine(1, { container: "d".repeat(64) });
    assert.equal(examiner.dropped, 4);
    settle();
    await examiner.idle();
    assert.deepEqual([examiner.examined, held()], [517, 0]);
  });

  test("events are read between reports that need no connection", async (t) => {
    const { examiner, examine } = examinerWith(t);
    for (let port = 1; port <= 40; port += 1) examine(port);
    examiner.examine({
      place: placeOf(1),
      container: container("web"),
      namespace: () => {
        throw new Error("gone");
      },
    });
    let most = 0;
    let before = 0;
    while (examiner.examined < 41) {
      await turn();
      most = Math.max(most, examiner.examined - before);
      before = examiner.examined;
    }
    assert.ok(most <= 4, `${most} in one turn`);
  });

  test("close() drops what waits or runs, counts it, and lets every namespace go", async (t) => {
    const port = await serve("");
    const { examiner, examine, reports, held } = examinerWith(t);
    for (let index = 0; index < 10; index += 1) examine(port);
    examiner.close();
    await until("the namespaces' end", () => held() === 0);
    assert.deepEqual([reports, examiner.examined, examiner.dropped], [[], 0, 10]);
    examine(port);
    assert.deepEqual([examiner.dropped, held()], [11, 0]);
  });
});

function openInode(path: string): number {
  const namespace = openNamespace(path);
  namespace.close();
  return namespace.inode;
}
