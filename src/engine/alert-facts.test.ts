import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../../test/fixtures/scenes.ts";
import type { Alert, OutputFields } from "../alerts/alert.ts";
import { factsOfAlert, factsOfScenes } from "./alert-facts.ts";
import { UNKNOWN_PORT } from "./repeated-alerts.ts";

const FIELDS = ["container.id", "proc.exepath"];

test("factsOfScenes() has the fields' values as text", () => {
  const facts = factsOfScenes([...FIELDS, "proc.ppid", "fd.sport"]);
  assert.deepEqual(facts({ name: "A", tags: ["x"] }, scene("fchdir", { res: 0, fd: 3 })), {
    rule: "A",
    container: "host",
    values: ["host", "/bin/sh", "2", undefined],
    port: undefined,
  });
});

test("factsOfScenes() of an opened port that is not known says so", () => {
  const { port } = factsOfScenes(FIELDS)({ name: "A", tags: ["open_port"] }, scene("fchdir", {}));
  assert.equal(port, UNKNOWN_PORT);
});

test("factsOfScenes() refuses what is no field", () => {
  assert.throws(() => factsOfScenes(["proc.exepth"]), {
    code: "CONFIG_VALUE",
    message: /^Cannot tell alerts apart by "proc.exepth": /,
    hint: "repeated_alerts.fields are names that saker fields lists",
  });
});

test("factsOfAlert() goes by the output fields, and by what they say of a port", () => {
  const alert = (outputFields: OutputFields, tags: readonly string[] = []): Alert =>
    ({ rule: "A", tags, outputFields }) as unknown as Alert;
  assert.deepEqual(factsOfAlert(alert({ "container.id": "c1", "proc.exepath": null }), FIELDS), {
    rule: "A",
    container: "c1",
    values: ["c1", undefined],
    port: undefined,
  });
  const whole = { "fd.sport": 80, "fd.sip": "0.0.0.0", "fd.l4proto": "tcp" };
  assert.equal(factsOfAlert(alert(whole, ["open_port"]), FIELDS).port, "tcp 0.0.0.0 80");
  const withoutAddress = alert({ "fd.sport": 80 }, ["open_port"]);
  assert.equal(factsOfAlert(withoutAddress, FIELDS).port, UNKNOWN_PORT);
});
