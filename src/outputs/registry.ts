import { ALERTMANAGER_OUTPUT } from "./alertmanager.ts";
import type { Destination } from "./destination.ts";
import { ELASTICSEARCH_OUTPUT, type ElasticsearchOptions } from "./elasticsearch.ts";
import { FILE_OUTPUT, type FileOptions } from "./file.ts";
import { HTTP_OUTPUT, type HttpOptions } from "./http.ts";
import { defaultsOf, type Option, type Switch } from "./option.ts";
import type { OutputContext } from "./output-context.ts";
import { LOKI_OUTPUT, type LokiOptions } from "./loki.ts";
import type { OutputKind } from "./output-kind.ts";
import type { PostedOptions } from "./posted.ts";
import { PROGRAM_OUTPUT, type ProgramOptions } from "./program.ts";
import { REMOTE_SYSLOG_OUTPUT, type RemoteSyslogOptions } from "./remote-syslog.ts";
import { SLACK_OUTPUT, type SlackOptions } from "./slack.ts";
import { STDOUT_OUTPUT } from "./stdout.ts";
import { SYSLOG_OUTPUT } from "./syslog.ts";
import { TEAMS_OUTPUT } from "./teams.ts";
import { WEBHOOK_OUTPUT, type WebhookOptions } from "./webhook.ts";

/** The options of every output, whether it is switched on or not. */
export interface OutputOptions {
  readonly stdout: Switch;
  readonly file: FileOptions;
  readonly program: ProgramOptions;
  readonly syslog: Switch;
  readonly http: HttpOptions;
  readonly remoteSyslog: RemoteSyslogOptions;
  readonly slack: SlackOptions;
  readonly teams: PostedOptions;
  readonly alertmanager: PostedOptions;
  readonly loki: LokiOptions;
  readonly elasticsearch: ElasticsearchOptions;
  readonly webhook: WebhookOptions;
}

/** Every kind of output, by its name in the settings. Documentation and schema come from here. */
export const OUTPUT_KINDS: {
  readonly [Name in keyof OutputOptions]: OutputKind<OutputOptions[Name]>;
} = {
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
