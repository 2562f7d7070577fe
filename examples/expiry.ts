// Says until when a server's certificate holds: node expiry.ts HOST PORT
import { auditPort } from "saker/audit";

const [host = "127.0.0.1", port = "443"] = process.argv.slice(2);
const { tls, certificates, errors } = await auditPort({ host, port: Number(port) });
if (tls !== true) console.log(errors[0]?.error ?? "no TLS");
else console.log(`holds until ${certificates[0]?.notAfter ?? "unknown"}`);
