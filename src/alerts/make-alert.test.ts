import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { container, scene } from "../../test/fixtures/scenes.ts";
import { baseRules } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import type { AppendedOutput } from "../rules/append-output.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { LoadedRule } from "../rules/loaded-rule.ts";
import { jsonLine, textLine } from "./format.ts";
import { makeAlert } from "./make-alert.ts";

/** The old system's rule and the line that Falco wrote of it (../shared/seed/expected.md). */
const SEED = new URL("../../../shared/seed/falco_custom_rules.yaml", import.meta.url);
const skip = !existsSync(SEED) && "needs ../shared/seed";
const FALCO_LINE =
  '{"hostname":"test","output":"08:23:00.580354112: Warning New port opened in container (container_id=0123456789ab container_name=swaggerapi-petstore3 container_port=8080)","output_fields":{"container.id":"0123456789ab","container.name":"swaggerapi-petstore3","evt.time":1739002980580354112,"fd.sport":8080},"priority":"Warning","rule":"New port opened in container","source":"syscall","tags":["container","network","open_port"],"time":"2025-02-08T08:23:00.580354112Z"';
const OPTIONS = { isoTime: false, utcOffsetMinutes: () => 0 };

const web = {
  ...container("swaggerapi-petstore3", {
    imageRepository: "swaggerapi/petstore3",
    imageTag: "1.0",
  }),
  id: "0123456789ab",
};

const bound = (where: typeof web | undefined) =>
  scene(
    "bind",
    { res: 0, fd: 3 },
    {
      container: where,
      timestamp: 1_739_002_980_580_354_112n,
      descriptor: {
        kind: "4",
        family: 2,
        protocol: 6,
        state: 10,
        local: { address: new Uint8Array(4), port: 8080 },
        remote: { address: new Uint8Array(4), port: 0 },
      },
    },
  );

function seedRule(appendOutput: readonly AppendedOutput[] = []): LoadedRule {
  const file = { name: "falco_custom_rules.yaml", text: readFileSync(SEED, "utf8") };
  const { rules, files } = loadRules([file], { fields: FIELDS, base: baseRules(), appendOutput });
  assert.deepEqual(files[0]?.errors, []);
  return rules[0]!;
}

test("makeAlert() of the old system's rule is Falco's line, and our uuid", { skip }, () => {
  const rule = seedRule();
  assert.equal(rule.condition(bound(web)), true);
  assert.equal(rule.condition(bound(undefined)), false);
  assert.equal(jsonLine(makeAlert(rule, bound(web), "u"), OPTIONS), `${FALCO_LINE},"uuid":"u"}`);
});

test(
  "makeAlert() appends the suggested fields in Falco's order, but what the output says itself",
  { skip },
  () => {
    const alert = makeAlert(seedRule([{ suggested: true }]), bound(web), "u");
    assert.equal(
      textLine(alert, OPTIONS),
      "08:23:00.580354112: Warning New port opened in container (container_id=0123456789ab container_name=swaggerapi-petstore3 container_port=8080)" +
        " container_image_repository=swaggerapi/petstore3 container_image_tag=1.0 k8s_pod_name=<NA> k8s_ns_name=<NA>",
    );
    assert.deepEqual(alert.outputFields, {
      "container.id": "0123456789ab",
      "container.name": "swaggerapi-petstore3",
      "container.image.repository": "swaggerapi/petstore3",
      "container.image.tag": "1.0",
      "fd.sport": 8080,
      "k8s.ns.name": null,
      "k8s.pod.name": null,
    });
  },
);

for (const [entry, text] of [
  [{ source: "k8s_audit", suggested: true }, ""],
  [{ tags: ["open_port", "network"], format: "a=%evt.num" }, " a=1"],
  [{ tags: ["open_port", "other"], format: "a=%evt.num" }, ""],
  [{ rule: "New port opened in container", format: "b" }, " b"],
] as const) {
  test(
    `makeAlert() with append_output ${JSON.stringify(entry)} ends in "${text}"`,
    { skip },
    () => {
      const alert = makeAlert(seedRule([entry]), bound(web), "u");
      assert.ok(alert.message.endsWith(`container_port=8080)${text}`), alert.message);
    },
  );
}
