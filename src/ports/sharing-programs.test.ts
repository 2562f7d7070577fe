import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listListenersOfProcess } from "./listeners.ts";
import { programNames, sharingPrograms } from "./sharing-programs.ts";

test("sharingPrograms names the programs that share a port, and none for workers of one", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sharing-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const listen = { host: "127.0.0.1", reusePort: true };
  const server = createServer().listen({ ...listen, port: 0 });
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const place = { address: "127.0.0.1", port };
  const worker = createServer().listen({ ...listen, port });
  await once(worker, "listening");
  t.after(() => worker.close());
  const sharing = (): Promise<string[]> =>
    sharingPrograms(listListenersOfProcess(process.pid), place);
  assert.deepEqual(await sharing(), []);
  const program = join(folder, "other-server");
  copyFileSync(process.execPath, program);
  const script = `require("net").createServer().listen(${JSON.stringify({ ...listen, port })}, () => console.log("up"))`;
  const child = spawn(program, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  assert.deepEqual(await sharing(), ["node", "other-server"]);
});

test("programNames tells programs of one name by their paths", () => {
  const named = (exe: string): { exe: string; comm: string } => ({ exe, comm: "x" });
  assert.deepEqual(programNames([named("/a/nginx"), named("/b/nginx")]), ["/a/nginx", "/b/nginx"]);
  assert.deepEqual(programNames([named("/a/nginx"), named("/a/nginx")]), []);
  assert.deepEqual(programNames([named("/usr/sbin/nginx"), named("")]), ["nginx", "x"]);
});
