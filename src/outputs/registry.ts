import { ALERTMANAGER_OUTPUT } from "./alertmanager.ts";
import { CLOUDEVENTS_OUTPUT } from "./cloudevents.ts";
import { DATADOG_LOGS_OUTPUT } from "./datadog-logs.ts";
import type { Destination } from "./destination.ts";
import { DISCORD_OUTPUT } from "./discord.ts";
import { ELASTICSEARCH_OUTPUT } from "./elasticsearch.ts";
import { FILE_OUTPUT } from "./file.ts";
import { GOOGLE_CHAT_OUTPUT } from "./googlechat.ts";
import { HTTP_OUTPUT } from "./http.ts";
import { KAFKA_OUTPUT } from "./kafka.ts";
import { LOKI_OUTPUT } from "./loki.ts";
import { MATTERMOST_OUTPUT } from "./mattermost.ts";
import { MQTT_OUTPUT } from "./mqtt.ts";
import { NATS_OUTPUT } from "./nats.ts";
import { OPSGENIE_OUTPUT } from "./opsgenie.ts";
import { defaultsOf, type Option } from "./option.ts";
import { OTLP_LOGS_OUTPUT } from "./otlp-logs.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import { PAGERDUTY_OUTPUT } from "./pagerduty.ts";
import { PROGRAM_OUTPUT } from "./program.ts";
import { REDIS_OUTPUT } from "./redis.ts";
import { REMOTE_SYSLOG_OUTPUT } from "./remote-syslog.ts";
import { SLACK_OUTPUT } from "./slack.ts";
import { SMTP_OUTPUT } from "./smtp.ts";
import { SPLUNK_OUTPUT } from "./splunk.ts";
import { STDOUT_OUTPUT } from "./stdout.ts";
import { SYSLOG_OUTPUT } from "./syslog.ts";
import { TEAMS_OUTPUT } from "./teams.ts";
import { TELEGRAM_OUTPUT } from "./telegram.ts";
import { WEBHOOK_OUTPUT } from "./webhook.ts";

/** Every kind of output, by its name in the settings. Documentation and schema come from here. */
export const OUTPUT_KINDS = {
  stdout: STDOUT_OUTPUT,
  file: FILE_OUTPUT,
  program: PROGRAM_OUTPUT,
  syslog: SYSLOG_OUTPUT,
  http: HTTP_OUTPUT,
  remoteSyslog: REMOTE_SYSLOG_OUTPUT,
  slack: SLACK_OUTPUT,
  teams: TEAMS_OUTPUT,
  alertmanager: ALERTMANAGER_OUTPUT,
  loki: LOKI_OUTPUT,
  elasticsearch: ELASTICSEARCH_OUTPUT,
  webhook: WEBHOOK_OUTPUT,
  discord: DISCORD_OUTPUT,
  mattermost: MATTERMOST_OUTPUT,
  telegram: TELEGRAM_OUTPUT,
  googleChat: GOOGLE_CHAT_OUTPUT,
  pagerduty: PAGERDUTY_OUTPUT,
  opsgenie: OPSGENIE_OUTPUT,
  splunk: SPLUNK_OUTPUT,
  datadogLogs: DATADOG_LOGS_OUTPUT,
  otlpLogs: OTLP_LOGS_OUTPUT,
  cloudEvents: CLOUDEVENTS_OUTPUT,
  nats: NATS_OUTPUT,
  redis: REDIS_OUTPUT,
  mqtt: MQTT_OUTPUT,
  kafka: KAFKA_OUTPUT,
  smtp: SMTP_OUTPUT,
} as const;

type Kinds = typeof OUTPUT_KINDS;

/** The options of every output, whether it is switched on or not. */
export type OutputOptions = {
  readonly [Name in keyof Kinds]: Kinds[Name] extends OutputKind<infer Options> ? Options : never;
};

/** Any of them: which options it has is known where it is opened. */
interface AnyKind extends Omit<OutputKind<object>, "options" | "required"> {
  readonly options: Readonly<Record<string, Option<unknown>>>;
}

const KINDS = Object.entries(OUTPUT_KINDS) as unknown as readonly (readonly [
  keyof OutputOptions,
  AnyKind,
])[];

/** Each kind with its name; what `optionsOf` gives for a kind is that kind's. */
export function outputOptions(optionsOf: (kind: AnyKind) => object): OutputOptions {
  const entries = KINDS.map(([name, kind]) => [name, optionsOf(kind)]);
  return Object.fromEntries(entries) as OutputOptions;
}

/** Opens those that are on, in the table's order. */
export function openKinds(options: OutputOptions, context: OutputContext): readonly Destination[] {
  return KINDS.flatMap(([name, kind]) =>
    kind.isOn(options[name]) ? [kind.open(options[name], context)] : [],
  );
}

/** Every output with its defaults, switched off. */
export const OFF: OutputOptions = outputOptions(({ options }) => {
  const defaults = defaultsOf<Readonly<Record<string, unknown>>>(options);
  return "enabled" in defaults ? { ...defaults, enabled: false } : defaults;
});
