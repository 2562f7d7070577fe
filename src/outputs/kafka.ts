import type { Producer, SASLOptions } from "kafkajs";
import type { Alert } from "../alerts/alert.ts";
import { jsonLine } from "../alerts/format.ts";
import { escapeUnseen } from "../lib/escape-unseen.ts";
import { messageOf } from "../lib/errors.ts";
import type { News } from "../news/news.ts";
import { serverAddress } from "./acknowledged.ts";
import type { Answer, Destination, Endpoint, OutboxWish } from "./destination.ts";
import { type Rate, rateOf } from "./digest.ts";
import { certificatesOf } from "./http-certificates.ts";
import { brokerSocket } from "./kafka-socket.ts";
import type { OutputContext } from "./output-context.ts";
import type { OutputKind } from "./output-kind.ts";
import {
  certificatesFor,
  SERVICE_OPTIONS,
  serviceOutbox,
  type ServiceOptions,
  urgentAlerts,
} from "./service.ts";

/** Brokers of Kafka, and the topic there. */
export interface KafkaOptions extends ServiceOptions {
  readonly hostPort: string;
  readonly topic: string;
  readonly sasl: string;
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
  readonly acknowledgements: string;
  readonly compression: string;
  readonly clientId: string;
  readonly createsTopic: boolean;
}

/** Alerts as messages of Kafka. Its client is loaded where this output is on. */
export const KAFKA_OUTPUT: OutputKind<KafkaOptions> = {
  section: "kafka",
  doc: "Alerts as messages of Kafka: Falco's JSON, acknowledged by the partition's leader or by all replicas; the host's name is the key, so that they stay in order.",
  required: "hostPort",
  options: {
    hostPort: {
      key: "hostport",
      default: "",
      doc: "Brokers to begin with, as `HOST:PORT,HOST:PORT`. With it the output is on.",
    },
    topic: { key: "topic", default: "falco", doc: "The topic." },
    sasl: {
      key: "sasl",
      default: "",
      words: ["", "plain", "scram_sha256", "scram_sha512"],
      doc: "How to log in; without it nobody does.",
    },
    tls: { key: "tls", default: false, doc: "They speak TLS." },
    username: { key: "username", default: "", doc: "Who." },
    password: { key: "password", default: "", doc: "The password.", secret: true },
    acknowledgements: {
      key: "requiredacks",
      default: "all",
      words: ["all", "one", "none"],
      doc: "Who has to have a message: all replicas in step, or the leader. `none` counts as `one`, so that what is lost is told.",
    },
    compression: {
      key: "compression",
      default: "none",
      // Readers take each of them; the client speaks gzip alone.
      words: ["none", "gzip", "snappy", "lz4", "zstd"],
      doc: "Whether batches are compressed, which is by gzip with any of the other words.",
    },
    clientId: { key: "clientid", default: "saker", doc: "The name that the brokers see." },
    createsTopic: {
      key: "topiccreation",
      default: false,
      doc: "The topic is made where it is missing.",
    },
    ...SERVICE_OPTIONS,
  },
  isOn: ({ hostPort }) => hostPort !== "",
  open: (options, context) => new KafkaDestination(options, context),
};

class KafkaDestination implements Destination {
  readonly name = KAFKA_OUTPUT.section;
  readonly target: string;
  readonly endpoint: Endpoint | undefined;
  readonly outbox: OutboxWish;
  readonly batch = { lines: 100, bytes: 512 << 10 };
  readonly limit: Rate | undefined;
  readonly #options: KafkaOptions;
  readonly #context: OutputContext;
  readonly #alertIn: (news: News) => Alert | undefined;
  #producer: Promise<Producer> | undefined;

  constructor(options: KafkaOptions, context: OutputContext) {
    this.outbox = serviceOutbox(options, `${options.hostPort} ${options.topic}`);
    this.#options = options;
    this.#context = context;
    this.#alertIn = urgentAlerts(options, context);
    this.limit = rateOf(options.limit);
    this.target = `kafka ${options.hostPort}, topic ${options.topic}`;
    const [first] = brokersOf(options);
    this.endpoint = first === undefined ? undefined : serverAddress(first, PORT, []);
  }

  format(news: News): string | undefined {
    const alert = this.#alertIn(news);
    // The key: what one host sends stays in order, in one partition.
    return alert && `${escapeUnseen(alert.hostname)}\n${jsonLine(alert, this.#context.format)}`;
  }

  async deliver(lines: readonly string[], signal: AbortSignal): Promise<Answer> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("it does not answer")), {
        once: true,
      });
    });
    try {
      await Promise.race([this.#send(lines), aborted]);
      return { delivered: lines.length, said: "acknowledged" };
    } catch (thrown) {
      this.reopen();
      if (isTooLarge(thrown) && lines.length > 1)
        return this.deliver(lines.slice(0, lines.length >> 1), signal);
      const reason = escapeUnseen(messageOf(thrown)).slice(0, REASON_MAX);
      return { delivered: 0, ...(isTooLarge(thrown) ? { refused: 1 } : {}), reason };
    }
  }

  reopen(): void {
    const old = this.#producer;
    this.#producer = undefined;
    void old?.then((producer) => producer.disconnect()).catch(() => {});
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    this.#producer = undefined;
    await producer?.disconnect();
  }

  async #send(lines: readonly string[]): Promise<void> {
    const { CompressionTypes } = await import("kafkajs");
    const { topic, acknowledgements, compression } = this.#options;
    const producer = await (this.#producer ??= this.#connected());
    await producer.send({
      topic,
      acks: acknowledgements === "all" ? -1 : 1,
      compression: compression === "none" ? CompressionTypes.None : CompressionTypes.GZIP,
      messages: lines.map((line) => {
        const end = line.indexOf("\n");
        return { key: line.slice(0, end), value: line.slice(end + 1) };
      }),
    });
  }

  async #connected(): Promise<Producer> {
    const { Kafka, logLevel, Partitioners } = await import("kafkajs");
    const { clientId, tls, createsTopic } = this.#options;
    const sasl = saslOf(this.#options);
    const certificates = certificatesFor(this.#options);
    const kafka = new Kafka({
      clientId,
      brokers: [...brokersOf(this.#options)],
      ...(sasl === undefined ? {} : { sasl }),
      ...(tls
        ? {
            ssl: {
              ...(await certificatesOf(certificates)),
              rejectUnauthorized: certificates.isChecked,
            },
          }
        : {}),
      // Trying again is the delivery's.
      retry: { retries: 0 },
      logLevel: logLevel.NOTHING,
      socketFactory: brokerSocket,
    });
    const producer = kafka.producer({
      allowAutoTopicCreation: createsTopic,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    });
    await producer.connect();
    return producer;
  }
}

function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof Error && "type" in thrown && thrown.type === "MESSAGE_TOO_LARGE";
}

const REASON_MAX = 200;
const PORT = 9092;

function brokersOf({ hostPort }: KafkaOptions): readonly string[] {
  return hostPort.split(",").flatMap((text) => {
    const server = serverAddress(text.trim(), PORT, []);
    return server === undefined ? [] : [`${server.host}:${server.port}`];
  });
}

function saslOf({ sasl, username, password }: KafkaOptions): SASLOptions | undefined {
  if (sasl === "") return undefined;
  if (sasl === "plain") return { mechanism: "plain", username, password };
  const mechanism = sasl === "scram_sha256" ? "scram-sha-256" : "scram-sha-512";
  return { mechanism, username, password };
}
