import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { saker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const env = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

/** An alert as a running Falco writes it. */
function falcoLine(message: string): string {
  const time = new Date().toISOString();
  const output = `${time.slice(11, -1)}: Warning ${message}`;
  return `${JSON.stringify({ hostname: "h", output, output_fields: {}, priority: "Warning", rule: "R", source: "syscall", tags: ["open_port"], time })}\n`;
}

describe("saker whose reader goes away", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-reader-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const start = async (name: string, ...args: readonly string[]) => {
    const [file, report] = [join(folder, `${name}.json`), join(folder, name)];
    writeFileSync(file, "");
    const words = args.map((arg) => arg.replace("FILE", file));
    const running = startSaker([...words, "--report", report], { env, cwd: folder });
    await until("the watch", () => /watching Falco/.test(running.err()), { seen: running.err });
    const log = join(report, "falco_report.txt");
    const logged = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
    return { running, file, logged };
  };

  test("watch goes on when nobody reads standard output any more", async (t) => {
    const { running, file, logged } = await start("alerts", "watch", "--source", "falco:FILE");
    t.after(() => running.stop());
    appendFileSync(file, falcoLine("first"));
    await until("the first alert", () => running.out().includes("first"), { seen: logged });
    running.child.stdout?.destroy();
    for (let index = 0; index < 50; index += 1) appendFileSync(file, falcoLine(`later ${index}`));
    await until("the last alert", () => logged().includes("later 49"), { seen: logged });
    await until("word of it", () => running.err().includes("its reader went away"), {
      seen: running.err,
    });
    assert.equal((await running.stop()).code, 0);
    const said = running.err().match(/Writing to standard output ends: .+; the watch goes on/g);
    assert.equal(said?.length, 1, running.err());
    assert.match(running.err(), /51 alerts/);
    assert.match(running.err(), /alerts that did not reach stdout_output at standard output: \d+/);
  });

  test("watch goes on when nobody reads standard error either", async (t) => {
    const { running, file, logged } = await start("both", "watch", "--source", "falco:FILE");
    t.after(() => running.stop());
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    for (let index = 0; index < 50; index += 1)
      appendFileSync(file, `no alert\n${falcoLine(`later ${index}`)}`);
    await until("the last alert", () => logged().includes("later 49"), { seen: logged });
    assert.equal((await running.stop()).code, 0);
  });

  test("observe goes on, and says so", async (t) => {
    const { running, file } = await start("observed", "observe", "FILE");
    t.after(() => running.stop());
    running.child.stdout?.destroy();
    appendFileSync(file, falcoLine("one"));
    await until("word of it", () => running.err().includes("its reader went away"), {
      seen: running.err,
    });
    appendFileSync(file, falcoLine("two"));
    const problems = () => running.err().match(/Cannot examine/g) ?? [];
    await until("the second", () => problems().length === 2, { seen: running.err });
    assert.equal((await running.stop()).code, 0);
    assert.match(running.err(), /2 alerts/);
    assert.equal(running.err().match(/went away/g)?.length, 1);
  });

  test("a command that only prints ends quietly", async () => {
    const shell = '("$@"; echo "ended $?" >&2) | head -n 1';
    const { out, err } = await saker(["fields"], { through: ["sh", "-c", shell, "sh"] });
    assert.deepEqual([out.split("\n").length, err], [2, "ended 0\n"]);
  });
});
