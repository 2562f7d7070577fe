import assert from "node:assert/strict";
import { test } from "node:test";
import { alertNews } from "../../test/fixtures/alert-news.ts";
import { customized } from "./custom-fields.ts";
import { filledTemplate, templateProblem } from "./go-template.ts";

test("an alert has fields, fields made of others, and tags besides", () => {
  const { alert } = alertNews({
    outputFields: { "proc.name": "sh", "fd.sip": Uint8Array.of(10, 0, 0, 1), gone: null },
  });
  const enriched = customized({
    fields: { env: "prod" },
    templates: {
      who: '{{ index . "proc.name" }}@{{ .env }} {{ index . "fd.sip" }}',
      none: "{{ .gone }}",
    },
    tags: ["t"],
  });
  assert.deepEqual(enriched?.(alert).outputFields, {
    ...alert.outputFields,
    env: "prod",
    who: "sh@prod 10.0.0.1",
    none: "",
  });
  assert.deepEqual(enriched?.(alert).tags, ["container", "open_port", "t"]);
  assert.equal(customized({ fields: {}, templates: {}, tags: [] }), undefined);
});

const TEMPLATES = [
  ["plain", "plain"],
  ["{{ .a }}-{{.b}}", "A-"],
  ['{{ index . "x.y" }}', "X"],
  ['{{ or (index . "no") .b "text" }}', "text"],
  ['{{ or (index . "x.y") "text" }}', "X"],
  ["{{ or .no `raw` }}", "raw"],
  ["a {{- .a -}} b", "aAb"],
] as const;

test("Go's templates are filled as far as they are read", () => {
  const values: Readonly<Record<string, string>> = { a: "A", "x.y": "X" };
  for (const [template, text] of TEMPLATES) {
    assert.equal(templateProblem(template), undefined, template);
    assert.equal(
      filledTemplate(template, (name) => values[name] ?? ""),
      text,
    );
  }
  for (const unread of ["{{ if .a }}x{{ end }}", "{{ .a | upper }}", "{{ or }}", '{{ or "a" ) }}'])
    assert.match(templateProblem(unread) ?? "", /^\{\{ /, unread);
  assert.equal(templateProblem("{{ .a"), "an action without its end");
});

test("a field's value is no template", () => {
  assert.equal(
    filledTemplate("{{ .a }}", () => "{{ .b }} $& $1"),
    "{{ .b }} $& $1",
  );
});
