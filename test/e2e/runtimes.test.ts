import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { createServer, type Socket } from "node:net";
import { type Containerd, containerdMissing, startContainerd } from "../fixtures/containerd.ts";
import { kubernetesServer } from "../fixtures/kubernetes-api.ts";
import { probeMissing } from "../fixtures/acting-process.ts";
import { type RunningSaker, startSaker } from "../fixtures/saker.ts";
import { until } from "../fixtures/until.ts";

const run = promisify(execFile);
const RULES = `
- rule: program in a container
  desc: every program that a container starts
  condition: evt.type in (execve, execveat) and container.id != host and proc.name in (sleep, busybox)
  output: SEEN %container.id %container.name %container.image.repository %k8s.pod.name %k8s.pod.label[app] %container.start_ts END
  priority: NOTICE
`;
/** Containers that are started at the same time. */
const MANY = 200;

test("saker watch names the containers of every runtime in their first alert", async (t) => {
  const missing = probeMissing() ?? containerdMissing();
  if (missing !== undefined) return t.skip(missing);
  const containerd = await startContainerd();
  t.after(() => containerd.stop());
  const watch = await startWatch(t, { CONTAINERD_ADDRESS: `${containerd.state}/containerd.sock` });

  await t.test("containerd's, started by ctr, many at once", async () => {
    const names = Array.from({ length: MANY }, (_, index) => `m${process.pid}-${index}`);
    await Promise.all(names.map((name) => start(containerd, name)));

    for (const name of names)
      assert.match(await firstAlert(watch, `SEEN ${name.slice(0, 12)} `), imageOf(name));
    await Promise.all(names.map((name) => containerd.ctr("task", "rm", "-f", name)));
  });

  await t.test("a pod's, with the pod's labels", async () => {
    const pod = `shop-${process.pid}`;
    const { container } = await containerd.pod(pod, { app: "shop" });
    const alert = await firstAlert(watch, `SEEN ${container.slice(0, 12)} `);
    assert.match(alert, new RegExp(`SEEN \\S+ main saker\\.test/box ${pod} shop `));
  });

  await t.test("LXC's, of which no file and no API says anything", async (t) => {
    if (!existsSync("/usr/bin/lxc-start")) return t.skip("needs lxc-start: apt-get install lxc");
    const name = `saker-lxc-${process.pid}`;
    await startLxc(t, name);
    assert.match(await firstAlert(watch, `SEEN ${name} `), new RegExp(`SEEN ${name} ${name} `));
  });

  await t.test("containerd's, while containerd is away and while its socket hangs", async (t) => {
    await containerd.halt();
    const accepted: Socket[] = [];
    const hanging = createServer((socket) => accepted.push(socket));
    const socket = `${containerd.state}/containerd.sock`;
    await rm(socket, { force: true });
    await new Promise<void>((resolve) => hanging.listen(socket, resolve));
    t.after(async () => {
      for (const one of accepted) one.destroy();
      await new Promise((resolve) => hanging.close(resolve));
      await containerd.start();
    });
    // runc alone starts it, out of the files that containerd would have written.
    const name = `away${process.pid}`;
    await startAlone(t, containerd, name);
    assert.match(await firstAlert(watch, `SEEN ${name.slice(0, 12)} `), new RegExp(` ${name} `));
  });
});

test("a pod's first alert says what only the Kubernetes API knows", async (t) => {
  const missing = probeMissing() ?? containerdMissing();
  if (missing !== undefined) return t.skip(missing);
  const [containerd, api] = await Promise.all([startContainerd(), kubernetesServer()]);
  t.after(() => Promise.all([containerd.stop(), api.remove()]));
  const pod = `web-${process.pid}`;
  const settings = {
    api: "true",
    node: "node-1",
    url: api.url,
    token_file: api.tokenFile,
    ca_file: api.caFile,
  };
  const watch = await startWatch(
    t,
    { CONTAINERD_ADDRESS: `${containerd.state}/containerd.sock` },
    {
      rules: RULES.replace(
        "SEEN %container.id",
        "SEEN %container.id %saker.pod.owner %k8s.ns.label[team]",
      ),
      more: Object.entries(settings).map(([key, value]) => `--override=kubernetes.${key}=${value}`),
    },
  );
  // Both are made after the watch has listed all there were.
  api.namespaces = [{ name: "shop", labels: { team: "blue" } }];
  const owner = { kind: "Rollout", name: "web", controller: true };
  api.pods = [{ uid: `uid-of-${pod}`, ownerReferences: [owner] }];
  const { container } = await containerd.pod(pod, { app: "shop" });
  const alert = await firstAlert(watch, `SEEN ${container.slice(0, 12)} `);
  assert.match(alert, new RegExp(`SEEN \\S+ Rollout/web blue main saker\\.test/box ${pod} `));
});

function imageOf(name: string): RegExp {
  return new RegExp(`SEEN \\S+ ${name} saker\\.test/box `);
}

async function start({ ctr, image }: Containerd, name: string): Promise<void> {
  await ctr("run", "-d", image, name, "/bin/sleep", "1000000");
}

async function firstAlert(watch: RunningSaker, beginning: string): Promise<string> {
  const lines = (): string[] => watch.out().split("\n");
  return until(
    `an alert with ${beginning}`,
    () => lines().find((line) => line.includes(beginning) && line.includes(" END")),
    { timeoutMs: 60_000, seen: () => `${watch.out().slice(-3000)}\n${watch.err()}` },
  );
}

async function startWatch(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  { rules = RULES, more = [] as readonly string[] } = {},
): Promise<RunningSaker> {
  const folder = await mkdtemp(join(tmpdir(), "saker-runtimes-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "rules.yaml"), rules);
  const args = ["watch", "--rules", "rules.yaml", "--report", "report", "--no-audit", ...more];
  const watch = startSaker(args, { cwd: folder, env });
  t.after(() => watch.stop());
  await until("the start", () => watch.err().includes("watching this host"), { seen: watch.err });
  return watch;
}

async function startLxc(t: TestContext, name: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "saker-lxc-"));
  const root = join(folder, "rootfs");
  for (const directory of ["bin", "proc", "sys", "dev"])
    await mkdir(join(root, directory), { recursive: true });
  await copyFile("/usr/bin/busybox", join(root, "bin/sleep"));
  const config = `lxc.uts.name = ${name}
lxc.rootfs.path = dir:${root}
lxc.net.0.type = none
lxc.mount.auto = proc
lxc.apparmor.profile = unconfined
`;
  await writeFile(join(folder, "config"), config);
  const args = ["-n", name, "-P", folder, "-f", join(folder, "config"), "-F", "--"];
  const lxc = spawn("/usr/bin/lxc-start", [...args, "/bin/sleep", "1000000"], { stdio: "ignore" });
  t.after(async () => {
    await run("/usr/bin/lxc-stop", ["-n", name, "-P", folder, "-k"]).catch(() => undefined);
    if (lxc.exitCode === null) await new Promise((resolve) => lxc.once("exit", resolve));
    await rm(folder, { recursive: true });
  });
}

/** A container as containerd leaves it on disk, run by runc. */
async function startAlone(t: TestContext, { state }: Containerd, name: string): Promise<void> {
  const bundle = join(state, "io.containerd.runtime.v2.task/default", name);
  await mkdir(join(bundle, "rootfs/bin"), { recursive: true });
  for (const directory of ["proc", "dev", "sys"]) await mkdir(join(bundle, "rootfs", directory));
  await copyFile("/usr/bin/busybox", join(bundle, "rootfs/bin/sleep"));
  await writeFile(
    join(bundle, "config.json"),
    JSON.stringify({
      ociVersion: "1.0.2",
      process: { user: { uid: 0, gid: 0 }, args: ["/bin/sleep", "1000000"], cwd: "/", env: [] },
      root: { path: "rootfs" },
      mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
      linux: {
        cgroupsPath: `/default/${name}`,
        namespaces: ["pid", "mount", "ipc", "uts", "network"].map((type) => ({ type })),
      },
    }),
  );
  // Nothing is piped: the container would keep it open.
  const runc = async (...args: readonly string[]): Promise<number | null> => {
    const child = spawn("/usr/sbin/runc", ["--root", join(state, "runc"), ...args], {
      stdio: "ignore",
    });
    return new Promise((resolve) => child.once("exit", resolve));
  };
  assert.equal(await runc("run", "--detach", "--bundle", bundle, name), 0);
  t.after(() => runc("delete", "-f", name));
}
