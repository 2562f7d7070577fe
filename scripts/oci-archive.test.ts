import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { writeImageLayout } from "./oci-archive.ts";

describe("writeImageLayout()", () => {
  const folder = mkdtempSync(join(tmpdir(), "saker-oci-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const layer = new TextEncoder().encode("a tar archive");
  writeImageLayout(folder, layer, {
    name: "saker:1.2",
    architecture: "amd64",
    created: new Date(0),
    environment: ["PATH=/usr/bin"],
    entrypoint: ["/usr/bin/saker"],
    command: ["watch"],
  });
  const json = (path: string) => JSON.parse(readFileSync(join(folder, path), "utf8"));
  const blob = (digest: string): string => `blobs/sha256/${digest.replace("sha256:", "")}`;

  it("names each blob by its digest", () => {
    const names = readdirSync(join(folder, "blobs/sha256"));
    assert.equal(names.length, 3);
    for (const name of names) {
      const bytes = readFileSync(join(folder, "blobs/sha256", name));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), name);
    }
  });

  it("leads from the index to the layer, whose digest in the configuration is that of the archive", () => {
    const [entry] = json("index.json").manifests;
    assert.equal(entry.annotations["org.opencontainers.image.ref.name"], "1.2");
    const { config, layers } = json(blob(entry.digest));
    assert.deepEqual(
      gunzipSync(readFileSync(join(folder, blob(layers[0].digest)))),
      Buffer.from(layer),
    );
    const { rootfs, created } = json(blob(config.digest));
    const digest = createHash("sha256").update(layer).digest("hex");
    assert.deepEqual(
      [rootfs.diff_ids, created],
      [[`sha256:${digest}`], "1970-01-01T00:00:00.000Z"],
    );
  });

  it("has docker's own list of the same blobs", () => {
    const [{ digest }] = json("index.json").manifests;
    const { config, layers } = json(blob(digest));
    assert.deepEqual(json("manifest.json"), [
      { Config: blob(config.digest), RepoTags: ["saker:1.2"], Layers: [blob(layers[0].digest)] },
    ]);
  });
});
