import type { Settings } from "../config/settings.ts";
import type { OutputSettings } from "../outputs/open-outputs.ts";
import { OFF } from "../outputs/registry.ts";

/** The outputs that the configuration switches on. */
export function outputSettings({ stdoutEnabled, fileOutput }: Settings): OutputSettings {
  return {
    ...OFF,
    stdout: { ...OFF.stdout, enabled: stdoutEnabled },
    file: {
      ...OFF.file,
      enabled: fileOutput !== undefined,
      filename: fileOutput ?? OFF.file.filename,
    },
    capacity: undefined,
    slowMs: 2000,
  };
}
