import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonLine } from "./format.ts";
import { parseAlert } from "./parse.ts";

const options = { isoTime: false, utcOffsetMinutes: () => 0 };
const line =
  '{"hostname":"h","output":"16:17:57.882054739: Notice Port opened (port=80)","output_fields":{"container.name":"web","evt.time":1470327477882054739,"fd.sport":80,"proc.env":null},' +
  '"priority":"Notice","rule":"Port opened","source":"syscall","tags":["open_port"],"time":"2016-08-04T16:17:57.882054739Z","uuid":"u"}';

test("parseAlert() reads Falco's JSON and jsonLine() writes it again", () => {
  const result = parseAlert(line, () => "new");
  assert.ok("alert" in result);
  assert.equal(result.alert.message, "Port opened (port=80)");
  assert.equal(result.alert.time, 1470327477882054739n);
  assert.equal(jsonLine(result.alert, options), line);
});

test("parseAlert() reads a line behind a byte-order mark", () =>
  assert.ok("alert" in parseAlert(`\uFEFF${line}`, () => "new")));

for (const [text, reason] of [
  ["{", "it is not JSON"],
  ["[1]", "it is not a JSON object"],
  ['"x"', "it is not a JSON object"],
  ['{"output":"x"}', 'it has no "rule"'],
] as const) {
  test(`parseAlert() says of ${text} why it is no alert`, () => {
    assert.deepEqual(
      parseAlert(text, () => ""),
      { reason },
    );
  });
}

test("parseAlert() never throws, whatever the JSON holds", () => {
  fc.assert(fc.property(fc.json(), (text) => void parseAlert(text, () => "")));
  fc.assert(
    fc.property(
      fc.record({
        rule: fc.string(),
        time: fc.jsonValue(),
        tags: fc.jsonValue(),
        output_fields: fc.jsonValue(),
        priority: fc.jsonValue(),
      }),
      (value) => {
        const result = parseAlert(JSON.stringify(value), () => "");
        assert.ok("alert" in result);
      },
    ),
  );
});
