import { fileURLToPath } from "node:url";
import { PROBE_EVENTS } from "../capture/probe-sight.ts";
import { baseRules } from "../config/rule-files.ts";
import { FIELDS } from "../fields/registry.ts";
import type { Place } from "../lib/errors.ts";
import type { Diagnostic } from "../rules/diagnostic.ts";
import { completionsAt, type EditorWord, editorWords, wordAt } from "../rules/editor-words.ts";
import { loadRules, type RulesText } from "../rules/load-rules.ts";
import { readItems } from "../rules/raw-items.ts";
import { DEFAULT_BASE_SYSCALLS, sentEvents } from "../rules/selected-calls.ts";

/** One message of the Language Server Protocol (JSON-RPC 2.0), either way. */
export interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** The rules files that lie beneath each document, and where answers go. */
export interface LanguageServerOptions {
  readonly beneath: readonly RulesText[];
  readonly send: (message: Message) => void;
  readonly version: string;
}

interface Document {
  readonly text: string;
  readonly words: ReadonlyMap<string, EditorWord>;
}

/** Where something is asked for, or changed. */
interface Asked {
  readonly textDocument: { readonly uri: string; readonly text?: string };
  readonly position?: Position;
  readonly contentChanges?: readonly { readonly text: string }[];
}

/** Counted from 0, in UTF-16 units. */
interface Position {
  readonly line: number;
  readonly character: number;
}

/** What an editor asks of rules files: problems as they are typed, completion, explanation. */
export class LanguageServer {
  readonly #options: LanguageServerOptions;
  readonly #documents = new Map<string, Document>();

  constructor(options: LanguageServerOptions) {
    this.#options = options;
  }

  /** Takes a message of the editor; requests are answered at once. */
  take({ id, method = "", params }: Message): void {
    const answer = METHODS[method]?.(this, params as Asked);
    if (id === undefined) return;
    const { send } = this.#options;
    if (method in METHODS) send({ id, result: answer ?? null });
    else send({ id, error: { code: METHOD_NOT_FOUND, message: `No method "${method}"` } });
  }

  initialize(): object {
    return {
      // Documents are sent whole with each change.
      capabilities: {
        textDocumentSync: 1,
        completionProvider: { triggerCharacters: [".", "%", "("] },
        hoverProvider: true,
      },
      serverInfo: { name: "saker", version: this.#options.version },
    };
  }

  show({ textDocument: { uri, text = "" }, contentChanges }: Asked): void {
    const now = contentChanges?.at(-1)?.text ?? text;
    const file = { name: nameOf(uri), text: now };
    const beneath = this.#options.beneath.filter(({ name }) => name !== file.name);
    // While something is being typed nothing may be readable: what was defined before still helps.
    const isReadable = readItems(file).items.length > 0;
    const words = isReadable ? undefined : this.#documents.get(uri)?.words;
    const all = [baseRules(), ...beneath, file];
    this.#documents.set(uri, { text: now, words: words ?? editorWords(all, FIELDS) });
    const { files } = loadRules([...beneath, file], {
      fields: FIELDS,
      base: baseRules(),
      sentEvents: sentEvents(PROBE_EVENTS, DEFAULT_BASE_SYSCALLS),
    });
    const { errors = [], warnings = [] } = files.at(-1) ?? {};
    const diagnostics = [
      ...errors.map((error) => diagnosticOf(error, SEVERITY.error)),
      ...warnings.map((warning) => diagnosticOf(warning, SEVERITY.warning)),
    ];
    this.#options.send({ method: "textDocument/publishDiagnostics", params: { uri, diagnostics } });
  }

  forget({ textDocument: { uri } }: Asked): void {
    this.#documents.delete(uri);
  }

  complete({ textDocument: { uri }, position = START }: Asked): readonly object[] {
    const document = this.#documents.get(uri);
    if (document === undefined) return [];
    const offset = offsetOf(document.text, position);
    const { start } = wordAt(document.text, offset);
    const range = {
      start: { ...position, character: position.character - (offset - start) },
      end: position,
    };
    return completionsAt(document.text, offset, document.words).map(({ name, kind, doc }) => ({
      label: name,
      kind: COMPLETION_KINDS[kind],
      detail: kind,
      documentation: doc,
      textEdit: { range, newText: name },
    }));
  }

  hover({ textDocument: { uri }, position = START }: Asked): object | undefined {
    const document = this.#documents.get(uri);
    if (document === undefined) return undefined;
    const { word } = wordAt(document.text, offsetOf(document.text, position));
    const known = document.words.get(word);
    if (known === undefined) return undefined;
    const value = `${known.kind} ${known.name}\n\n${known.doc}`;
    return { contents: { kind: "plaintext", value } };
  }
}

const START: Position = { line: 0, character: 0 };
const METHOD_NOT_FOUND = -32_601;
const SEVERITY = { error: 1, warning: 2 } as const;
/** The protocol's numbers: Field, Function, Enum, Constant, Class. */
const COMPLETION_KINDS: Readonly<Record<EditorWord["kind"], number>> = {
  field: 5,
  macro: 3,
  list: 13,
  event: 21,
  rule: 7,
};

const METHODS: Readonly<Record<string, (server: LanguageServer, params: Asked) => unknown>> = {
  initialize: (server) => server.initialize(),
  initialized: () => undefined,
  shutdown: () => undefined,
  "textDocument/didOpen": (server, params) => server.show(params),
  "textDocument/didChange": (server, params) => server.show(params),
  "textDocument/didClose": (server, params) => server.forget(params),
  "textDocument/completion": (server, params) => server.complete(params),
  "textDocument/hover": (server, params) => server.hover(params),
};

function nameOf(uri: string): string {
  return uri.startsWith("file:") ? fileURLToPath(uri) : uri;
}

function diagnosticOf({ code, message, hint, place }: Diagnostic, severity: number): object {
  return {
    range: rangeOf(place),
    severity,
    code,
    source: "saker",
    message: hint === undefined ? message : `${message} (${hint})`,
  };
}

/** Places count from 1, the protocol from 0. */
function rangeOf(place: Place | undefined): object {
  const [line, character] = [(place?.line ?? 1) - 1, (place?.column ?? 1) - 1];
  const end = { line, character: character + (place?.length ?? 1) };
  return { start: { line, character }, end };
}

function offsetOf(text: string, { line, character }: Position): number {
  let start = 0;
  for (let left = line; left > 0; left -= 1) {
    const end = text.indexOf("\n", start);
    if (end < 0) return text.length;
    start = end + 1;
  }
  return Math.min(start + character, text.length);
}
