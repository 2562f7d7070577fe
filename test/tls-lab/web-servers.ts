import { CHACHA_FIRST, GNUTLS_FIELDS, type LabServer, nginx, WOLFSSL_FIELDS } from "./builders.ts";
import type { Lab } from "./lab.ts";

// Servers of HTTP, each over a library or in a configuration that no other one shows.

/** One server of HTTP over TLS that nmap looks at by itself. */
function web(
  name: string,
  needs: LabServer["needs"],
  args: (lab: Lab, port: number) => readonly string[],
  more: Partial<LabServer> = {},
): LabServer {
  return {
    name,
    needs,
    expect: "tls",
    isCompared: true,
    start: (lab, port) => lab.serve(port, needs[0], args(lab, port)),
    ...more,
  };
}

/** lighttpd over one of the five libraries that it can be built with. */
function lighttpd(library: string, more: Partial<LabServer> = {}): LabServer {
  return web(
    `lighttpd over ${library}`,
    [`/usr/lib/lighttpd/mod_${library}.so`, `lighttpd-mod-${library}`],
    () => [],
    {
      start: (lab, port) =>
        lab.serve(port, "/usr/sbin/lighttpd", [
          "-D",
          "-f",
          lab.file(
            `lighttpd-${port}.conf`,
            `server.document-root = "${lab.folder}"\nserver.bind = "127.0.0.1"\nserver.port = ${port}\nserver.modules = ("mod_${library}")\nssl.engine = "enable"\nssl.pemfile = "${lab.rsa.certificate}"\nssl.privkey = "${lab.rsa.key}"\n`,
          ),
        ]),
      ...more,
    },
  );
}

/** Servers of HTTP. */
export const WEB_SERVERS: readonly LabServer[] = [
  nginx("TLS 1.3 alone", "ssl_protocols TLSv1.3;", CHACHA_FIRST),
  nginx("in the server's order", "ssl_prefer_server_ciphers on;"),
  {
    ...nginx("plain", ""),
    expect: "http",
    isCompared: false,
    start: (lab, port) =>
      lab.serve(port, "nginx", [
        "-p",
        lab.folder,
        "-c",
        lab.file(
          `nginx-${port}.conf`,
          `pid ${lab.folder}/nginx-${port}.pid; daemon off; error_log stderr; events {} http { access_log off; server { listen 127.0.0.1:${port}; return 200; } }`,
        ),
      ]),
  },
  lighttpd("openssl"),
  lighttpd("gnutls", { noOracle: GNUTLS_FIELDS }),
  lighttpd("mbedtls"),
  lighttpd("nss"),
  lighttpd("wolfssl", {
    differences: WOLFSSL_FIELDS,
    untold: /^TLSv1\.2: the server chokes on status_request/,
  }),
  web("apache", ["/usr/sbin/apache2", "apache2"], (lab, port) => [
    "-D",
    "FOREGROUND",
    "-f",
    lab.file(
      `apache-${port}.conf`,
      `ServerRoot ${lab.folder}\nServerName localhost\nPidFile ${lab.folder}/apache-${port}.pid\nDefaultRuntimeDir ${lab.folder}\nErrorLog ${lab.folder}/apache.log\nListen 127.0.0.1:${port}\n${["mpm_event", "authz_core", "socache_shmcb", "ssl"].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join("\n")}\nSSLEngine on\nSSLCertificateFile ${lab.rsa.certificate}\nSSLCertificateKeyFile ${lab.rsa.key}\nMutex file:${lab.folder} default\n`,
    ),
  ]),
  web("hitch", ["/usr/sbin/hitch", "hitch"], (lab, port) => [
    "--user=_hitch",
    "--config",
    lab.file(
      `hitch-${port}.conf`,
      `frontend = "[127.0.0.1]:${port}"\nbackend = "[127.0.0.1]:1"\npem-file = "${lab.pem(lab.rsa, "hitch.pem")}"\nworkers = 1\n`,
    ),
  ]),
  web("nghttpx", ["/usr/sbin/nghttpx", "nghttp2-proxy"], (lab, port) => [
    `--frontend=127.0.0.1,${port}`,
    "--backend=127.0.0.1,1",
    "--conf=/dev/null",
    "--errorlog-file=/dev/stderr",
    "--accesslog-file=/dev/null",
    lab.rsa.key,
    lab.rsa.certificate,
  ]),
  web("h2o", ["/usr/bin/h2o", "h2o"], (lab, port) => [
    "-c",
    lab.file(
      `h2o-${port}.conf`,
      `user: root\nlisten:\n  host: 127.0.0.1\n  port: ${port}\n  ssl:\n    certificate-file: ${lab.rsa.certificate}\n    key-file: ${lab.rsa.key}\nhosts:\n  default:\n    paths:\n      /:\n        file.dir: ${lab.folder}\n`,
    ),
  ]),
  web(
    "caddy",
    ["/usr/bin/caddy", "caddy"],
    (lab, port) => [
      "run",
      "--adapter",
      "caddyfile",
      "--config",
      lab.file(
        `Caddyfile-${port}`,
        `{\n admin off\n auto_https off\n storage file_system ${lab.folder}/caddy\n}\nhttps://:${port} {\n bind 127.0.0.1\n tls ${lab.rsa.certificate} ${lab.rsa.key}\n respond ok\n}\n`,
      ),
    ],
    { differences: CHACHA_FIRST },
  ),
  web("mini_httpd", ["/usr/sbin/mini_httpd", "mini-httpd"], (lab, port) => [
    "-D",
    "-S",
    "-E",
    lab.pem(lab.rsa, "mini.pem"),
    "-p",
    `${port}`,
    "-h",
    "127.0.0.1",
    "-u",
    "nobody",
    "-d",
    lab.directory("mini"),
  ]),
  web("uwsgi", ["/usr/bin/uwsgi", "uwsgi-core"], (lab, port) => [
    "--plugin",
    "http",
    "--https",
    `127.0.0.1:${port},${lab.rsa.certificate},${lab.rsa.key}`,
    "--http-to",
    "127.0.0.1:1",
    "--master",
  ]),
  web("ocserv", ["/usr/sbin/ocserv", "ocserv"], (lab, port) => [
    "-f",
    "-c",
    lab.file(
      `ocserv-${port}.conf`,
      `auth = "plain[passwd=${lab.file("ocpasswd", "")}]"\nlisten-host = 127.0.0.1\ntcp-port = ${port}\nrun-as-user = nobody\nrun-as-group = nogroup\nsocket-file = ${lab.folder}/ocserv.socket\nserver-cert = ${lab.rsa.certificate}\nserver-key = ${lab.rsa.key}\nmax-clients = 0\nmax-same-clients = 0\ndevice = vpns\nipv4-network = 192.168.99.0\nipv4-netmask = 255.255.255.0\nrate-limit-ms = 0\nmax-ban-score = 0\ntls-priorities = "NORMAL:%SERVER_PRECEDENCE"\n`,
    ),
  ]),
];
