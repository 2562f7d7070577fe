import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { capabilitySet } from "../../src/libc/capabilities.ts";
import { type Dockerd, dockerdMissing, startDockerd } from "../fixtures/dockerd.ts";
import { lesserRuntime } from "../fixtures/lesser-runtime.ts";
import { whyNoBpf } from "../fixtures/live-bpf.ts";
import { until } from "../fixtures/until.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const IMAGE = "saker:latest";
const SERVER = "saker-test/box:1.0";
const TIMEOUT = { timeoutMs: 60_000 };
const ANOTHER = 1000;

interface Service {
  readonly image: string;
  readonly privileged: boolean;
  readonly init: boolean;
  readonly volumes: readonly string[];
}

describe("our image", { skip: dockerdMissing() ?? whyNoBpf() ?? false }, () => {
  let dockerd: Dockerd;
  const folder = mkdtempSync(join(tmpdir(), "saker-image-test-"));

  before(async () => {
    chmodSync(folder, 0o755);
    dockerd = await startDockerd({ args: lesserRuntime(folder) });
    await dockerd.importImage({ reference: SERVER });
    const build = spawnSync(join(CHECKOUT, "deploy/build-image"), [IMAGE], {
      env: { ...process.env, ...dockerd.env },
      encoding: "utf8",
    });
    assert.equal(build.status, 0, build.stdout + build.stderr);
  });
  after(async () => {
    await dockerd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const logs = (name: string): string => {
    const { stdout, stderr } = spawnSync("docker", ["logs", name], {
      env: { ...process.env, ...dockerd.env },
      encoding: "utf8",
    });
    return stdout + stderr;
  };

  /** A folder of another user's, as a user's own working folder is to root in a container. */
  function theirs(name: string): string {
    const path = join(folder, name);
    mkdirSync(join(path, "report"), { recursive: true });
    for (const file of ["falco_report.txt", "openport.txt"]) {
      writeFileSync(join(path, file), "", { mode: 0o640 });
      chownSync(join(path, file), ANOTHER, ANOTHER);
    }
    chownSync(join(path, "report"), ANOTHER, ANOTHER);
    return path;
  }

  async function watching(name: string): Promise<void> {
    await until("the watch to begin", () => logs(name).includes("sockets that listened already"), {
      seen: () => logs(name),
      ...TIMEOUT,
    });
  }

  async function openPort(name: string, port: number): Promise<void> {
    const server = ["/bin/busybox", "httpd", "-f", "-p", String(port)];
    await dockerd.docker("run", "-d", "--init", "--name", name, SERVER, ...server);
  }

  /** Waits until the container has written that into the file. */
  async function written(name: string, path: string, words: RegExp): Promise<void> {
    const text = (): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
    await until(`${words} in ${path}`, () => words.test(text()), {
      seen: () => text() + logs(name),
      ...TIMEOUT,
    });
  }

  /** Of the container's watch, which is the first process or its only child. */
  async function capabilities(name: string): Promise<bigint> {
    const script = "cat /proc/[0-9]*/status";
    const text = await dockerd.docker("exec", name, "/bin/sh", "-c", script);
    const status = text.split("Name:").find((part) => /^\s*(?:node|MainThread)/.test(part)) ?? "";
    return BigInt(`0x${/^CapPrm:\s*(\w+)/m.exec(status)?.[1] ?? assert.fail(text)}`);
  }

  test("does what the old docker run line did, with the compose file's service", async () => {
    const compose = readFileSync(join(CHECKOUT, "deploy/compose.yaml"), "utf8");
    const { services } = parse(compose) as { readonly services: { readonly saker: Service } };
    const { image, privileged, init, volumes } = services.saker;
    assert.deepEqual([image, privileged, init], ["saker", true, true]);
    const here = theirs("compose");
    const mounts = volumes
      .map((volume) =>
        volume.replace(/^\.\//, `${here}/`).replace(/^\/var\/run\/docker.sock/, dockerd.socket),
      )
      // Docker would make the folders that this machine lacks.
      .filter((volume) => existsSync(volume.slice(0, volume.indexOf(":"))))
      .flatMap((volume) => ["--volume", volume]);
    assert.ok(mounts.length >= 12, mounts.join(" "));
    await dockerd.docker(
      "run",
      "-d",
      "--name",
      "saker",
      "--init",
      "--privileged",
      ...mounts,
      image,
    );
    await watching("saker");
    await openPort("web", 80);
    await written("saker", join(here, "report/tls/web_80.txt"), /speaks HTTP/);
    // The old system's mounted files, beside the new ones.
    for (const folder of ["report", "."]) {
      await written("saker", join(here, folder, "falco_report.txt"), /container_name=web/);
      await written("saker", join(here, folder, "openport.txt"), /"container.name":"web"/);
    }
    assert.doesNotMatch(logs("saker"), /are gone with this container/);
    assert.ok((await capabilities("saker")) & capabilitySet(["CAP_DAC_OVERRIDE"]));
    await dockerd.docker("stop", "saker");
    assert.match(logs("saker"), / 0 dropped, \d+ alerts, [1-9]\d* ports examined/);
  });

  const LEAST = ["--cap-drop", "ALL", "--cap-add", "SYS_ADMIN", "--cap-add", "SYS_PTRACE"];
  async function least(name: string, more: readonly string[], report: string): Promise<void> {
    const mounts = [
      "/proc:/host/proc:ro",
      "/etc:/host/etc:ro",
      `${dockerd.socket}:/host/var/run/docker.sock`,
      `${report}:/report`,
    ].flatMap((mount) => ["-v", mount]);
    await dockerd.docker("run", "-d", "--name", name, ...LEAST, ...more, ...mounts, IMAGE);
  }

  test("writes into another user's report folder with the documented capabilities", async () => {
    const here = join(theirs("another"), "report");
    await least("another", ["--cap-add", "DAC_OVERRIDE"], here);
    await watching("another");
    await openPort("web2", 81);
    await written("another", join(here, "tls/web2_81.txt"), /speaks HTTP/);
    await written("another", join(here, "falco_report.txt"), /container_name=web2/);
    assert.ok((await capabilities("another")) & capabilitySet(["CAP_DAC_OVERRIDE"]));
    await dockerd.docker("stop", "another");
    assert.match(logs("another"), / 0 dropped, [1-9]\d* alerts, [1-9]\d* ports examined/);
  });

  test("gives CAP_DAC_OVERRIDE up where the report folder is its own", async () => {
    const here = join(folder, "own");
    mkdirSync(here);
    await least("own", ["--cap-add", "DAC_OVERRIDE"], here);
    await watching("own");
    assert.equal(await capabilities("own"), capabilitySet(["CAP_SYS_PTRACE", "CAP_SYS_ADMIN"]));
    await dockerd.docker("stop", "own");
  });

  test("says at the start that reports are gone with the container", async () => {
    const mount = ["-v", "/proc:/host/proc:ro"];
    await dockerd.docker("run", "-d", "--name", "lost", "--privileged", ...mount, IMAGE);
    await watching("lost");
    assert.match(logs("lost"), /reports in \/report are gone with this container: mount a folder/);
    await dockerd.docker("stop", "lost");
  });

  test("says at the start that the right to another user's report folder is missing", async () => {
    await least("missing", [], join(theirs("closed"), "report"));
    assert.equal(await dockerd.docker("wait", "missing"), "3");
    assert.match(
      logs("missing"),
      /error: Cannot write to report folder "\/report": it belongs to user 1000\n.*hint: leave CAP_DAC_OVERRIDE \(docker run --cap-add DAC_OVERRIDE\)/,
    );
  });
});
