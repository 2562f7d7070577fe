import type { ConfigNode } from "./config-node.ts";
import { isOn, isOther, neutral, type OtherKey, textOf, unsupported } from "./other-keys.ts";

const isFilled = (node: ConfigNode): boolean =>
  node.kind === "scalar" ? (textOf(node) ?? "") !== "" : sizeOf(node) > 0;

function sizeOf(node: Exclude<ConfigNode, { kind: "scalar" }>): number {
  return node.kind === "list" ? node.items.length : node.entries.size;
}

/** falcosidekick's destinations that Saker has none for, with the key that switches each on. */
const DESTINATIONS: Readonly<Record<string, string>> = {
  aws: "lambda.functionname sqs.url sns.topicarn cloudwatchlogs.loggroup s3.bucket securitylake.bucket kinesis.streamname",
  azure: "eventhub.name",
  cliq: "webhookurl",
  datadog: "apikey",
  dogstatsd: "forwarder",
  dynatrace: "apitoken",
  fission: "function",
  gcp: "pubsub.topic storage.bucket cloudfunctions.name cloudrun.endpoint chronicle.projectid",
  gotify: "hostport",
  grafana: "hostport",
  grafanaoncall: "webhookurl",
  influxdb: "hostport",
  kafkarest: "address",
  kubeless: "function",
  logstash: "address",
  n8n: "address",
  nodered: "address",
  openfaas: "functionname",
  openobserve: "hostport",
  "otlp.metrics": "endpoint",
  "otlp.traces": "endpoint",
  policyreport: "enabled",
  quickwit: "hostport",
  rabbitmq: "url",
  rocketchat: "webhookurl",
  spyderbat: "orguid",
  stan: "hostport",
  statsd: "forwarder",
  sumologic: "receiverurl",
  talon: "address",
  tekton: "eventlistener",
  timescaledb: "host",
  wavefront: "endpointhost",
  webex: "webhookurl",
  webui: "url",
  yandex: "s3.bucket datastreams.streamname",
  zincsearch: "hostport",
};

const destinations = Object.entries(DESTINATIONS).flatMap(([section, switches]) => {
  const on = section === "policyreport" ? isOn : isFilled;
  const names = switches.split(" ").map((key) => [`${section}.${key}`, on]);
  return unsupported(section, "Saker has no output for it", {
    ...Object.fromEntries(names),
    [section]: () => false,
  });
});

const ITS_FORM = "the message has Saker's own form";

/** Keys of falcosidekick's configuration that have no effect in Saker, with the reason. */
export const SIDEKICK_KEYS: readonly OtherKey[] = [
  ...neutral("alerts come from the watch itself", [
    "listenaddress",
    "listenport",
    "debug",
    "tlsserver",
    "prometheus",
  ]),
  ...unsupported(
    "certificates of all outputs",
    "each service has its own: SERVICE.cacertfile, certfile, keyfile",
    {
      "tlsclient.cacertfile": isOther("/etc/certs/client/ca.crt"),
      "mutualtlsclient.certfile": isFilled,
      mutualtlsfilespath: isOther("/etc/certs"),
      tlsclient: () => false,
      mutualtlsclient: () => false,
    },
  ),
  ...unsupported("the form of alerts", "alerts have Falco's form", {
    bracketreplacer: isFilled,
    outputfieldformat: isFilled,
  }),
  ...["slack", "mattermost", "googlechat", "teams"].flatMap((section) =>
    unsupported(`${section}'s form`, ITS_FORM, {
      [`${section}.outputformat`]: isOther("all"),
      [`${section}.messageformat`]: isFilled,
    }),
  ),
  ...neutral("cards have no picture", ["teams.activityimage"]),
  ...unsupported("alertmanager's labels", "labels are those of few values, annotations the rest", {
    "alertmanager.extralabels": isFilled,
    "alertmanager.extraannotations": isFilled,
    "alertmanager.customseveritymap": isFilled,
  }),
  ...unsupported("alertmanager.endpoint", "alerts go to /api/v2/alerts, below hostport's path", {
    // Version 1 of the API takes the same, but from old servers alone.
    "alertmanager.endpoint": (node) => !/^(?:\/api\/v[12]\/alerts)?$/.test(textOf(node) ?? ""),
  }),
  ...unsupported("alertmanager.expiresafter", "Alertmanager's resolve_timeout holds", {
    "alertmanager.expiresafter": isOther("0"),
  }),
  ...neutral("losses are alerts of their own", [
    "alertmanager.dropeventdefaultpriority",
    "alertmanager.dropeventthresholds",
  ]),
  ...unsupported(
    "elasticsearch's index",
    "documents go by _bulk into an index a day, whose mapping is the server's",
    {
      "elasticsearch.suffix": isOther("daily"),
      "elasticsearch.pipeline": isFilled,
      "elasticsearch.flattenfields": isOn,
      "elasticsearch.createindextemplate": isOn,
    },
  ),
  ...neutral("documents go by _bulk", [
    "elasticsearch.type",
    "elasticsearch.batching",
    "elasticsearch.enablecompression",
    "elasticsearch.numberofshards",
    "elasticsearch.numberofreplicas",
  ]),
  ...unsupported("loki's form", "lines are Falco's JSON, labels those of few values", {
    "loki.format": isOther("json"),
    "loki.extralabels": isFilled,
  }),
  ...unsupported("loki.endpoint", "alerts go to /loki/api/v1/push, below hostport's path", {
    "loki.endpoint": isOther("/loki/api/v1/push"),
  }),
  ...unsupported("webhook.method", "it is a POST", { "webhook.method": isOther("POST") }),
  ...unsupported("cloudevents.extensions", "extensions are falcosidekick's own", {
    "cloudevents.extensions": isFilled,
  }),
  ...neutral("each batch is waited for", ["kafka.async"]),
  ...neutral("the host's name is the key", ["kafka.balancer"]),
  ...unsupported("smtp's login", "PLAIN and LOGIN are spoken", {
    "smtp.token": isFilled,
    "smtp.identity": isFilled,
    "smtp.trace": isFilled,
  }),
  ...neutral("the address says it", ["otlp.logs.tls"]),
  ...neutral("each delivery has thirty seconds", ["otlp.logs.timeout"]),
  ...unsupported("otlp.logs.extraenvvars", "there is no SDK that reads them", {
    "otlp.logs.extraenvvars": isFilled,
  }),
  ...destinations,
];
