import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { AppError } from "../lib/errors.ts";

/** Where Falco's own image has the host's /proc and /etc. */
const CUSTOMARY = "/host";

/**
 * The folder below which the host's files are: HOST_ROOT as Falco has it, else /host where the
 * host's /proc is mounted there, else none. Throws `CONFIG_HOST_ROOT`.
 */
export function hostRootOf(environment: Readonly<Record<string, string | undefined>>): string {
  const stated =
    environment["HOST_ROOT"] ?? (existsSync(`${CUSTOMARY}/proc/1/stat`) ? CUSTOMARY : "");
  if (stated === "" || stated === "/") return "";
  if (isAbsolute(stated) && existsSync(`${stated}/proc/1/stat`)) return stated;
  throw new AppError(
    "CONFIG_HOST_ROOT",
    `Cannot use HOST_ROOT "${stated}": the host's processes are not in its proc folder`,
    { hint: "mount the host's /proc there, or leave HOST_ROOT out on the host itself" },
  );
}
