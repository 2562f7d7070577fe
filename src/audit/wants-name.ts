import type { Prober } from "./prober.ts";

/** What may stand behind a refusal: servers of many names have some that know none but their own. */
export function wantsName({ serverName }: Pick<Prober, "serverName">): string {
  const wanted = serverName === undefined ? "a name" : `another name than ${serverName}`;
  return `a server of TLS may want to be called by ${wanted}: saker audit --sni NAME`;
}
