import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { saker } from "../../test/fixtures/saker.ts";

test("saker outputs says where alerts go, and test what the other side answered", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-outputs-"));
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => bodies.push(chunk.toString()));
    request.on("end", () => response.writeHead(request.url === "/no" ? 403 : 202).end());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const { port } = server.address() as { port: number };
  const at = (path: string): string[] => [
    "http_output.enabled=true",
    `http_output.url=http://me:secret@127.0.0.1:${port}${path}`,
    "file_output.enabled=true",
    `file_output.filename=${folder}/alerts.txt`,
  ];
  const outputs = (args: readonly string[], overrides: readonly string[]) =>
    saker(["outputs", ...args, ...overrides.flatMap((override) => ["-o", override])]);

  const list = await outputs([], at("/"));
  assert.equal(list.code, 0, list.err);
  assert.match(list.out, /^file_output +"\S+alerts.txt" +ready$/m);
  assert.doesNotMatch(list.out, /secret/);
  const nobody = [
    "slack.webhookurl=http://localhost:1/",
    "syslog.host=127.0.0.1",
    "syslog.port=1",
    "loki.hostport=http://none.invalid",
  ];
  const away = await outputs([], [...at("/"), ...nobody]);
  assert.equal(away.code, 1);
  assert.match(away.out, /^slack +http:\S+ +nobody listens there \(ECONNREFUSED\)$/m);
  assert.match(away.out, /^syslog +syslog tcp:\S+ +nobody listens there \(ECONNREFUSED\)$/m);
  assert.match(away.out, /^loki +http:\S+ +its name \S/m);
  assert.match(away.out, /^http_output .* ready$/m);
  const taken = await outputs(["test", "http_output"], at("/"));
  assert.equal(taken.out, `http_output: http://127.0.0.1:${port}/: delivered (202)\n`);
  assert.match(bodies.join(""), /Warning This is a test of http_output: nothing has happened/);
  // As libcurl takes it, and so Falco.
  const bare = await outputs(
    ["test", "http_output"],
    [...at("/"), `http_output.url=127.0.0.1:${port}`],
  );
  assert.equal(bare.out, `http_output: http://127.0.0.1:${port}/: delivered (202)\n`);
  const refused = await outputs(["test", "http_output"], at("/no"));
  assert.equal(refused.code, 1);
  assert.match(refused.out, /refused: it answers 403$/m);
  await outputs(["test", "file_output"], at("/"));
  assert.match(readFileSync(join(folder, "alerts.txt"), "utf8"), /This is a test of file_output/);
  const unknown = await outputs(["test", "htp_output"], at("/"));
  assert.equal(unknown.code, 2);
  assert.match(unknown.err, /did you mean "http_output"/);
});
