import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldValue } from "../fields/field.ts";
import type { Alert } from "./alert.ts";
import { openedPort, ownerName } from "./opened-port.ts";

function alertWith(outputFields: Record<string, FieldValue | null>): Alert {
  return {
    rule: "New port opened in container",
    priority: "Warning",
    source: "syscall",
    tags: ["open_port"],
    time: 0n,
    hostname: "",
    message: "",
    outputFields,
    uuid: "",
  };
}

test("openedPort() takes the port from fd.sport, fd.lport or fd.name", () => {
  const cases: [Record<string, FieldValue | null>, number | undefined, string | undefined][] = [
    [{ "fd.sport": 8080 }, 8080, undefined],
    [{ "fd.sport": "8080" }, 8080, undefined],
    [{ "fd.sport": null, "fd.lport": 8081, "fd.sip": "10.0.0.1" }, 8081, "10.0.0.1"],
    [{ "fd.sport": 0, "fd.name": "0.0.0.0:80" }, 80, "0.0.0.0"],
    [{ "fd.sport": "<NA>", "fd.name": ":::443" }, 443, "::"],
    [{ "fd.name": "[::]:443" }, 443, "::"],
    [{ "fd.name": "[2001:db8::1]:443" }, 443, "2001:db8::1"],
    [{ "fd.name": "::ffff:10.0.0.1:443" }, 443, "10.0.0.1"],
    [{ "fd.sport": 443, "fd.sip": "::ffff:10.0.0.1" }, 443, "10.0.0.1"],
    [{ "fd.name": "172.17.0.1:50000->172.17.0.2:8080" }, 8080, "172.17.0.2"],
    [{ "fd.name": "::1:50000->::1:8080" }, 8080, "::1"],
    [{ "fd.sport": 70_000 }, undefined, undefined],
    [{ "fd.sport": 80.5 }, undefined, undefined],
    [{ "fd.sport": -1 }, undefined, undefined],
    [{ "fd.sport": "0x50" }, undefined, undefined],
    [{ "fd.name": "/var/run/a:80" }, undefined, undefined],
    [{ "fd.name": "10.0.0.1:99999" }, undefined, undefined],
    [{ "fd.name": "10.0.0.1:80->" }, undefined, undefined],
    [{ container_port: 8080 }, undefined, undefined],
    [{}, undefined, undefined],
  ];
  for (const [fields, port, address] of cases) {
    const opened = openedPort(alertWith(fields));
    assert.deepEqual([opened?.port, opened?.address], [port, address], JSON.stringify(fields));
  }
});

test("openedPort() says whose the port is, by id before name", () => {
  const cases: [Record<string, FieldValue | null>, string, string][] = [
    [{}, "host", "host"],
    [{ "container.id": "host", "container.name": "host" }, "host", "host"],
    [{ "container.id": "host", "container.name": "web" }, "host", "host"],
    [{ "container.id": "0123456789ab", "container.name": "host" }, "id 0123456789ab", "host"],
    [{ "container.id": "0123456789ab", "container.name": "web" }, "id 0123456789ab", "web"],
    [{ "container.id": "0123456789ab" }, "id 0123456789ab", "0123456789ab"],
    [{ "container.id": "<NA>", "container.name": "web" }, "name web", "web"],
    [{ "container.id": null, "container.name": "web" }, "name web", "web"],
    [{ "container.id": "", "container.name": "<NA>" }, "host", "host"],
  ];
  for (const [fields, wanted, name] of cases) {
    const alert = alertWith({ "fd.sport": 80, ...fields });
    const owner = openedPort(alert)?.owner;
    const text = owner?.kind === "container" ? `${owner.by} ${owner.key}` : owner?.kind;
    assert.deepEqual([text, ownerName(alert)], [wanted, name], JSON.stringify(fields));
  }
});

test("openedPort() says whether it is TCP or UDP, where the alert says", () => {
  for (const [stated, wanted] of [
    ["udp", "udp"],
    ["tcp", "tcp"],
    ["icmp", undefined],
    ["<NA>", undefined],
  ])
    assert.equal(
      openedPort(alertWith({ "fd.sport": 53, "fd.l4proto": stated ?? null }))?.protocol,
      wanted,
    );
});
