import { execFileSync } from "node:child_process";
import { join } from "node:path";

/**
 * When what is packed was made: SOURCE_DATE_EPOCH (reproducible-builds.org), else the commit's time,
 * so that a commit makes the same package each time. Sets the variable for what packs.
 */
export function sourceDate(): Date {
  process.env["SOURCE_DATE_EPOCH"] ??= execFileSync("git", ["log", "-1", "--format=%ct"], {
    cwd: join(import.meta.dirname, ".."),
    encoding: "utf8",
  }).trim();
  return new Date(Number(process.env["SOURCE_DATE_EPOCH"]) * 1000);
}
