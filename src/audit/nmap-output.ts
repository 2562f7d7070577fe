import { CIPHER_SUITES } from "../tls/cipher-suites.ts";
import type { AuditReport, CipherReport, ProbeError, ProtocolReport } from "./report.ts";

/** What nmap's XML says of one port. */
export type NmapFindings = Pick<AuditReport, "protocols"> & {
  readonly tls?: true;
  readonly leastStrength?: string;
  /** Such as `nmap 7.93`. */
  readonly scanner: string;
  readonly errors: readonly ProbeError[];
};

/** A table of a script's result: values by key, the nameless ones by their place. */
interface Table {
  readonly tables: ReadonlyMap<string, Table>;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads nmap's XML (`-oX`) of one port with the result of ssl-enum-ciphers; never throws. */
export function nmapFindings(xml: string): NmapFindings {
  const [, version = "?"] = /<nmaprun [^>]*\bversion="([\w.]+)"/.exec(xml) ?? [];
  const scanner = `nmap ${version}`;
  const [, state = "unknown"] = /<state state="([\w|-]+)"/.exec(xml) ?? [];
  if (state !== "open") return { scanner, protocols: {}, errors: [notOpen(state)] };
  const [, result = ""] = /<script id="ssl-enum-ciphers"[^>]*>([\s\S]*?)<\/script>/.exec(xml) ?? [];
  const { tables, values } = tableOf(result);
  const protocols = Object.fromEntries(
    [...tables].map(([name, table]) => [name, protocolOf(table)]),
  );
  if (tables.size === 0) return { scanner, protocols, errors: [NO_SUITES] };
  const leastStrength = values.get("least strength");
  const least = leastStrength === undefined ? {} : { leastStrength };
  return { scanner, tls: true, protocols, ...least, errors: [] };
}

/** The script says nothing in either case. */
const NO_SUITES: ProbeError = {
  probe: "nmap",
  error: "ssl-enum-ciphers found no suite: there is no TLS, or the port did not answer in time",
};

function notOpen(state: string): ProbeError {
  const code = state === "closed" ? "refused" : "timeout";
  return { probe: "nmap", code, error: `nmap finds the port ${state}` };
}

function protocolOf({ tables, values }: Table): ProtocolReport {
  const preference = values.get("cipher preference");
  const isKnown =
    preference === "server" || preference === "client" || preference === "indeterminate";
  const error = values.get("cipher preference error");
  const compressors = tables.get("compressors");
  return {
    ciphers: [...(tables.get("ciphers")?.tables.values() ?? [])].map(cipherOf),
    ...(compressors === undefined ? {} : { compressors: [...compressors.values.values()] }),
    ...(isKnown ? { cipherPreference: preference } : {}),
    ...(error === undefined ? {} : { cipherPreferenceError: error }),
    warnings: [...(tables.get("warnings")?.values.values() ?? [])],
  };
}

const IDS: ReadonlyMap<string, number> = new Map(
  [...CIPHER_SUITES.values()].map(({ id, name }) => [name, id]),
);

function cipherOf({ values }: Table): CipherReport {
  const name = values.get("name") ?? "unknown";
  const kexInfo = values.get("kex_info");
  // nmap gives suites of TLS 1.3 a key exchange in their name.
  const id = IDS.get(name) ?? IDS.get(name.replace("TLS_AKE_WITH_", "TLS_"));
  return {
    id: id === undefined ? "unknown" : `0x${id.toString(16).toUpperCase().padStart(4, "0")}`,
    name,
    ...(kexInfo === undefined ? {} : { kexInfo }),
    strength: values.get("strength") ?? "unknown",
  };
}

const TAG = /<table(?: key="([^"]*)")?>|<\/table>|<elem(?: key="([^"]*)")?>([^<]*)<\/elem>/g;

function tableOf(xml: string): Table {
  const root = { tables: new Map<string, Table>(), values: new Map<string, string>() };
  const open = [root];
  for (const [tag, key, elementKey, text = ""] of xml.matchAll(TAG)) {
    const top = open.at(-1) ?? root;
    if (tag === "</table>") {
      if (open.length > 1) open.pop();
    } else if (tag.startsWith("<table")) {
      const inner = { tables: new Map<string, Table>(), values: new Map<string, string>() };
      top.tables.set(key === undefined ? String(top.tables.size) : plain(key), inner);
      open.push(inner);
    } else
      top.values.set(
        elementKey === undefined ? String(top.values.size) : plain(elementKey),
        plain(text),
      );
  }
  return root;
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function plain(text: string): string {
  return text.replaceAll(
    /&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w+));/gi,
    (whole, hex: string, decimal: string, name: string) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
