import { FILE_OUTPUT, type FileOptions } from "./file.ts";
import { defaultsOf, type Switch } from "./option.ts";
import { STDOUT_OUTPUT } from "./stdout.ts";

/** Every kind of output, by its name in the settings. Documentation and schema come from here. */
export const OUTPUT_KINDS = { stdout: STDOUT_OUTPUT, file: FILE_OUTPUT } as const;

/** The options of every output, whether it is switched on or not. */
export interface OutputOptions {
  readonly stdout: Switch;
  readonly file: FileOptions;
}

/** Every output with its defaults, switched off. */
export const OFF: OutputOptions = {
  stdout: { ...defaultsOf(STDOUT_OUTPUT.options), enabled: false },
  file: { ...defaultsOf(FILE_OUTPUT.options), enabled: false },
};
