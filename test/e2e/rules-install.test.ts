import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  push,
  pushManifest,
  type Registry,
  registryMissing,
  startRegistry,
} from "../fixtures/registry.ts";
import { saker } from "../fixtures/saker.ts";
import { tarGz } from "../fixtures/tar.ts";

const rule = (name: string, condition = "evt.type = open"): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: NOTICE\n`;
const CONFIG = {
  name: "my-rules",
  version: "1.0.0",
  dependencies: [],
  requirements: [{ name: "engine_version_semver", version: "0.57.0" }],
};

describe("saker rules install, from a real registry", { skip: registryMissing() }, () => {
  let registry: Registry;
  const folder = mkdtempSync(join(tmpdir(), "saker-install-"));
  const rulesDir = join(folder, "rules.d");
  const install = (reference: string, ...more: string[]) =>
    saker(["rules", "install", `${registry.host}/${reference}`, "--rules-dir", rulesDir, ...more], {
      env: { DOCKER_CONFIG: folder },
    });

  before(async () => {
    registry = await startRegistry();
  });
  after(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("installs, says so, and does nothing the second time", async () => {
    const digest = await push(registry.host, "rules/mine", "1", {
      config: CONFIG,
      layer: tarGz([{ name: "mine.yaml", data: rule("One") }]),
    });
    const first = await install("rules/mine:1");
    assert.deepEqual(
      [first.code, first.out.trim().endsWith("rules.d/mine.yaml")],
      [0, true],
      first.err,
    );
    assert.match(
      first.err,
      /installed 127.0.0.1:\d+\/rules\/mine:1 1.0.0 \(sha256:[0-9a-f]{12}…\): 1 rules; use them with --rules /,
    );
    assert.equal(readFileSync(join(rulesDir, "mine.yaml"), "utf8"), rule("One"));
    const second = await install("rules/mine:1", "--json");
    const told = JSON.parse(second.out) as { isNew: boolean; digest: string };
    assert.deepEqual([second.code, told.isNew, told.digest], [0, false, digest]);
    assert.match((await saker(["rules", "list", rulesDir])).out, /^One/m);
    assert.equal((await install(`rules/mine@${digest}`)).code, 0);
  });

  test("replaces the version before, and takes away what it no longer has", async () => {
    await push(registry.host, "rules/mine", "2", {
      config: { ...CONFIG, version: "2.0.0" },
      layer: tarGz([{ name: "renamed.yaml", data: rule("Two") }]),
    });
    assert.equal((await install("rules/mine:2")).code, 0);
    assert.deepEqual(readdirSync(rulesDir).toSorted(), [".saker-artifacts.json", "renamed.yaml"]);
  });

  test("replaces no file that it has not installed for this artifact", async () => {
    const theirs = join(rulesDir, "theirs.yaml");
    writeFileSync(theirs, rule("Theirs"));
    const layer = tarGz([{ name: "theirs.yaml", data: rule("Three") }]);
    await push(registry.host, "rules/clash", "1", { config: CONFIG, layer });
    const refused = await install("rules/clash:1");
    assert.equal(refused.code, 2);
    assert.match(refused.err, /theirs.yaml": a file of that name was not installed by Saker/);
    assert.equal(readFileSync(theirs, "utf8"), rule("Theirs"));
    rmSync(theirs);
    const twin = tarGz([{ name: "renamed.yaml", data: rule("Four") }]);
    await push(registry.host, "rules/twin", "1", { config: CONFIG, layer: twin });
    const other = await install("rules/twin:1");
    assert.equal(other.code, 2);
    assert.match(other.err, /a file of that name is of 127.0.0.1:\d+\/rules\/mine:2/);
    assert.equal(readFileSync(join(rulesDir, "renamed.yaml"), "utf8"), rule("Two"));
  });

  test("takes the first manifest of an index", async () => {
    const digest = await push(registry.host, "rules/indexed", "inner", {
      config: CONFIG,
      layer: tarGz([{ name: "indexed.yaml", data: rule("Indexed") }]),
    });
    const type = "application/vnd.oci.image.index.v1+json";
    const inner = {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest,
      size: 1,
      platform: { os: "linux", architecture: "amd64" },
    };
    await pushManifest(registry.host, "rules/indexed", "1", {
      bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [inner] })),
      type,
    });
    assert.equal((await install("rules/indexed:1")).code, 0);
  });

  test("installs nothing that does not load, that is for a newer engine, or that is no rules artifact; the old files stay", async () => {
    const before = readdirSync(rulesDir).toSorted();
    for (const [name, artifact, code, error] of [
      [
        "broken",
        {
          config: CONFIG,
          layer: tarGz([{ name: "renamed.yaml", data: rule("Broken", "evt.typo = open") }]),
        },
        2,
        /its rules do not load\n.*renamed.yaml:3:14: error LOAD_ERR_COMPILE_CONDITION: unknown field "evt.typo"/,
      ],
      [
        "newer",
        {
          config: {
            ...CONFIG,
            requirements: [{ name: "engine_version_semver", version: "0.99.0" }],
          },
          layer: tarGz([{ name: "renamed.yaml", data: rule("Newer") }]),
        },
        2,
        /it is for engine 0.99.0/,
      ],
      [
        "plugin",
        {
          config: CONFIG,
          configType: "application/vnd.cncf.falco.plugin.config.v1+json",
          layer: tarGz([{ name: "libx.so", data: "x" }]),
        },
        1,
        /it is no rules artifact but application\/vnd.cncf.falco.plugin/,
      ],
      [
        "climbing",
        { config: CONFIG, layer: tarGz([{ name: "../out.yaml", data: rule("Out") }]) },
        1,
        /the name "..\/out.yaml" leads out of its folder/,
      ],
      [
        "bomb",
        { config: CONFIG, layer: gzipSync(Buffer.alloc(80 << 20)) },
        1,
        /it is larger than 67108864 bytes/,
      ],
      [
        "torn",
        { config: CONFIG, layer: tarGz([{ name: "a.yaml", data: rule("Torn") }]).subarray(0, 60) },
        1,
        /Cannot unpack the artifact: unexpected end of file/,
      ],
      [
        "empty",
        { config: CONFIG, layer: tarGz([{ name: "README.md", data: "x" }]) },
        1,
        /it holds no .yaml or .yml file/,
      ],
    ] as const) {
      await push(registry.host, `rules/${name}`, "1", artifact);
      const result = await install(`rules/${name}:1`);
      assert.deepEqual(
        [result.code, error.test(result.err)],
        [code, true],
        `${name}: ${result.code} ${result.err}`,
      );
    }
    assert.deepEqual(readdirSync(rulesDir).toSorted(), before);
    assert.equal(existsSync(join(folder, "out.yaml")), false);
    const missing = await install("rules/none:1");
    assert.deepEqual([missing.code, /it answered 404/.test(missing.err)], [1, true], missing.err);
  });
});

describe("saker rules install, from registries that misbehave", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-hostile-"));
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function serve(
    handle: (request: IncomingMessage, response: ServerResponse, host: string) => void,
  ): Promise<string> {
    let host = "";
    const server = createServer((request, response) => {
      response.on("error", () => {});
      handle(request, response, host);
    });
    servers.push(server);
    await new Promise<void>(
      (resolve) => void server.listen({ host: "127.0.0.1", port: 0 }, resolve),
    );
    host = `127.0.0.1:${(server.address() as { port: number }).port}`;
    return host;
  }

  const install = (host: string, ...more: string[]) =>
    saker(["rules", "install", `${host}/a/b:1`, "--rules-dir", join(folder, "rules.d"), ...more], {
      env: { DOCKER_CONFIG: folder },
    });

  for (const [name, handle, error] of [
    [
      "an endless manifest",
      (_: IncomingMessage, response: ServerResponse) => endless(response),
      /longer than 4194304 bytes/,
    ],
    [
      "redirects without end",
      (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(302, { location: "/v2/again" }).end(),
      /redirects more than 5 times/,
    ],
    [
      "a challenge again and again",
      (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(401, { "www-authenticate": "Basic" }).end(),
      /it wants a name and a password/,
    ],
    [
      "a challenge of its own making",
      (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(401, { "www-authenticate": 'Magic realm="x"' }).end(),
      /proof of identity that is not known here/,
    ],
    [
      "a manifest that is no JSON",
      (_: IncomingMessage, response: ServerResponse) => void response.end("<html>"),
      /it is no rules artifact but nothing that is known/,
    ],
    ["a wrong digest", wrongDigest, /its digest is sha256:[0-9a-f]{64}, not sha256:a{64}/],
    ["silence", () => {}, /Cannot read from registry .*(?:abort|time)/i],
  ] as const) {
    test(`says what is wrong with ${name}`, async () => {
      const host = await serve(handle);
      const result = await install(host, "--timeout", "2s");
      assert.deepEqual([result.code, error.test(result.err)], [1, true], result.err);
      assert.equal(existsSync(join(folder, "rules.d")), false);
    });
  }

  test("gets a token where it is sent for one, with the password that docker login keeps, and shows neither to another host", async () => {
    const seen: string[] = [];
    const elsewhere = await serve((request, response) => {
      seen.push(`elsewhere ${request.headers.authorization ?? "nothing"}`);
      response.writeHead(404).end();
    });
    const host = await serve((request, response, own) => {
      seen.push(
        `${new URL(request.url ?? "", "http://x").pathname} ${request.headers.authorization ?? "nothing"}`,
      );
      if (request.url?.startsWith("/token") === true) response.end(JSON.stringify({ token: "T" }));
      else if (request.headers.authorization === undefined)
        response
          .writeHead(401, {
            "www-authenticate": `Bearer realm="http://${own}/token",service="s",scope="repository:a/b:pull"`,
          })
          .end();
      else response.writeHead(307, { location: `http://${elsewhere}/blob` }).end();
    });
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ auths: { [host]: { auth: Buffer.from("me:secret").toString("base64") } } }),
    );
    const result = await install(host);
    assert.equal(result.code, 1);
    assert.deepEqual(seen, [
      "/v2/a/b/manifests/1 nothing",
      `/token Basic ${Buffer.from("me:secret").toString("base64")}`,
      "/v2/a/b/manifests/1 Bearer T",
      "elsewhere nothing",
    ]);
    assert.doesNotMatch(result.err, /secret/);
    writeFileSync(
      join(folder, "config.json"),
      JSON.stringify({ auths: { [host]: {} }, credsStore: "pass" }),
    );
    const helped = await install(host);
    assert.deepEqual(
      [helped.code, /its password lies in a credential helper/.test(helped.err)],
      [2, true],
      helped.err,
    );
  });
});

function endless(response: ServerResponse): void {
  const chunk = Buffer.alloc(1 << 16, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
}

function wrongDigest(request: IncomingMessage, response: ServerResponse): void {
  if (request.url?.includes("/blobs/") === true) {
    response.end("something else");
    return;
  }
  const descriptor = (mediaType: string) => ({
    mediaType,
    digest: `sha256:${"a".repeat(64)}`,
    size: 1,
  });
  response.end(
    JSON.stringify({
      config: descriptor("application/vnd.cncf.falco.rulesfile.config.v1+json"),
      layers: [descriptor("application/vnd.cncf.falco.rulesfile.layer.v1+tar.gz")],
    }),
  );
}
