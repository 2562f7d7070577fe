import type { AuditReport, ProtocolReport } from "../audit/report.ts";
import { enumeratedProtocols, missingText, nmapStrength, scriptBlock } from "./audit-nmap.ts";
import { portState } from "./port-state.ts";

/**
 * Audits as one document of nmap's XML, for parsers that read it: valid by nmap.dtd (output version
 * 1.05), with the same elements for hosts, ports and
 * the script `ssl-enum-ciphers`. Ports of one host stand below one host element; a name without an
 * address is a target that was skipped, as nmap has it.
 */
export function auditNmapXml(reports: readonly AuditReport[], version: string): string {
  const times = reports.map(({ startedAt, durationMs }) => ({
    start: Date.parse(startedAt),
    end: Date.parse(startedAt) + durationMs,
  }));
  const start = least(times.map((time) => time.start));
  const end = most(times.map((time) => time.end));
  const [known, skipped] = [
    reports.filter((report) => addressOf(report) !== undefined),
    reports.filter((report) => addressOf(report) === undefined),
  ];
  const hosts = [
    ...Map.groupBy(known, (report) => [addressOf(report), nameOf(report)].join(" ")).values(),
  ];
  const up = hosts.filter(isUp).length;
  const elapsed = ((end - start) / 1000).toFixed(2);
  const ports = [...new Set(reports.map(({ port }) => port))].toSorted((a, b) => a - b);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<!DOCTYPE nmaprun>",
    // The document type knows no other scanner than nmap; what it really was stands in the
    // arguments.
    `<nmaprun${attributes({ scanner: "nmap", args: "saker audit --format nmap-xml", start: seconds(start), startstr: asctime(start), version, xmloutputversion: "1.05" })}>`,
    `<scaninfo${attributes({ type: "connect", protocol: "tcp", numservices: `${ports.length}`, services: ports.join(",") })}/>`,
    '<verbose level="0"/>',
    '<debugging level="0"/>',
    ...skipped.map(
      ({ host }) =>
        `<target${attributes({ specification: host, status: "skipped", reason: "invalid" })}/>`,
    ),
    ...hosts.map(hostElement),
    `<runstats><finished${attributes({ time: seconds(end), timestr: asctime(end), summary: `Saker done at ${asctime(end)}; ${hosts.length} hosts examined in ${elapsed} seconds`, elapsed, exit: "success" })}/>` +
      `<hosts${attributes({ up: `${up}`, down: `${hosts.length - up}`, total: `${hosts.length}` })}/>`,
    "</runstats>",
    "</nmaprun>",
    "",
  ].join("\n");
}

function least(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b), times[0] ?? 0);
}

function most(times: readonly number[]): number {
  return times.reduce((a, b) => Math.max(a, b), times[0] ?? 0);
}

/** The address that was examined; undefined where a name has none. */
function addressOf({ host, address }: AuditReport): string | undefined {
  return address ?? (host.includes(":") || /^\d+(?:\.\d+){3}$/.test(host) ? host : undefined);
}

/**
 * What the host is called besides its address. Containers have addresses of their own, which may be
 * those of others.
 */
function nameOf(report: AuditReport): string | undefined {
  return report.container ?? (report.host === addressOf(report) ? undefined : report.host);
}

/** A port that refuses is an answer, too. */
function isUp(ofHost: readonly AuditReport[]): boolean {
  return ofHost.some((report) => portState(report).state !== "filtered");
}

function hostElement(ofHost: readonly AuditReport[]): string {
  const [first] = ofHost;
  if (first === undefined) return "";
  const [address = "", name] = [addressOf(first), nameOf(first)];
  const start = least(ofHost.map(({ startedAt }) => Date.parse(startedAt)));
  const end = most(ofHost.map((report) => Date.parse(report.startedAt) + report.durationMs));
  return [
    `<host${attributes({ starttime: seconds(start), endtime: seconds(end) })}><status${attributes({ state: isUp(ofHost) ? "up" : "down", reason: "user-set", reason_ttl: "0" })}/>`,
    `<address${attributes({ addr: address, addrtype: address.includes(":") ? "ipv6" : "ipv4" })}/>`,
    "<hostnames>",
    ...(name === undefined ? [] : [`<hostname${attributes({ name, type: "user" })}/>`]),
    "</hostnames>",
    `<ports>${ofHost.map(portElement).join("\n")}`,
    "</ports>",
    "</host>",
  ].join("\n");
}

function portElement(report: AuditReport): string {
  const { state, reason, service, isTunnelled } = portState(report);
  const element = `<service${attributes({ name: service, ...(isTunnelled ? { tunnel: "ssl" } : {}), method: "probed", conf: "10" })}/>`;
  return `<port${attributes({ protocol: "tcp", portid: `${report.port}` })}><state${attributes({ state, reason, reason_ttl: "0" })}/>${state === "open" ? element : ""}${scriptElement(report)}</port>`;
}

function scriptElement(report: AuditReport): string {
  const block = scriptBlock(report);
  const missing = portState(report).state === "open" ? missingText(report) : undefined;
  const own =
    missing === undefined ? "" : `<script${attributes({ id: "saker", output: missing })}/>`;
  if (block.length === 0) return own;
  const protocols = enumeratedProtocols(report);
  const tables = Object.keys(protocols)
    .toSorted()
    .map(
      (name) =>
        `<table key="${name}">\n${protocolTable(protocols[name] ?? { ciphers: [], warnings: [] })}</table>\n`,
    );
  // As nmap does it: a line break before the first line, none behind the last.
  const output = `\n${block.join("\n")}`;
  return `<script${attributes({ id: "ssl-enum-ciphers", output })}>${tables.join("")}${element("least strength", nmapStrength(report))}</script>${own}`;
}

function protocolTable({
  ciphers,
  compressors,
  cipherPreference,
  cipherPreferenceError,
  warnings,
}: ProtocolReport): string {
  const suites = ciphers.map(
    ({ name, kexInfo, strength }) =>
      `<table>\n${kexInfo === undefined ? "" : element("kex_info", kexInfo)}${element("name", name)}${element("strength", strength)}</table>\n`,
  );
  return [
    `<table key="ciphers">\n${suites.join("")}</table>\n`,
    ...(compressors === undefined
      ? []
      : [
          `<table key="compressors">\n${compressors.map((name) => element(undefined, name)).join("")}</table>\n`,
        ]),
    ...(cipherPreference === undefined ? [] : [element("cipher preference", cipherPreference)]),
    ...(cipherPreferenceError === undefined
      ? []
      : [element("cipher preference error", cipherPreferenceError)]),
    ...(warnings.length === 0
      ? []
      : [
          `<table key="warnings">\n${warnings.map((text) => element(undefined, text)).join("")}</table>\n`,
        ]),
  ].join("");
}

function element(key: string | undefined, text: string): string {
  return `<elem${key === undefined ? "" : attributes({ key })}>${xmlText(text)}</elem>\n`;
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${xmlText(value)}"`)
    .join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#xa;",
  "\r": "&#xd;",
  "\t": "&#x9;",
};

/**
 * Text for content and attributes alike; characters that XML 1.0 does not know (§2.2) are replaced.
 */
function xmlText(text: string): string {
  return (
    text
      .toWellFormed()
      // oxlint-disable-next-line no-control-regex -- these are the ones that must not get through
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replace(/[&<>"\n\r\t]/g, (one) => ENTITIES[one] ?? one)
  );
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)}`;
}

/** `Mon Nov 23 17:45:28 2026`, as C's asctime writes it; in UTC. */
function asctime(ms: number): string {
  const [, day, date, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString()) ?? [];
  return `${day} ${month} ${(date ?? "").replace(/^0/, " ")} ${time} ${year}`;
}
