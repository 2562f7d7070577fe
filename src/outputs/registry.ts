import { FILE_OUTPUT, type FileOptions } from "./file.ts";
import { HTTP_OUTPUT, type HttpOptions } from "./http.ts";
import { defaultsOf, type Switch } from "./option.ts";
import type { OutputKind } from "./output-kind.ts";
import { PROGRAM_OUTPUT, type ProgramOptions } from "./program.ts";
import { STDOUT_OUTPUT } from "./stdout.ts";
import { SYSLOG_OUTPUT } from "./syslog.ts";

/** The options of every output, whether it is switched on or not. */
export interface OutputOptions {
  readonly stdout: Switch;
  readonly file: FileOptions;
  readonly program: ProgramOptions;
  readonly syslog: Switch;
  readonly http: HttpOptions;
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
};

/** Every output with its defaults, switched off. */
export const OFF: OutputOptions = {
  stdout: { ...defaultsOf(STDOUT_OUTPUT.options), enabled: false },
  file: { ...defaultsOf(FILE_OUTPUT.options), enabled: false },
  program: { ...defaultsOf(PROGRAM_OUTPUT.options), enabled: false },
  syslog: { ...defaultsOf(SYSLOG_OUTPUT.options), enabled: false },
  http: { ...defaultsOf(HTTP_OUTPUT.options), enabled: false },
};
