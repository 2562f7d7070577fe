import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "./config-file.ts";

interface Context {
  after(fn: () => void): void;
}

function load(
  t: Context,
  text: string,
  environment: Record<string, string> = {},
  overrides: string[] = [],
) {
  const folder = mkdtempSync(join(tmpdir(), "saker-sidekick-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "config.yaml");
  writeFileSync(path, text);
  const { settings, notes } = loadConfig(path, { environment, overrides });
  return { ...settings, notes: notes.map((note) => note.replace(folder, "")) };
}

/** As its example and its chart write it: names in any case, empty values, maps of headers. */
const EXAMPLE = `debug: false
listenport: 2801
customfields: {Akey: AValue}
templatedfields:
  Dkey: '{{ or (index . "k8s.ns.labels.foo") "bar" }}'
customtags: [tagA, "tagB, tagC"]
mutualtlsfilespath: /etc/certs
Slack:
  WebhookURL: https://hooks.example/x
  outputformat: all
  minimumpriority: ""
teams: {webhookurl: ""}
elasticsearch:
  hostport: http://127.0.0.1:9200
  type: _doc
  suffix: daily
webhook:
  address: http://127.0.0.1:1
  customHeaders: {X-One: "1", X-Two: b}
pagerduty: {routingKey: key, region: eu}
alertmanager: {hostport: ["http://127.0.0.1:9093"]}
otlp: {logs: {endpoint: http://127.0.0.1:4318}, traces: {endpoint: ""}}
aws:
  sns: {rawjson: false}
openfaas: {functionnamespace: openfaas-fn}
policyreport: {enabled: false, maxevents: 1000}
`;

test("falcosidekick's file is read as it is", (t) => {
  const { outputs, notes } = load(t, EXAMPLE);
  assert.deepEqual(notes, []);
  assert.equal(outputs.slack.address, "https://hooks.example/x");
  assert.equal(outputs.slack.minimumPriority, "debug");
  assert.equal(outputs.webhook.customHeaders, "X-One:1,X-Two:b");
  assert.deepEqual([outputs.pagerduty.routingKey, outputs.pagerduty.region], ["key", "eu"]);
  assert.equal(outputs.alertmanager.address, "http://127.0.0.1:9093");
  assert.equal(outputs.otlpLogs.address, "http://127.0.0.1:4318");
  assert.deepEqual(outputs.custom, {
    fields: { Akey: "AValue" },
    templates: { Dkey: '{{ or (index . "k8s.ns.labels.foo") "bar" }}' },
    tags: ["tagA", "tagB", "tagC"],
  });
});

test("what is asked for and not done is named once", (t) => {
  const { notes } = load(
    t,
    `slack: {webhookurl: http://a, outputformat: text, messageformat: x}
aws: {s3: {bucket: b}, sqs: {url: u}}
webui: {url: http://b}
loki: {hostport: http://c, format: text, lokki: 1}
tlsclient: {cacertfile: /x}
`,
  );
  const named = notes.map((note) => /^\S+:\d+: (.*)$/.exec(note)?.[1]);
  assert.deepEqual(
    new Set(named),
    new Set([
      "aws.sqs.url has no effect: Saker has no output for it",
      "loki.format has no effect: lines are Falco's JSON, labels those of few values",
      "slack.outputformat has no effect: the message has Saker's own form",
      'there is no key "loki.lokki"',
      "tlsclient.cacertfile has no effect: each service has its own: SERVICE.cacertfile, certfile, keyfile",
      "webui.url has no effect: Saker has no output for it",
    ]),
  );
});

test("the environment's variables count for services that are on, and before the file", (t) => {
  const environment = {
    SLACK_WEBHOOKURL: "http://env",
    SLACK_CHANNEL: "#c",
    LOKI_HOSTPORT: "",
    LOKI_TENANT: "nobody",
    // As Kubernetes sets it for a service that is called so.
    SYSLOG_PORT: "tcp://10.0.0.1:514",
    ELASTICSEARCH_PASSWORD: "secret",
    OTLP_LOGS_ENDPOINT: "http://otlp",
    CUSTOMFIELDS: "env:prod,cluster:%CLUSTER,gone:%GONE,bad",
    CLUSTER: "c1",
    TEMPLATEDFIELDS: 'who:{{ index . "user.name" }}',
    CUSTOMTAGS: "a,b",
  };
  const file = "slack: {webhookurl: http://file}\nelasticsearch: {hostport: http://es}\n";
  const { outputs, notes } = load(t, file, environment);
  assert.equal(outputs.slack.address, "http://env");
  assert.equal(outputs.slack.channel, "#c");
  assert.equal(outputs.loki.tenant, "");
  assert.equal(outputs.elasticsearch.password, "secret");
  assert.equal(outputs.otlpLogs.address, "http://otlp");
  assert.deepEqual(outputs.custom, {
    fields: { env: "prod", cluster: "c1" },
    templates: { who: '{{ index . "user.name" }}' },
    tags: ["a", "b"],
  });
  assert.deepEqual(notes, [
    "Of the environment count: SLACK_WEBHOOKURL, SLACK_CHANNEL, ELASTICSEARCH_PASSWORD, OTLP_LOGS_ENDPOINT, CUSTOMFIELDS, TEMPLATEDFIELDS, CUSTOMTAGS",
    "CUSTOMFIELDS: gone is left out: there is no GONE in the environment",
    "/config.yaml:1: slack.webhookurl has no effect: SLACK_WEBHOOKURL of the environment holds",
  ]);
  const over = load(t, file, environment, ["slack.webhookurl=http://option"]);
  assert.equal(over.outputs.slack.address, "http://option");
});

test("fields are a text, too, as in the chart's values", (t) => {
  const { outputs } = load(
    t,
    `customfields: "env:prod,url:http://a"\ntemplatedfields: 'ns:{{ index . "k8s.ns.name" }}'\n`,
    { CUSTOMFIELDS: "env:dev" },
  );
  assert.deepEqual(outputs.custom?.fields, { env: "dev", url: "http://a" });
  assert.deepEqual(outputs.custom?.templates, { ns: '{{ index . "k8s.ns.name" }}' });
  assert.deepEqual(load(t, 'customfields: ""\ntemplatedfields: ""\n').notes, []);
  assert.throws(() => load(t, "customfields: prod\n"), /must be a map of keys/);
});

test("a variable of a key without an effect is told as the file's", (t) => {
  const environment = {
    LOKI_HOSTPORT: "http://loki",
    LOKI_FORMAT: "json",
    LOKI_EXTRALABELS: "proc.name",
    WEBUI_URL: "http://webui",
    AWS: "of another program",
    ALERTMANAGER_EXTRALABELS: "of:a_service_that_is_off",
  };
  const { notes } = load(t, "aws: {s3: {bucket: b}}\n", environment);
  assert.deepEqual(notes, [
    "Of the environment count: LOKI_HOSTPORT",
    "environment LOKI_EXTRALABELS: loki.extralabels has no effect: lines are Falco's JSON, labels those of few values",
    "/config.yaml:1: aws.s3.bucket has no effect: Saker has no output for it",
    "environment WEBUI_URL: webui.url has no effect: Saker has no output for it",
  ]);
});

test("an empty value is none, as in the chart's values", (t) => {
  const { outputs, notes } = load(
    t,
    `mutualtlsfilespath: ""
slack: {webhookurl: http://a, username: ""}
opsgenie: {apikey: k, region: ""}
kafka: {hostport: "a:1", topic: "", requiredacks: "", compression: ""}
alertmanager: {hostport: "http://a", endpoint: "", expiresafter: ""}
syslog: {host: h, port: ""}
`,
  );
  assert.deepEqual(notes, []);
  assert.deepEqual([outputs.slack.username, outputs.opsgenie.region], ["Saker", "us"]);
  assert.deepEqual([outputs.kafka.acknowledgements, outputs.remoteSyslog.port], ["all", 514]);
});

test("each of falcosidekick's words for Kafka's compression is taken", (t) => {
  for (const word of ["NONE", "GZIP", "SNAPPY", "LZ4", "ZSTD"]) {
    const { outputs } = load(t, "", { KAFKA_HOSTPORT: "127.0.0.1:1", KAFKA_COMPRESSION: word });
    assert.equal(outputs.kafka.compression, word.toLowerCase());
  }
});

test("a list of addresses, a template that is not read and a variable's wrong value are told", (t) => {
  const refused = (text: string, environment = {}): string => {
    try {
      load(t, text, environment);
    } catch (thrown) {
      return (thrown as Error).message;
    }
    return "";
  };
  assert.match(
    refused("alertmanager: {hostport: 'http://a:1,http://b:1'}"),
    /:1:26": "alertmanager.hostport" must be one address/,
  );
  assert.match(
    refused("alertmanager: {hostport: [http://a:1, http://b:1]}"),
    /must be one address/,
  );
  assert.match(
    refused("loki: {hostport: 'ftp://a'}"),
    /"loki.hostport" must be one address of http or https/,
  );
  assert.match(
    refused("templatedfields: {a: '{{ range . }}'}"),
    /a template "a" that is not read: \{\{ range \. \}\}/,
  );
  const wrong = refused("", { SYSLOG_HOST: "h", SYSLOG_PORT: "tcp://x" });
  assert.match(wrong, /"environment SYSLOG_PORT": "syslog.port" must be a whole number/);
  // With its quotes, as from a file of variables that no shell reads.
  const quoted = refused("", { WEBHOOK_ADDRESS: "http://a", WEBHOOK_CUSTOMHEADERS: '"X-Key:k"' });
  assert.match(quoted, /"webhook.customheaders" must be headers as Name:value/);
  assert.match(refused("slack: {minimumpriority: x}"), /must be one of emergency, alert/);
});

test("a service's news are a list, in the file and in the environment", (t) => {
  const file = "slack: {webhookurl: http://a, news: [alert, Audit]}\nloki: {hostport: http://a}\n";
  const { outputs } = load(t, file, { LOKI_NEWS: "port, audit" });
  assert.deepEqual(outputs.slack.news, ["alert", "audit"]);
  assert.deepEqual(outputs.loki.news, ["port", "audit"]);
  assert.deepEqual(outputs.teams.news, ["alert"]);
  const wrong = "slack: {webhookurl: http://a, news: [alerts]}";
  assert.throws(() => load(t, wrong), /"slack.news" "alerts" is none of alert, audit, port/);
});

test("a manifest or a chart's values are no configuration, and it is said where that is", (t) => {
  const refused = (text: string) =>
    assert.throws(() => load(t, text), {
      code: /^CONFIG_(?:FORM|YAML)$/,
      hint: /below falco|below config|jsonpath/,
    });
  refused(
    "falco: {json_output: true}\nfalcosidekick: {config: {slack: {webhookurl: http://a}}}\nmetrics: {enabled: true}\n",
  );
  refused("config: {slack: {webhookurl: http://a}}\ncustomLabels: {}\n");
  refused("apiVersion: v1\nkind: Namespace\n---\napiVersion: apps/v1\nkind: Deployment\n");
  refused("apiVersion: v1\nkind: ConfigMap\ndata: {falco.yaml: 'json_output: true'}\n");
});

test("a rules file is no configuration, and it is said what to do with it", (t) => {
  assert.throws(() => load(t, "- rule: a\n"), { hint: /a list is of rules: --rules .*yaml$/ });
});

test("a note on an option has no line", (t) => {
  assert.deepEqual(load(t, "", {}, ["foo=bar"]).notes, ['-o foo=bar: there is no key "foo"']);
});

test("a service's limit is a number of alerts in a time", (t) => {
  const { outputs } = load(t, "slack: {webhookurl: http://a, limit: 20/1m}");
  assert.equal(outputs.slack.limit, "20/1m");
  assert.throws(
    () => load(t, "slack: {webhookurl: http://a, limit: 20}"),
    /"slack\.limit" must be a number and a time from 1s to 1d, as 20\/1m$/,
  );
});

test("a variable of a service may stand in the file that NAME_FILE names", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "saker-sidekick-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "secret");
  writeFileSync(file, "http://hooks.example/secret\n");
  writeFileSync(join(folder, "empty"), "\n");
  const { outputs, notes } = load(t, "slack: {footer: f}", {
    SLACK_WEBHOOKURL_FILE: file,
    SLACK_FOOTER_FILE: join(folder, "empty"),
    // Of a service that is off nothing is read.
    REDIS_PASSWORD_FILE: "/nowhere",
  });
  assert.equal(outputs.slack.address, "http://hooks.example/secret");
  assert.equal(outputs.slack.footer, "f");
  assert.deepEqual(notes, ["Of the environment count: SLACK_WEBHOOKURL"]);
  assert.throws(
    () => load(t, "", { SLACK_WEBHOOKURL_FILE: "/nowhere" }),
    /Cannot read "\/nowhere", which SLACK_WEBHOOKURL_FILE names/,
  );
});
