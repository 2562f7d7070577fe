import type { OptionTable } from "./option.ts";
import { POSTED_OPTIONS, type PostedOptions, withPath } from "./posted.ts";

/** A service that runs in several regions, each with an address of its own. */
export interface RegionalOptions extends PostedOptions {
  readonly region: string;
}

/** The options that these have besides their key. */
export const REGIONAL_OPTIONS: OptionTable<RegionalOptions> = {
  address: {
    key: "address",
    default: "",
    doc: "Saker's own: another server in place of the region's.",
  },
  ...POSTED_OPTIONS,
  region: { key: "region", default: "us", words: ["us", "eu"], doc: "Where its account is." },
};

/** Where to post to: the region's host of these, or the other server. */
export function regionalUrl(
  hosts: Readonly<Record<string, string>>,
  path: string,
): (options: RegionalOptions) => string {
  return ({ address, region }) => withPath(address || (hosts[region] ?? ""), path);
}
