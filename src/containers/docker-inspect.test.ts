import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { nanoseconds, parseInspect, withImage } from "./docker-inspect.ts";

test("parseInspect reads what Docker 20.10 answers for a running container", () => {
  const { fullId, running, metadata } = parseInspect(ANSWER);
  assert.deepEqual([fullId, running], ["ee5bc9df", true]);
  assert.deepEqual(metadata, {
    name: "web",
    image: "registry:5000/a/b:1",
    imageId: "sha256:0bb2",
    imageRepository: "registry:5000/a/b",
    imageTag: "1",
    imageDigest: "",
    privileged: false,
    labels: { team: "blue" },
    env: ["A=b"],
    command: ["/bin/sh", "-c", "sleep 9"],
    healthcheck: ["curl", "-f", "http://localhost/"],
    mounts: [
      { source: "/tmp", destination: "/host", mode: "ro", writable: false, propagation: "rslave" },
    ],
    ports: [
      { port: 53, protocol: "udp" },
      { port: 80, protocol: "tcp", published: { address: "0.0.0.0", port: 32768 } },
      { port: 80, protocol: "tcp", published: { address: "::", port: 32768 } },
      { port: 81, protocol: "tcp", published: { address: "127.0.0.1", port: 7777 } },
    ],
    ip: "10.213.78.2",
    hostNetwork: false,
    hostPid: true,
    hostIpc: false,
    pid: 7038,
    createdAt: 1795417817248720100n,
    startedAt: 1795417817473172882n,
  });
});

test("parseInspect takes the wished ports before the first start", () => {
  const created = {
    ...ANSWER,
    NetworkSettings: { Ports: {} },
    State: { StartedAt: "0001-01-01T00:00:00Z" },
  };
  const { metadata, running } = parseInspect(created);
  assert.equal(running, false);
  assert.equal(metadata.startedAt, 0n);
  assert.deepEqual(
    metadata.ports.filter((port) => port.published !== undefined),
    [{ port: 81, protocol: "tcp", published: { address: "127.0.0.1", port: 7777 } }],
  );
});

test("parseInspect reads every form of a health check", () => {
  const read = (Test: unknown, Shell?: unknown) =>
    parseInspect({ Config: { Healthcheck: { Test }, Shell } }).metadata.healthcheck;
  assert.deepEqual(read(["CMD-SHELL", "curl -f localhost || exit 1"]), [
    "/bin/sh",
    "-c",
    "curl -f localhost || exit 1",
  ]);
  assert.deepEqual(read(["CMD-SHELL", "x"], ["/bin/bash", "-ec"]), ["/bin/bash", "-ec", "x"]);
  assert.deepEqual(read(["NONE"]), []);
  assert.deepEqual(
    [[], ["CMD"], ["OTHER", "x"], undefined].map((test) => read(test)),
    [undefined, undefined, undefined, undefined],
  );
});

test("parseInspect throws for no JSON value at all", () => {
  fc.assert(fc.property(fc.jsonValue(), (json) => void parseInspect(json)));
  assert.equal(parseInspect(null).metadata.name, "");
});

test("withImage adds the digest, and the name of an image given by its id", () => {
  const { metadata } = parseInspect({ Config: { Image: "nginx:1.25" } });
  const image = { RepoTags: ["nginx:1.25"], RepoDigests: ["other@sha256:1", "nginx@sha256:2"] };
  assert.equal(withImage(metadata, image).imageDigest, "sha256:2");
  const byId = withImage(parseInspect({ Config: { Image: "a".repeat(64) } }).metadata, image);
  assert.deepEqual(
    [byId.imageRepository, byId.imageTag, byId.imageDigest],
    ["nginx", "1.25", "sha256:2"],
  );
  assert.deepEqual(withImage(metadata, undefined), metadata);
});

test("nanoseconds reads RFC 3339 with a zone, and takes Go's zero time for none", () => {
  assert.equal(nanoseconds("1970-01-01T00:00:01.5Z"), 1_500_000_000n);
  assert.equal(nanoseconds("1970-01-01T01:00:01.000000001+01:00"), 1_000_000_001n);
  for (const none of ["0001-01-01T00:00:00Z", "", "yesterday", "1970-01-01"])
    assert.equal(nanoseconds(none), 0n);
});

const ANSWER = {
  Id: "ee5bc9df",
  Created: "2026-11-23T07:10:17.2487201Z",
  State: { Running: true, Pid: 7038, StartedAt: "2026-11-23T07:10:17.473172882Z" },
  Image: "sha256:0bb2",
  Name: "/web",
  Path: "/bin/sh",
  Args: ["-c", "sleep 9"],
  HostConfig: {
    NetworkMode: "default",
    PidMode: "host",
    IpcMode: "private",
    Privileged: false,
    PortBindings: {
      "80/tcp": [{ HostIp: "", HostPort: "" }],
      "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "7777" }],
    },
  },
  Mounts: [
    {
      Type: "bind",
      Source: "/tmp",
      Destination: "/host",
      Mode: "ro",
      RW: false,
      Propagation: "rslave",
    },
  ],
  Config: {
    ExposedPorts: { "53/udp": {}, "80/tcp": {}, "81/tcp": {} },
    Env: ["A=b"],
    Image: "registry:5000/a/b:1",
    Entrypoint: ["/bin/sh", "-c"],
    Labels: { team: "blue" },
    Healthcheck: { Test: ["CMD", "curl", "-f", "http://localhost/"] },
  },
  NetworkSettings: {
    IPAddress: "",
    Networks: { bridge: { IPAddress: "10.213.78.2" } },
    Ports: {
      "53/udp": null,
      "80/tcp": [
        { HostIp: "0.0.0.0", HostPort: "32768" },
        { HostIp: "::", HostPort: "32768" },
      ],
      "81/tcp": [{ HostIp: "127.0.0.1", HostPort: "7777" }],
    },
  },
};
