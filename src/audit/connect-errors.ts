/** What a server bears that blocks addresses for connections which end early. */
export interface ConnectErrorLimit {
  /** So many of ours, in all audits together. */
  readonly most: number;
  /** What is said inside TLS for a connection to end in the server's own protocol. */
  readonly leave: Uint8Array;
}

/** `max_connect_errors` is 100, and others at our address may make some, too. */
export const MOST_CONNECT_ERRORS = 80;

/** Servers that are remembered; beyond that the one that was not met for longest is forgotten. */
const MAX_SERVERS = 65_536;

/** Where it is kept across processes what servers have counted. */
export interface ConnectErrorFile {
  readonly path: string;
  /** Never throws: what cannot be kept is forgotten with the process. */
  append(line: string): void;
}

/**
 * How many connect errors servers have counted of us that block who makes too many, across audits.
 * They are forgotten there by a restart, `FLUSH HOSTS` or a login from here, which is not seen from
 * outside: so they only grow.
 */
export class ConnectErrors {
  readonly #counts = new Map<string, number>();
  readonly #file: ConnectErrorFile | undefined;

  /** `text`: what the file holds; lines that are none of its own are passed over. */
  constructor(file?: ConnectErrorFile, text = "") {
    for (const line of text.split("\n")) {
      const [, address, name, count] = /^(\S+) (\S+) (\d{1,6})$/.exec(line) ?? [];
      if (address !== undefined && name !== undefined) this.#count(address, name, Number(count));
    }
    this.#file = file;
  }

  /** Where it is kept; undefined where it ends with the process. */
  get path(): string | undefined {
    return this.#file?.path;
  }

  /** Of a server, by what it was called or by its address: `db:3306`, `192.0.2.1:3306`. */
  of(server: string): number {
    return this.#counts.get(server) ?? 0;
  }

  /** The server at `address` has counted more; `name` is what it was called. */
  add(address: string, name: string, count: number): void {
    if (count === 0) return;
    this.#count(address, name, count);
    if (!/\s/.test(name)) this.#file?.append(`${address} ${name} ${count}\n`);
  }

  #count(address: string, name: string, count: number): void {
    const sum = Math.max(this.of(address), this.of(name)) + count;
    for (const server of new Set([address, name])) {
      this.#counts.delete(server);
      this.#counts.set(server, sum);
    }
    for (const [oldest] of this.#counts) {
      if (this.#counts.size <= MAX_SERVERS) break;
      this.#counts.delete(oldest);
    }
  }
}
