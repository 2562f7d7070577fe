import { jsonLine } from "../alerts/format.ts";
import {
  acknowledgedOutput,
  lineIn,
  pipelined,
  type Reply,
  serverAddress,
  type Session,
} from "./acknowledged.ts";
import type { Said } from "./connection.ts";
import { SERVICE_OPTIONS, type ServiceOptions } from "./service.ts";

/** A server of Redis, and where in it alerts go. */
export interface RedisOptions extends ServiceOptions {
  readonly address: string;
  readonly username: string;
  readonly password: string;
  readonly database: number;
  readonly storageType: string;
  readonly storageKey: string;
  readonly tls: boolean;
}

/** Alerts at the end of a list, or in a hash by their numbers (RESP, https://redis.io/docs/reference/protocol-spec). */
export const REDIS_OUTPUT = acknowledgedOutput<RedisOptions>({
  section: "redis",
  doc: "Alerts in Redis: Falco's JSON at the end of a list, or in a hash.",
  required: "address",
  options: {
    address: {
      key: "address",
      default: "",
      doc: "Its address, as `HOST:PORT`. With it the output is on.",
    },
    username: { key: "username", default: "", doc: "Who." },
    password: { key: "password", default: "", doc: "The password.", secret: true },
    database: { key: "database", default: 0, doc: "The database's number." },
    storageType: {
      key: "storagetype",
      default: "list",
      words: ["list", "hashmap"],
      doc: "A list, or a hash whose fields are the alerts' numbers.",
    },
    storageKey: { key: "key", default: "falco", doc: "The list's or the hash's key." },
    tls: { key: "tls", default: false, doc: "It speaks TLS." },
    ...SERVICE_OPTIONS,
  },
  address: ({ address, tls }) => {
    const server = serverAddress(address, 6379, ["rediss"]);
    return server && { ...server, tls: server.tls || tls };
  },
  line: (alert, _, { format }) => jsonLine(alert, format),
  greet,
  send: pipelined(
    (lines, { storageType, storageKey }) =>
      lines
        .map((line) =>
          storageType === "hashmap"
            ? command("HSET", storageKey, (JSON.parse(line) as { uuid: string }).uuid, line)
            : command("RPUSH", storageKey, line),
        )
        .join(""),
    replyIn,
  ),
});

async function greet({
  options,
  address,
  write,
  read,
  secure,
}: Session<RedisOptions>): Promise<void> {
  if (address.tls) await secure();
  const user = options.username || address.user;
  const password = options.password || address.password;
  const login = user === "" ? ["AUTH", password] : ["AUTH", user, password];
  const select = ["SELECT", String(options.database)];
  for (const words of [...(password === "" ? [] : [login]), select]) {
    write(command(...words));
    const reply = await read(replyIn);
    if (reply !== "taken") throw new Error(`it refuses ${words[0]}: ${reply.reason}`);
  }
}

function command(...words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join("")}`;
}

/** Whatever it refuses, its owner can mend: the key is of another type, its memory is full. */
function replyIn(bytes: Buffer): Said<Reply> | undefined {
  const line = lineIn(bytes);
  if (line === undefined) return undefined;
  const { text, length } = line;
  if (text.startsWith("-")) return { length, value: { reason: text.slice(1), isForGood: false } };
  if (/^[+:]/.test(text)) return { length, value: "taken" };
  throw new Error("it is no server of Redis");
}
