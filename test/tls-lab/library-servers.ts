import type { Issued } from "../fixtures/authority.ts";
import { gnutls, java, type LabServer, openssl, opensslOf, pair } from "./builders.ts";
import type { Lab } from "./lab.ts";

// TLS libraries in the smallest servers that speak them, each in another configuration.

const LOCALHOST = ["subjectAltName=DNS:localhost,IP:127.0.0.1"];

function ofKind(lab: Lab, ...key: string[]): Issued {
  return lab.authority.issue({ subject: "/CN=lab.test", key, extensions: LOCALHOST });
}

/** A certificate with an elliptic key on this curve. */
function onCurve(lab: Lab, curve: string): Issued {
  return ofKind(lab, "-algorithm", "EC", "-pkeyopt", `ec_paramgen_curve:${curve}`);
}

function dsa(lab: Lab): Issued {
  const parameters = `${lab.folder}/dsa.params`;
  const size = ["-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024"];
  lab.run("openssl", "genpkey", "-genparam", ...size, "-out", parameters);
  return ofKind(lab, "-paramfile", parameters);
}

const OLDER = "ALL:COMPLEMENTOFALL:@SECLEVEL=0";

/** Handshakes on these curves are not done here to their end. */
const NO_BRAINPOOL = /^(?:poodle-tls|invalid-curve): .*the handshake ended early/;

const OPENSSL_SERVERS: readonly LabServer[] = [
  {
    ...opensslOf("P-384 certificate", (lab) => pair(onCurve(lab, "P-384"))),
    // It is asked with P-256 alone, and then has no curve for its certificate.
    untold: /^invalid-curve: .*the handshake ended early/,
  },
  {
    ...opensslOf("brainpool certificate", (lab) => pair(onCurve(lab, "brainpoolP256r1")), [
      "-no_tls1_3",
    ]),
    untold: NO_BRAINPOOL,
  },
  opensslOf("RSA-PSS certificate", (lab) => pair(ofKind(lab, "-algorithm", "RSA-PSS"))),
  opensslOf("Ed25519 certificate", (lab) => pair(ofKind(lab, "-algorithm", "ED25519"))),
  opensslOf("Ed448 certificate", (lab) => pair(ofKind(lab, "-algorithm", "ED448"))),
  opensslOf("DSA certificate", (lab) => pair(dsa(lab)), ["-no_tls1_3", "-cipher", OLDER]),
  opensslOf("RSA and ECDSA certificates", ({ rsa, ec }) => [...pair(rsa), ...pair(ec, "d")]),
  opensslOf(
    "RSA 1024 signed with SHA-1",
    (lab) =>
      pair(
        lab.authority.issue({
          subject: "/CN=lab.test",
          key: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
          more: ["-days", "30", "-sha1"],
        }),
      ),
    ["-cipher", OLDER],
  ),
  {
    ...opensslOf("pre-shared key alone", () => ["-nocert"], ["-psk", "00112233", "-no_tls1_3"]),
    noOracle: "s_client offers such suites only with a key of its own",
    // Without the key nobody finishes a handshake.
    untold: /^(?:session|ticketbleed): /,
  },
  opensslOf("anonymous alone", () => ["-nocert"], ["-cipher", "aNULL:@SECLEVEL=0", "-no_tls1_3"]),
  // nmap/nmap#2749
  openssl("one suite of TLS 1.1", ["-tls1_1", "-cipher", "AES256-SHA:@SECLEVEL=0"]),
  openssl("one suite of TLS 1.2", ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]),
  {
    ...opensslOf("brainpool groups alone", ({ ec }) => pair(ec), [
      "-groups",
      "brainpoolP256r1:brainpoolP384r1",
      "-no_tls1_3",
    ]),
    untold: NO_BRAINPOOL,
  },
  opensslOf("X448 alone", ({ rsa }) => pair(rsa), ["-groups", "X448", "-tls1_3"]),
  opensslOf("finite fields alone in TLS 1.3", ({ rsa }) => pair(rsa), [
    "-groups",
    "ffdhe3072",
    "-tls1_3",
  ]),
  opensslOf("no RSA key exchange", ({ rsa }) => pair(rsa), ["-cipher", "ALL:!kRSA:!PSK:!SRP"]),
];

/** This Node, whose OpenSSL is newer than Debian's: TLS with these options of `tls.createServer`. */
function node(name: string, options: string, noOracle?: string): LabServer {
  return {
    name: `node ${name}`,
    needs: ["/usr/bin/openssl", "openssl"],
    expect: "tls",
    ...(noOracle === undefined ? {} : { noOracle }),
    start: (lab, port) => {
      const read = (path: string): string => `f.readFileSync(${JSON.stringify(path)})`;
      const keys = `key:[${read(lab.rsa.key)}],cert:[${read(lab.rsa.certificate)}]`;
      const program = `const t=require("tls"),f=require("fs"),EC={key:${read(lab.ec.key)},cert:${read(lab.ec.certificate)}};process.on("uncaughtException",()=>{});const o={${keys}};${options}t.createServer(o,(s)=>{s.on("error",()=>{}).setTimeout(3000,()=>s.destroy()).resume()}).on("tlsClientError",()=>{}).listen(${port},"127.0.0.1")`;
      return lab.serve(port, process.execPath, ["-e", program]);
    },
  };
}

const NO_MLKEM = "Debian's OpenSSL has no ML-KEM";
const NODE_SERVERS: readonly LabServer[] = [
  node("as it comes", ""),
  node("two certificates", "o.key.push(EC.key);o.cert.push(EC.cert);"),
  node("TLS 1.0 to 1.3", 'o.minVersion="TLSv1";o.ciphers="DEFAULT:@SECLEVEL=0";'),
  ...["X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "MLKEM768"].map((group) =>
    node(`${group} alone`, `o.ecdhCurve="${group}";o.minVersion="TLSv1.3";`, NO_MLKEM),
  ),
];

/** A program in a language that runs a file, given port, certificate and key. */
function script(
  name: string,
  needs: LabServer["needs"],
  source: string,
  args: readonly string[] = [],
): LabServer {
  return {
    name,
    needs,
    expect: "tls",
    isCompared: true,
    start: (lab, port) =>
      lab.serve(port, needs[0], [
        ...args,
        lab.file(`server-${port}.${needs[1].split("-")[0]}`, source),
        `${port}`,
        lab.rsa.certificate,
        lab.rsa.key,
      ]),
  };
}

const SCRIPTS: readonly LabServer[] = [
  script(
    "python ssl",
    ["/usr/bin/python3", "python3"],
    `
import socketserver, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
class One(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.settimeout(3)
        try: context.wrap_socket(self.request, server_side=True).close()
        except OSError: pass
socketserver.ThreadingTCPServer.request_queue_size = 64
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), One).serve_forever()
`,
  ),
  script(
    "python twisted",
    ["/usr/bin/python3", "python3-twisted"],
    `
import sys
from twisted.internet import protocol, reactor, ssl
factory = protocol.Factory()
factory.protocol = protocol.Protocol
reactor.listenSSL(int(sys.argv[1]), factory, ssl.DefaultOpenSSLContextFactory(sys.argv[3], sys.argv[2]), interface="127.0.0.1", backlog=64)
reactor.run()
`,
  ),
  script(
    "perl IO::Socket::SSL",
    ["/usr/bin/perl", "libio-socket-ssl-perl"],
    `
use IO::Socket::SSL;
$SIG{CHLD} = "IGNORE";
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 64, ReuseAddr => 1) or die;
while (1) {
  my $client = $server->accept or next;
  if (fork == 0) { IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_cert_file => $ARGV[1], SSL_key_file => $ARGV[2], Timeout => 3); exit 0 }
  close $client;
}
`,
  ),
  script(
    "ruby WEBrick",
    ["/usr/bin/ruby", "ruby-webrick"],
    `
require "webrick/https"
WEBrick::HTTPServer.new(Port: ARGV[0].to_i, BindAddress: "127.0.0.1", SSLEnable: true, SSLCertificate: OpenSSL::X509::Certificate.new(File.read(ARGV[1])), SSLPrivateKey: OpenSSL::PKey.read(File.read(ARGV[2])), Logger: WEBrick::Log.new(File::NULL), AccessLog: []).start
`,
  ),
  script(
    "erlang ssl",
    ["/usr/bin/escript", "erlang-ssl"],
    `#!/usr/bin/env escript
main([Port, Cert, Key]) ->
  {ok, _} = application:ensure_all_started(ssl),
  {ok, Listen} = ssl:listen(list_to_integer(Port), [{certfile, Cert}, {keyfile, Key}, {reuseaddr, true}, {ip, {127,0,0,1}}, {backlog, 64}, {active, false}, {log_level, none}]),
  loop(Listen).
loop(Listen) ->
  {ok, Socket} = ssl:transport_accept(Listen),
  Pid = spawn(fun() -> receive go -> ok end, case ssl:handshake(Socket, 3000) of {ok, S} -> ssl:recv(S, 0, 3000), ssl:close(S); _ -> ok end end),
  ssl:controlling_process(Socket, Pid), Pid ! go,
  loop(Listen).
`,
  ),
];

const GO_SERVER = `
package main
import ("crypto/tls"; "net"; "os"; "time")
func main() {
  certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
  if err != nil { panic(err) }
  config := &tls.Config{Certificates: []tls.Certificate{certificate}}
  if len(os.Args) > 4 { config.MinVersion = tls.VersionTLS13 }
  listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
  if err != nil { panic(err) }
  for {
    connection, err := listener.Accept()
    if err != nil { continue }
    go func() { connection.SetDeadline(time.Now().Add(3 * time.Second)); server := tls.Server(connection, config); server.Handshake(); server.Close() }()
  }
}
`;

function go(name: string, args: readonly string[]): LabServer {
  return {
    name: `go ${name}`,
    needs: ["/usr/bin/go", "golang-go"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) => {
      const binary = `${lab.folder}/go-server`;
      lab.run("go", "build", "-o", binary, lab.file("server.go", GO_SERVER));
      return lab.serve(port, binary, [`${port}`, lab.rsa.certificate, lab.rsa.key, ...args]);
    },
  };
}

/** Servers whose whole point is the library below them. */
export const LIBRARY_SERVERS: readonly LabServer[] = [
  ...OPENSSL_SERVERS,
  ...NODE_SERVERS,
  ...SCRIPTS,
  go("as it comes", []),
  go("TLS 1.3 alone", ["1.3"]),
  gnutls("SECURE256", "SECURE256", [
    {
      line: /\(dh 8192\) - A$/,
      only: "ours",
      why: "nmap offers ffdhe2048 alone, which is too small",
    },
  ]),
  gnutls("forward secrecy up to TLS 1.2", "PFS:-VERS-TLS1.3"),
  gnutls("TLS 1.3 alone", "NORMAL:-VERS-ALL:+VERS-TLS1.3"),
  gnutls("suites of the server's order", "NORMAL:%SERVER_PRECEDENCE"),
  java("without RSA key exchange", "default", [
    "jdk.tls.disabledAlgorithms=SSLv3, TLSv1, TLSv1.1, RC4, DES, MD5withRSA, 3DES_EDE_CBC, anon, NULL, RSA keySize < 1024, TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_AES_256_CBC_SHA",
  ]),
  {
    name: "socat",
    needs: ["/usr/bin/socat", "socat"],
    expect: "tls",
    isCompared: true,
    start: (lab, port) =>
      lab.serve(port, "socat", [
        `OPENSSL-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,cert=${lab.rsa.certificate},key=${lab.rsa.key},verify=0,backlog=64`,
        "SYSTEM:true",
      ]),
  },
];
