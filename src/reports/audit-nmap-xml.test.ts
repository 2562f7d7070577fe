import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { bare, full, secure } from "../../test/fixtures/audit-reports.ts";
import type { AuditReport } from "../audit/report.ts";
import { auditNmapXml } from "./audit-nmap-xml.ts";

/** A document as Python's parser sees it: tags, attributes, text, children. */
function parsed(xml: string): unknown {
  const program =
    "import sys,json,xml.etree.ElementTree as E\nf=lambda e:[e.tag,e.attrib,(e.text or '').strip(),[f(c) for c in e]]\nprint(json.dumps(f(E.fromstring(sys.stdin.buffer.read()))))";
  return JSON.parse(execFileSync("python3", ["-c", program], { input: xml, encoding: "utf8" }));
}

test(
  "auditNmapXml() is XML whatever a host is called, one host element for each",
  { skip: existsSync("/usr/bin/python3") ? false : "needs python3" },
  () => {
    const named = { ...full, host: '"><x>\u0001\ud800&', address: "192.0.2.1" };
    const unnamed: AuditReport = { ...bare, host: "nosuch.invalid", connections: 0 };
    const other = { ...secure, container: "other" };
    const document = JSON.stringify(
      parsed(
        auditNmapXml(
          [
            { ...named, container: named.host },
            secure,
            { ...secure, port: 1 },
            other,
            { ...bare, host: "::1", connections: 0 },
            unnamed,
          ],
          "1.0",
        ),
      ),
    );
    assert.match(document, /"name":"\\"><x>\ufffd\ufffd&"/);
    assert.equal(
      document.match(/\["host",/g)?.length,
      4,
      "two containers with one address are two hosts",
    );
    assert.equal(document.match(/\["port",/g)?.length, 5);
    assert.match(document, /"addr":"192.0.2.1","addrtype":"ipv4"/);
    assert.match(document, /"addr":"::1","addrtype":"ipv6"/);
    assert.match(
      document,
      /\["target",\{"specification":"nosuch.invalid","status":"skipped","reason":"invalid"\}/,
    );
    assert.match(
      document,
      /\["scaninfo",\{"type":"connect","protocol":"tcp","numservices":"2","services":"1,8443"\}/,
    );
    assert.match(document, /\["hosts",\{"up":"3","down":"1","total":"4"\}/);
  },
);

const validator = ["/usr/bin/xmllint", "/usr/share/nmap/nmap.dtd"].find(
  (path) => !existsSync(path),
);

test(
  "auditNmapXml() is valid by nmap's document type",
  { skip: validator === undefined ? false : `needs ${validator}` },
  () => {
    const xml = auditNmapXml(
      [
        full,
        secure,
        { ...bare, host: "nosuch.invalid", connections: 0 },
        { ...bare, speaks: "ssh" },
      ],
      "1.0",
    );
    execFileSync("xmllint", ["--noout", "--dtdvalid", "/usr/share/nmap/nmap.dtd", "-"], {
      input: xml,
      stdio: ["pipe", "inherit", "inherit"],
    });
  },
);

test("auditNmapXml() of nothing is a document", () =>
  assert.match(
    auditNmapXml([], "1.0"),
    /<nmaprun [^]*<hosts up="0" down="0" total="0"\/>\n<\/runstats>\n<\/nmaprun>\n$/,
  ));
