import type { Issued } from "../fixtures/authority.ts";
import type { Lab } from "./lab.ts";

/** A real server, and what an audit of it must find. */
export interface LabServer {
  readonly name: string;
  /** The program and the Debian package that it is from. */
  readonly needs: readonly [program: string, debianPackage: string];
  readonly start: (lab: Lab, port: number) => Promise<number>;
  /** `tls`: from the first byte; `starttls NAME`; else what the port speaks. */
  readonly expect: string;
  /** OpenSSL's client cannot be led to its TLS, or cannot speak all that it offers; and why. */
  readonly noOracle?: string;
  /** nmap's script looks at it without being told what it is. */
  readonly isCompared?: boolean;
  /** What an audit cannot tell of it, and why that is so. */
  readonly untold?: RegExp;
  /** Ids of weaknesses that must be found. */
  readonly vulnerable?: readonly string[];
  /** Lines that only one side has, and why. */
  readonly differences?: readonly Difference[];
}

export interface Difference {
  readonly line: RegExp;
  readonly only: "ours" | "theirs";
  readonly why: string;
}

/** Explained differences that several servers show. */
export const CHACHA_FIRST: readonly Difference[] = [
  {
    line: /^TLSv1\.[23]: cipher preference: server$/,
    only: "ours",
    why: "nmap compares one pair; with ChaCha20 in it a server that takes ChaCha20 from those who put it first looks as if the client chose",
  },
  { line: /^TLSv1\.[23]: cipher preference: client$/, only: "theirs", why: "the same" },
];
export const EXPORT_SIZE: readonly Difference[] = [
  { line: /\(rsa 512\) - E$/, only: "ours", why: "nmap counts an export key's modulus in bytes" },
  { line: /\(rsa 64\) - E$/, only: "theirs", why: "the same" },
  {
    line: /Key exchange \(rsa 64\) of lower strength/,
    only: "theirs",
    why: "512 bits are what an export suite promises, so for us the key is not weaker than its suite",
  },
];

export const WOLFSSL_FIELDS: readonly Difference[] = [
  {
    line: /\(dh 3072\) - A$/,
    only: "ours",
    why: "wolfSSL takes the largest finite field that is offered, and nmap offers ffdhe2048 alone",
  },
  { line: /\(dh 2048\) - A$/, only: "theirs", why: "the same" },
];

/** Why OpenSSL's client finds less. */
export const GNUTLS_FIELDS =
  "GnuTLS without parameters does DHE only where FFDHE groups are offered, and OpenSSL offers them in TLS 1.3 alone";

const OPENSSL = ["/usr/bin/openssl", "openssl"] as const;
const NGINX = ["/usr/sbin/nginx", "nginx"] as const;
const GNUTLS = ["/usr/bin/gnutls-serv", "gnutls-bin"] as const;
const JAVA = ["/usr/bin/java", "openjdk-17-jdk-headless"] as const;

export function openssl(
  name: string,
  args: readonly string[],
  differences: readonly Difference[] = [],
): LabServer {
  return { ...opensslOf(name, ({ rsa }) => pair(rsa), args), isCompared: true, differences };
}

/** With another certificate, which nmap may not find. */
export function opensslOf(
  name: string,
  certificate: (lab: Lab) => readonly string[],
  args: readonly string[] = [],
): LabServer {
  return {
    name: `openssl ${name}`,
    needs: OPENSSL,
    expect: "tls",
    start: (lab, port) =>
      lab.serve(port, "openssl", [
        "s_server",
        "-quiet",
        "-accept",
        `127.0.0.1:${port}`,
        ...certificate(lab),
        ...args,
      ]),
  };
}

export function pair({ key, certificate }: Issued, prefix = ""): readonly string[] {
  return [`-${prefix}key`, key, `-${prefix}cert`, certificate];
}

export function gnutls(
  name: string,
  priority: string,
  differences: readonly Difference[] = [],
): LabServer {
  return {
    name: `gnutls ${name}`,
    needs: GNUTLS,
    noOracle: GNUTLS_FIELDS,
    expect: "tls",
    isCompared: true,
    differences,
    start: (lab, port) =>
      lab.serve(port, "gnutls-serv", [
        "--quiet",
        "--echo",
        "-p",
        `${port}`,
        "--x509keyfile",
        lab.rsa.key,
        "--x509certfile",
        lab.rsa.certificate,
        "--x509keyfile",
        lab.ec.key,
        "--x509certfile",
        lab.ec.certificate,
        "--priority",
        priority,
      ]),
  };
}

export function nginx(
  name: string,
  directives: string,
  differences: readonly Difference[] = [],
): LabServer {
  return {
    name: `nginx ${name}`,
    needs: NGINX,
    expect: "tls",
    isCompared: true,
    differences,
    start: (lab, port) => {
      const server = `listen 127.0.0.1:${port} ssl http2; ssl_certificate ${lab.rsa.certificate}; ssl_certificate_key ${lab.rsa.key}; ${directives} return 200;`;
      const config = lab.file(
        `nginx-${port}.conf`,
        `pid ${lab.folder}/nginx-${port}.pid; daemon off; error_log stderr; events {} http { access_log off; server { ${server} } }`,
      );
      return lab.serve(port, "nginx", ["-p", lab.folder, "-c", config]);
    },
  };
}

/** A server of TLS in one Java file, so that its security properties can be set. */
const JAVA_SERVER = `
import java.io.*; import java.security.*; import javax.net.ssl.*;
public class LabServer {
  public static void main(String[] a) throws Exception {
    for (int i = 3; i < a.length; i++) Security.setProperty(a[i].split("=", 2)[0], a[i].split("=", 2)[1]);
    KeyStore store = KeyStore.getInstance("PKCS12"); store.load(new FileInputStream(a[1]), "saker1".toCharArray());
    KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509"); keys.init(store, "saker1".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS"); context.init(keys.getKeyManagers(), null, null);
    SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(Integer.parseInt(a[0]), 64, java.net.InetAddress.getLoopbackAddress());
    if (a[2].equals("all")) { server.setEnabledProtocols(server.getSupportedProtocols()); server.setEnabledCipherSuites(server.getSupportedCipherSuites()); }
    while (true) { SSLSocket socket = (SSLSocket) server.accept(); new Thread(() -> { try { socket.setSoTimeout(2000); socket.startHandshake(); socket.close(); } catch (Exception e) { try { socket.close(); } catch (IOException f) {} } }).start(); }
  }
}
`;

export function java(
  name: string,
  mode: string,
  properties: readonly string[],
  differences: readonly Difference[] = [],
): LabServer {
  return {
    name: `java ${name}`,
    needs: JAVA,
    expect: "tls",
    isCompared: true,
    differences,
    start: (lab, port) => {
      const store = `${lab.folder}/java-${port}.p12`;
      lab.run(
        "openssl",
        "pkcs12",
        "-export",
        "-inkey",
        lab.rsa.key,
        "-in",
        lab.rsa.certificate,
        "-name",
        "lab",
        "-passout",
        "pass:saker1",
        "-out",
        store,
      );
      return lab.serve(port, "java", [
        lab.file("LabServer.java", JAVA_SERVER),
        `${port}`,
        store,
        mode,
        ...properties,
      ]);
    },
  };
}
