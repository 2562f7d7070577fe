import assert from "node:assert/strict";
import { test } from "node:test";
import { scene, type SceneValues } from "../../test/fixtures/scenes.ts";
import { addressBytes } from "../lib/ip-bytes.ts";
import { compileCondition } from "../rules/compile-condition.ts";
import { compileOutput, outputFields, renderOutput } from "../rules/output.ts";
import { parseCondition } from "../rules/parse-condition.ts";
import { FIELDS } from "./registry.ts";

const end = (address: string, port: number) => ({
  address: addressBytes(address) ?? new Uint8Array(4),
  port,
});
const hostNames = {
  "10.0.0.9": ["api.test", "b.test"],
  "2001:db8::9": ["six.test"],
  "10.0.0.1": ["me.test"],
};

function connection(local: string, remote: string, values: SceneValues = {}) {
  const [kind, family] = remote.includes(":") ? ["6", 10] : ["4", 2];
  return scene(
    "connect",
    { res: 0, fd: 4 },
    {
      hostNames,
      ...values,
      descriptor: {
        kind,
        family,
        protocol: 6,
        state: 1,
        local: end(local, 40000),
        remote: end(remote, 443),
      },
    },
  );
}

const SCENES = {
  named: connection("10.0.0.1", "10.0.0.9"),
  mapped: connection("::ffff:10.0.0.1", "::ffff:10.0.0.9"),
  six: connection("2001:db8::1", "2001:db8::9"),
  nameless: connection("10.0.0.2", "10.0.0.8"),
  // As in a capture.
  unasked: connection("10.0.0.1", "10.0.0.9", { hostNames: {} }),
  listening: scene(
    "listen",
    { res: 0, fd: 3, backlog: 128 },
    {
      hostNames,
      descriptor: {
        kind: "4",
        family: 2,
        protocol: 6,
        state: 10,
        local: end("10.0.0.9", 443),
        remote: end("0.0.0.0", 0),
      },
    },
  ),
  listeningNameless: scene(
    "listen",
    { res: 0, fd: 3, backlog: 128 },
    {
      hostNames,
      descriptor: {
        kind: "4",
        family: 2,
        protocol: 6,
        state: 10,
        local: end("0.0.0.0", 443),
        remote: end("0.0.0.0", 0),
      },
    },
  ),
  file: scene("openat", { fd: 3, dirfd: -100, name: "/x", flags: 1, mode: 0 }, { hostNames }),
};

for (const [condition, ...holding] of [
  ["fd.sip.name = api.test", "named", "mapped", "listening"],
  // An address with two names has both.
  ["fd.sip.name == b.test", "named", "mapped", "listening"],
  ["fd.sip.name in (x.test, six.test, b.test)", "named", "mapped", "six", "listening"],
  ["fd.sip.name intersects (x.test, b.test)", "named", "mapped", "listening"],
  ["fd.sip.name = allof (api.test, b.test)", "named", "mapped", "listening"],
  ["fd.sip.name = API.test"],
  // A connection to an address without a name differs from all, a listening socket there does not.
  ["fd.sip.name != api.test", "six", "nameless", "unasked"],
  ["fd.sip.name != six.test", "named", "mapped", "nameless", "unasked", "listening"],
  ['fd.sip.name != ""', "named", "mapped", "six", "nameless", "unasked", "listening"],
  ["not fd.sip.name = api.test", "six", "nameless", "unasked", "listeningNameless", "file"],
  ["fd.sip.name exists", "named", "mapped", "six", "listening"],
  ["fd.sip.name startswith b", "named", "mapped", "listening"],
  ["fd.cip.name = me.test", "named", "mapped"],
  ["fd.cip.name != me.test", "six", "nameless", "unasked"],
  ["fd.lip.name = me.test", "named", "mapped"],
  ["fd.lip.name exists", "named", "mapped"],
  ["fd.rip.name in (api.test, six.test)", "named", "mapped", "six"],
] as const) {
  test(`${condition}: ${holding.join(", ") || "never"}`, () => {
    const { predicate } = compileCondition(parseCondition(condition), FIELDS);
    const holds = Object.entries(SCENES)
      .filter(([, shown]) => predicate(shown))
      .map(([name]) => name);
    assert.deepEqual(holds.toSorted(), [...holding].toSorted());
  });
}

test("outputs print the first name of an address, <NA> where it has none", () => {
  const template = compileOutput("*%fd.sip.name %fd.cip.name %fd.lip.name %fd.rip.name", FIELDS);
  assert.equal(renderOutput(template, SCENES.named), "api.test me.test me.test api.test");
  assert.equal(renderOutput(template, SCENES.nameless), "<NA> <NA> <NA> <NA>");
  assert.equal(renderOutput(template, SCENES.listening), "api.test <NA> <NA> <NA>");
  assert.deepEqual(outputFields(template, SCENES.six), {
    "fd.sip.name": "six.test",
    "fd.cip.name": null,
    "fd.lip.name": null,
    "fd.rip.name": "six.test",
  });
});

test("a scene that waits is asked for the names as they are then", () => {
  assert.equal(
    renderOutput(compileOutput("*%fd.sip.name", FIELDS), SCENES.named.freeze()),
    "api.test",
  );
});
