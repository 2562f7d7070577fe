import { randomBytes } from "node:crypto";
import { jsonLine } from "../alerts/format.ts";
import {
  acknowledgedOutput,
  pipelined,
  type Reply,
  serverAddress,
  type Session,
} from "./acknowledged.ts";
import type { Said } from "./connection.ts";
import { SERVICE_OPTIONS, type ServiceOptions } from "./service.ts";

/** A broker of MQTT, and what is published there. */
export interface MqttOptions extends ServiceOptions {
  readonly broker: string;
  readonly topic: string;
  readonly qos: string;
  readonly retained: boolean;
  readonly user: string;
  readonly password: string;
}

/** Alerts as messages of MQTT 3.1.1 with QoS 1: the broker acknowledges each. */
export const MQTT_OUTPUT = acknowledgedOutput<MqttOptions>({
  section: "mqtt",
  doc: "Alerts as messages of MQTT 3.1.1: Falco's JSON, each acknowledged by the broker.",
  required: "broker",
  options: {
    broker: {
      key: "broker",
      default: "",
      doc: "Its address, as `tcp://HOST:PORT`, or `ssl://` with TLS. With it the output is on.",
      secret: true,
    },
    topic: { key: "topic", default: "falco/events", doc: "The topic." },
    qos: {
      key: "qos",
      default: "1",
      words: ["0", "1", "2"],
      doc: "The quality of service.",
      neutral: "alerts are published with 1, so that the broker says what it has taken",
    },
    retained: {
      key: "retained",
      default: false,
      doc: "The broker keeps the last one for who comes later.",
    },
    user: { key: "user", default: "", doc: "Who." },
    password: { key: "password", default: "", doc: "The password.", secret: true },
    ...SERVICE_OPTIONS,
  },
  address: ({ broker }) => {
    const tls = ["ssl", "tls", "mqtts"];
    const port = tls.some((scheme) => broker.startsWith(`${scheme}:`)) ? 8883 : 1883;
    return serverAddress(broker, port, tls);
  },
  line: (alert, _, { format }) => jsonLine(alert, format),
  greet,
  send: pipelined(
    (lines, { topic, retained }) =>
      Buffer.concat(
        lines.map((line, index) => {
          const [high, low] = [(index + 1) >> 8, (index + 1) & 0xff];
          return packet(
            retained ? 0x33 : 0x32,
            text(topic),
            Buffer.of(high, low),
            Buffer.from(line),
          );
        }),
      ),
    acknowledgedIn,
  ),
});

async function greet({
  options,
  address,
  write,
  read,
  secure,
}: Session<MqttOptions>): Promise<void> {
  if (address.tls) await secure();
  const user = options.user || address.user;
  const password = options.password || address.password;
  const logins = [
    ...(user === "" ? [] : [text(user)]),
    ...(password === "" ? [] : [text(password)]),
  ];
  const flags = 0x02 | (user === "" ? 0 : 0x80) | (password === "" ? 0 : 0x40);
  const name = text(`saker-${randomBytes(6).toString("hex")}`);
  // Version 4; no keep-alive, so that an idle connection stays.
  write(packet(0x10, text("MQTT"), Buffer.of(4, flags, 0, 0), name, ...logins));
  const code = await read((bytes) => {
    // CONNACK comes first.
    if (bytes.length > 0 && bytes[0] !== 0x20) return { length: 1, value: -1 };
    const found = packetIn(bytes);
    return found && { length: found.length, value: found.body[1] ?? -1 };
  });
  if (code !== 0) throw new Error(REFUSALS[code] ?? "it is no broker of MQTT 3.1.1");
}

/** Of CONNACK (MQTT 3.1.1, section 3.2.2.3). */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "it does not speak MQTT 3.1.1",
  2: "it refuses the client's name",
  3: "it is not available",
  4: "it refuses user and password",
  5: "it does not let this user in",
};

function acknowledgedIn(bytes: Buffer): Said<Reply> | undefined {
  const found = packetIn(bytes);
  if (found === undefined) return undefined;
  return found.type === 0x40 ? { length: found.length, value: "taken" } : { length: found.length };
}

/** A text with its length (section 1.5.3). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function packet(type: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(type, ...remainingLength(body.length)), body]);
}

/** Seven bits a byte, the lowest first (section 2.2.3). */
function remainingLength(length: number): readonly number[] {
  return length < 0x80 ? [length] : [(length & 0x7f) | 0x80, ...remainingLength(length >> 7)];
}

function packetIn(
  bytes: Buffer,
): { readonly type: number; readonly body: Buffer; readonly length: number } | undefined {
  let [length, at] = [0, 1];
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    if (shift > 21) throw new Error("it is no broker of MQTT 3.1.1");
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (bytes.length < at + length) return undefined;
  return { type: bytes[0] as number, body: bytes.subarray(at, at + length), length: at + length };
}
