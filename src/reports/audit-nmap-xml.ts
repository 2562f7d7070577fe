import type { AuditReport, ProtocolReport } from "../audit/report.ts";
import { enumeratedProtocols, lexicallyLast, scriptBlock } from "./audit-nmap.ts";

/**
 * Audits as one document of nmap's XML (nmap.dtd, output version 1.05), for parsers that read it: the same elements for hosts, ports and the script
 * `ssl-enum-ciphers`. Ports of one host stand below one host element.
 */
export function auditNmapXml(reports: readonly AuditReport[], version: string): string {
  const times = reports.map(({ startedAt, durationMs }) => ({ start: Date.parse(startedAt), end: Date.parse(startedAt) + durationMs }));
  const start = Math.min(...times.map((time) => time.start), Number.MAX_SAFE_INTEGER);
  const end = Math.max(...times.map((time) => time.end), 0);
  const hosts = Map.groupBy(reports, ({ host }) => host);
  const up = [...hosts.values()].filter((ofHost) => ofHost.some(({ connections }) => connections > 0)).length;
  const elapsed = ((end - start) / 1000).toFixed(2);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<!DOCTYPE nmaprun>",
    `<nmaprun${attributes({ scanner: "saker", args: "saker audit --format nmap-xml", start: seconds(start), startstr: asctime(start), version, xmloutputversion: "1.05" })}>`,
    ...[...hosts.values()].map(hostElement),
    `<runstats><finished${attributes({ time: seconds(end), timestr: asctime(end), summary: `Saker done at ${asctime(end)}; ${hosts.size} hosts examined in ${elapsed} seconds`, elapsed, exit: "success" })}/>` +
      `<hosts${attributes({ up: `${up}`, down: `${hosts.size - up}`, total: `${hosts.size}` })}/>`,
    "</runstats>",
    "</nmaprun>",
    "",
  ].join("\n");
}

function hostElement(reports: readonly AuditReport[]): string {
  const [{ host, startedAt } = { host: "", startedAt: "" }] = reports;
  const isUp = reports.some(({ connections }) => connections > 0);
  const isAddress = host.includes(":") || /^\d+(?:\.\d+){3}$/.test(host);
  const end = Math.max(...reports.map((report) => Date.parse(report.startedAt) + report.durationMs));
  return [
    `<host${attributes({ starttime: seconds(Date.parse(startedAt)), endtime: seconds(end) })}><status${attributes({ state: isUp ? "up" : "down", reason: "user-set", reason_ttl: "0" })}/>`,
    ...(isAddress ? [`<address${attributes({ addr: host, addrtype: host.includes(":") ? "ipv6" : "ipv4" })}/>`] : []),
    "<hostnames>",
    ...(isAddress ? [] : [`<hostname${attributes({ name: host, type: "user" })}/>`]),
    "</hostnames>",
    `<ports>${reports.map(portElement).join("\n")}`,
    "</ports>",
    "</host>",
  ].join("\n");
}

function portElement(report: AuditReport): string {
  const isOpen = report.connections > 0;
  const state = `<state${attributes({ state: isOpen ? "open" : "closed", reason: isOpen ? "syn-ack" : "conn-refused", reason_ttl: "0" })}/>`;
  const name = report.tls && report.starttls === undefined ? "ssl" : (report.starttls ?? report.speaks ?? "unknown");
  const service = `<service${attributes({ name, ...(report.tls && report.starttls === undefined ? { tunnel: "ssl" } : {}), method: "probed", conf: "10" })}/>`;
  return `<port${attributes({ protocol: "tcp", portid: `${report.port}` })}>${state}${isOpen ? service : ""}${scriptElement(report)}</port>`;
}

function scriptElement(report: AuditReport): string {
  const block = scriptBlock(report);
  if (block.length === 0) return "";
  const protocols = enumeratedProtocols(report);
  const tables = Object.keys(protocols).toSorted().map((name) => `<table key="${name}">\n${protocolTable(protocols[name] ?? { ciphers: [], warnings: [] })}</table>\n`);
  // As nmap does it: a line break before the first line, none behind the last.
  const output = `\n${block.join("\n")}`;
  return `<script${attributes({ id: "ssl-enum-ciphers", output })}>${tables.join("")}${element("least strength", lexicallyLast({ protocols }))}</script>`;
}

function protocolTable({ ciphers, compressors, cipherPreference, cipherPreferenceError, warnings }: ProtocolReport): string {
  const suites = ciphers.map(({ name, kexInfo, strength }) => `<table>\n${kexInfo === undefined ? "" : element("kex_info", kexInfo)}${element("name", name)}${element("strength", strength)}</table>\n`);
  return [
    `<table key="ciphers">\n${suites.join("")}</table>\n`,
    ...(compressors === undefined ? [] : [`<table key="compressors">\n${compressors.map((name) => element(undefined, name)).join("")}</table>\n`]),
    ...(cipherPreference === undefined ? [] : [element("cipher preference", cipherPreference)]),
    ...(cipherPreferenceError === undefined ? [] : [element("cipher preference error", cipherPreferenceError)]),
    ...(warnings.length === 0 ? [] : [`<table key="warnings">\n${warnings.map((text) => element(undefined, text)).join("")}</table>\n`]),
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

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#xa;", "\r": "&#xd;", "\t": "&#x9;" };

/** Text for content and attributes alike; characters that XML 1.0 does not know (§2.2) are replaced. */
function xmlText(text: string): string {
  return text
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex -- these are the ones that must not get through
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"\n\r\t]/g, (one) => ENTITIES[one] ?? one);
}

function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)}`;
}

/** `Mon Nov 23 17:45:28 2026`, as C's asctime writes it; in UTC. */
function asctime(ms: number): string {
  const [, day, date, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString()) ?? [];
  return `${day} ${month} ${(date ?? "").replace(/^0/, " ")} ${time} ${year}`;
}
