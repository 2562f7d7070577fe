import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test, type TestContext } from "node:test";
import { fakeRuntime } from "../../test/fixtures/fake-runtime.ts";
import { whyNoBpf } from "../../test/fixtures/live-bpf.ts";
import { until } from "../../test/fixtures/until.ts";
import { readCapture } from "../capture/scap-reader.ts";
import { CaptureFile } from "../capture/scap-writer.ts";
import { ContainerRegistry } from "../containers/container-registry.ts";
import { AppError } from "../lib/errors.ts";
import { Recorder, type RecorderOptions } from "./recorder.ts";

describe("Recorder", { skip: whyNoBpf() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-recorder-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  function recorderTo(t: TestContext, path: string, more: Partial<RecorderOptions> = {}) {
    const file = new CaptureFile(path);
    const [failures, fulls, problems]: [unknown[], number[], string[]] = [[], [], []];
    const onProblem = (text: string): void => void problems.push(text);
    const containers = new ContainerRegistry({ runtimes: [fakeRuntime("docker")], onProblem });
    const open = (): Recorder => {
      const recorder = new Recorder({
        file,
        containers,
        ringBytes: 16 << 20,
        maxBytes: 1 << 30,
        onFull: () => void fulls.push(file.bytes),
        onFailed: (thrown) => void failures.push(thrown),
        onProblem,
        ...more,
      });
      t.after(() => recorder.close());
      return recorder;
    };
    t.after(() => containers.stop());
    return { open, file, failures, fulls, problems };
  }

  /** What the capture at `path` holds: threads of its list, and programs that were started. */
  async function held(path: string) {
    const [threads, programs]: [number[], string[]] = [[], []];
    const end = await readCapture(path, {
      host: (entries) => threads.push(...entries.threads.map(({ tid }) => tid)),
      event: (event) => {
        if (event.type?.name === "execve") programs.push(event.texts(2).join(" "));
      },
    });
    return { threads, programs, end };
  }

  for (const isAll of [false, true]) {
    test(`records close ${isAll ? "where all is asked for" : "only where all is asked for"}`, async (t) => {
      const path = join(folder, `close-${isAll}.scap`);
      const { open } = recorderTo(t, path, { isAll });
      const recorder = open();
      recorder.start();
      await until("events", () => {
        spawnSync("true");
        return recorder.stats().events > 200;
      });
      recorder.close();
      let closes = 0;
      await readCapture(path, {
        host: () => undefined,
        event: (event) => (closes += event.type?.name === "close" ? 1 : 0),
      });
      assert.equal(closes > 0, isAll);
    });
  }

  test("writes what the host is, then its events, into a whole capture", async (t) => {
    const path = join(folder, "whole.scap");
    const { open, failures, file } = recorderTo(t, path);
    const recorder = open();
    assert.match(recorder.variant, /^(tp_btf|raw_tp|classic)$/);
    recorder.start();
    const [before, mark] = [recorder.stats().events, `mark-${process.pid}`];
    await until("events", () => {
      spawnSync("true", [mark]);
      return recorder.stats().events > before + 100;
    });
    const { sent } = recorder.stats().probe;
    await until(
      "what was sent",
      () => recorder.stats().events + recorder.stats().malformed >= sent,
    );
    recorder.close();
    const { events, malformed, bytes } = recorder.stats();
    const { threads, programs, end } = await held(path);
    assert.deepEqual([end.truncated, failures, malformed], [undefined, [], 0]);
    assert.equal(end.events, events);
    assert.deepEqual([statSync(path).size, file.bytes], [bytes, bytes]);
    assert.ok(threads.includes(1), "init is in the list");
    assert.ok(programs.includes(mark), programs.slice(0, 20).join("\n"));
  });

  test("says once that the file is full, and writes nothing behind that", async (t) => {
    const path = join(folder, "full.scap");
    const { open, file, fulls } = recorderTo(t, path, { maxBytes: 1 });
    const recorder = open();
    recorder.start();
    await until("the file to be full", () => {
      spawnSync("true");
      return fulls.length > 0;
    });
    spawnSync("true");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(fulls, [file.bytes]);
    recorder.close();
    assert.equal((await held(path)).end.truncated, undefined);
  });

  test("says once that the disk is full, and ends without a further word", async (t) => {
    const { open, failures } = recorderTo(t, "/dev/full");
    try {
      const recorder = open();
      recorder.start();
      await until("the failure", () => failures.length > 0);
      spawnSync("true");
      recorder.close();
    } catch (thrown) {
      // The list of a host with very many processes does not fit what is gathered in memory.
      failures.push(thrown);
    }
    assert.equal(failures.length, 1);
    const [failure] = failures;
    assert.ok(failure instanceof AppError && failure.code === "INPUT_CAPTURE_WRITE");
    assert.match(failure.message, /^Cannot write capture "\/dev\/full": .*ENOSPC/);
  });
});
