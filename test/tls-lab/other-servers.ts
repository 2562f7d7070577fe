import { CHACHA_FIRST, GNUTLS_FIELDS, type LabServer } from "./builders.ts";
import type { Lab } from "./lab.ts";

// Servers of names, files, chat, data and more.

function other(
  name: string,
  needs: LabServer["needs"],
  expect: string,
  args: (lab: Lab, port: number) => readonly string[],
  more: Partial<LabServer> = {},
): LabServer {
  return {
    name,
    needs,
    expect,
    isCompared: expect === "tls",
    start: (lab, port) => lab.serve(port, needs[0], args(lab, port)),
    ...more,
  };
}

/** Everything else that Debian has a server of. */
export const OTHER_SERVERS: readonly LabServer[] = [
  other("unbound over TLS", ["/usr/sbin/unbound", "unbound"], "tls", (lab, port) => [
    "-d",
    "-c",
    lab.file(
      `unbound-${port}.conf`,
      `server:\n interface: 127.0.0.1@${port}\n tls-port: ${port}\n tls-service-key: ${lab.rsa.key}\n tls-service-pem: ${lab.rsa.certificate}\n username: ""\n chroot: ""\n directory: ${lab.folder}\n pidfile: ${lab.folder}/unbound.pid\n use-syslog: no\n do-daemonize: no\n do-udp: no\n incoming-num-tcp: 100\nremote-control:\n control-enable: no\n`,
    ),
  ]),
  other("bind over TLS", ["/usr/sbin/named", "bind9"], "tls", (lab, port) => [
    "-g",
    "-c",
    lab.file(
      `named-${port}.conf`,
      `tls lab { cert-file "${lab.rsa.certificate}"; key-file "${lab.rsa.key}"; };\noptions { directory "${lab.folder}"; pid-file none; session-keyfile none; listen-on port ${port} tls lab { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; managed-keys-directory "${lab.folder}"; };\ncontrols {};\n`,
    ),
  ]),
  other("bind", ["/usr/sbin/named", "bind9"], "dns", (lab, port) => [
    "-g",
    "-c",
    lab.file(
      `named-${port}.conf`,
      `options { directory "${lab.folder}"; pid-file none; session-keyfile none; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; managed-keys-directory "${lab.folder}"; };\ncontrols {};\n`,
    ),
  ]),
  other(
    "dnsdist over TLS",
    ["/usr/bin/dnsdist", "dnsdist"],
    "tls",
    (lab, port) => [
      "--supervised",
      "--disable-syslog",
      "-C",
      lab.file(
        `dnsdist-${port}.lua`,
        `addTLSLocal("127.0.0.1:${port}", "${lab.rsa.certificate}", "${lab.rsa.key}")\nnewServer("127.0.0.1:1")\nsetSecurityPollSuffix("")\n`,
      ),
    ],
    { differences: CHACHA_FIRST },
  ),
  other("etcd over TLS", ["/usr/bin/etcd", "etcd-server"], "tls", (lab, port) => [
    `--data-dir=${lab.directory(`etcd-${port}`)}`,
    `--listen-client-urls=https://127.0.0.1:${port}`,
    `--advertise-client-urls=https://127.0.0.1:${port}`,
    "--listen-peer-urls=http://127.0.0.1:0",
    `--cert-file=${lab.rsa.certificate}`,
    `--key-file=${lab.rsa.key}`,
    "--logger=zap",
  ]),
  other("coturn over TLS", ["/usr/bin/turnserver", "coturn"], "tls", (lab, port) => [
    "-n",
    "--no-stdout-log",
    "--log-file=/dev/null",
    `--tls-listening-port=${port}`,
    "--no-udp",
    "--no-dtls",
    "--no-tcp",
    "--listening-ip=127.0.0.1",
    "--relay-ip=127.0.0.1",
    `--cert=${lab.rsa.certificate}`,
    `--pkey=${lab.rsa.key}`,
    "--no-cli",
    `--pidfile=${lab.folder}/turn.pid`,
    `--userdb=${lab.folder}/turn.db`,
  ]),
  other("murmur", ["/usr/sbin/murmurd", "mumble-server"], "tls", (lab, port) => [
    "-fg",
    "-ini",
    lab.file(
      `murmur-${port}.ini`,
      `database=${lab.folder}/murmur.sqlite\nhost=127.0.0.1\nport=${port}\nsslCert=${lab.rsa.certificate}\nsslKey=${lab.rsa.key}\nbonjour=false\nautobanAttempts=0\nuname=root\nlogfile=\npidfile=\n`,
    ),
  ]),
  other(
    "docker registry over TLS",
    ["/usr/bin/docker-registry", "docker-registry"],
    "tls",
    (lab, port) => [
      "serve",
      lab.file(
        `registry-${port}.yml`,
        `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${lab.directory("registry")}\nhttp:\n  addr: 127.0.0.1:${port}\n  tls:\n    certificate: ${lab.rsa.certificate}\n    key: ${lab.rsa.key}\n`,
      ),
    ],
    { differences: CHACHA_FIRST },
  ),
  other(
    "rsyslog over TLS",
    ["/usr/sbin/rsyslogd", "rsyslog-gnutls"],
    "tls",
    (lab, port) => [
      "-n",
      "-i",
      `${lab.folder}/rsyslog.pid`,
      "-f",
      lab.file(
        `rsyslog-${port}.conf`,
        `global(workDirectory="${lab.folder}" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="${lab.rsa.certificate}" DefaultNetstreamDriverCertFile="${lab.rsa.certificate}" DefaultNetstreamDriverKeyFile="${lab.rsa.key}")\nmodule(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="anon" MaxSessions="500")\ninput(type="imtcp" port="${port}" address="127.0.0.1")\naction(type="omfile" file="${lab.folder}/syslog")\n`,
      ),
    ],
    { noOracle: GNUTLS_FIELDS },
  ),
  other("pgbouncer", ["/usr/sbin/pgbouncer", "pgbouncer"], "starttls postgresql", (lab, port) => [
    "-u",
    "nobody",
    lab.file(
      `pgbouncer-${port}.ini`,
      `[databases]\nx = host=127.0.0.1 port=1\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\nauth_type = any\nclient_tls_sslmode = allow\nclient_tls_key_file = ${lab.rsa.key}\nclient_tls_cert_file = ${lab.rsa.certificate}\n`,
    ),
  ]),
  other("xrdp", ["/usr/sbin/xrdp", "xrdp"], "starttls rdp", (lab, port) => [
    "--nodaemon",
    "--config",
    lab.file(
      `xrdp-${port}.ini`,
      `[Globals]\nport=tcp://127.0.0.1:${port}\nsecurity_layer=tls\ncertificate=${lab.rsa.certificate}\nkey_file=${lab.rsa.key}\nssl_protocols=TLSv1.2, TLSv1.3\nfork=true\n[Logging]\nLogFile=${lab.folder}/xrdp.log\nLogLevel=ERROR\n[Xorg]\nname=Xorg\nlib=libxup.so\n`,
    ),
  ]),
  other("openssh", ["/usr/sbin/sshd", "openssh-server"], "ssh", (lab, port) => {
    const key = `${lab.folder}/ssh-key`;
    lab.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key);
    return ["-D", "-e", "-f", "/dev/null", "-h", key, "-o", `ListenAddress=127.0.0.1:${port}`];
  }),
  other("socat that echoes", ["/usr/bin/socat", "socat"], "unknown", (_lab, port) => [
    `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`,
    "SYSTEM:cat",
  ]),
];
