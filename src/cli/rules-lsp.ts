import { readRuleFiles } from "../config/rule-files.ts";
import { AppError } from "../lib/errors.ts";
import { LanguageServer, type Message } from "./language-server.ts";
import { VERSION } from "./version.ts";

/** Longest message of an editor, in bytes: a rules file has at most four million characters. */
const MAX_MESSAGE = 32 << 20;

/**
 * `saker rules lsp`: a language server for rules files on standard input and output, until the
 * editor ends it. Throws `USAGE_LSP` for what is no message.
 */
export async function serveEditor({ rules }: { readonly rules: readonly string[] }): Promise<void> {
  const beneath = rules.length > 0 ? readRuleFiles(rules) : [];
  const server = new LanguageServer({ beneath, send, version: VERSION });
  let received = Buffer.alloc(0);
  for await (const bytes of process.stdin) {
    received = Buffer.concat([received, bytes as Buffer]);
    for (;;) {
      const next = messageIn(received);
      if (next === undefined) break;
      received = received.subarray(next.end);
      if (next.message.method === "exit") return;
      server.take(next.message);
    }
  }
}

function send(message: Message): void {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  process.stdout.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** The first whole message; undefined while more of it is to come. */
function messageIn(
  received: Buffer,
): { readonly message: Message; readonly end: number } | undefined {
  const blank = received.indexOf("\r\n\r\n");
  if (blank < 0 && received.length <= MAX_HEAD) return undefined;
  const head = received.toString("latin1", 0, Math.max(0, blank));
  const length = Number(/^Content-Length: (\d{1,9})$/im.exec(head)?.[1] ?? Number.NaN);
  if (!(length <= MAX_MESSAGE)) throw noMessage("it has no fitting Content-Length");
  const start = blank + 4;
  if (received.length < start + length) return undefined;
  const body = received.toString("utf8", start, start + length);
  try {
    return { message: JSON.parse(body) as Message, end: start + length };
  } catch {
    throw noMessage("it is not JSON");
  }
}

const MAX_HEAD = 1000;

function noMessage(why: string): AppError {
  return new AppError("USAGE_LSP", `Cannot read a message of the editor: ${why}`, {
    hint: "editors start saker rules lsp themselves and speak the Language Server Protocol",
  });
}
