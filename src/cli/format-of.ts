import type { FormatOptions } from "../alerts/format.ts";
import type { Settings } from "../config/settings.ts";
import { utcOffsetMinutes } from "./local-time.ts";

/** How the configuration has alerts look. */
export function formatOf({ timeFormatIso8601, jsonProperties }: Settings): FormatOptions {
  return { isoTime: timeFormatIso8601, utcOffsetMinutes, properties: jsonProperties };
}
