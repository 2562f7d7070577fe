import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "./alert.ts";
import { jsonLine, textLine } from "./format.ts";

const alert: Alert = {
  rule: "New port opened in container",
  priority: "Warning",
  source: "syscall",
  tags: ["network", "container", "open_port"],
  time: 1739002980580354112n,
  hostname: "h",
  message: "New port opened in container (container_name=web container_port=8080)",
  outputFields: { "fd.sport": 8080, "container.name": "web" },
  uuid: "u",
};
const options = { isoTime: false, utcOffsetMinutes: () => 0 };

test("jsonLine() has Falco's keys in Falco's order, the time among the fields, sorted tags", () => {
  assert.equal(
    jsonLine(alert, options),
    '{"hostname":"h","output":"08:23:00.580354112: Warning New port opened in container (container_name=web container_port=8080)",' +
      '"output_fields":{"container.name":"web","evt.time":1739002980580354112,"fd.sport":8080},"priority":"Warning",' +
      '"rule":"New port opened in container","source":"syscall","tags":["container","network","open_port"],' +
      '"time":"2025-02-08T08:23:00.580354112Z","uuid":"u"}',
  );
});

test("jsonLine() has the properties that json_include_*_property asks for", () => {
  const properties = { output: false, message: true, outputFields: false, tags: false };
  assert.deepEqual(Object.keys(JSON.parse(jsonLine(alert, { ...options, properties }))), [
    "hostname",
    "message",
    "priority",
    "rule",
    "source",
    "time",
    "uuid",
  ]);
});

test("textLine() and jsonLine() let nothing unseen through, and the JSON means the same", () => {
  const message = 'a\n\u0000\u007f\u009b\u061c\u2028\u202e\u2066 "\udc80';
  const hostile = { ...alert, message, outputFields: { "proc.name": message } };
  for (const line of [textLine(hostile, options), jsonLine(hostile, options)])
    // oxlint-disable-next-line no-control-regex -- none may be there
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f\u061c\u2028-\u202e\u2066\ud800-\udfff]/);
  assert.equal(
    JSON.parse(jsonLine(hostile, options)).output_fields["proc.name"],
    message.toWellFormed(),
  );
});
