import { type FileHandle, open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AppError } from "../lib/errors.ts";
import { type CaptureEnd, CaptureParser, type CaptureSink } from "./capture-parser.ts";

/** What ends or accompanies the reading of a capture. */
export interface ReadCaptureOptions {
  /** Stops the reading between two pieces. */
  readonly signal?: AbortSignal;
  /** After each piece: bytes of the file that were read, as they lie there. */
  readonly onProgress?: (bytesRead: number) => void;
}

/** Bytes of a piece of the file. */
const PIECE = 512 * 1024;

/**
 * Reads the capture at `path`, plain or gzip. Throws `USAGE_FILE` when there is no file to read, and
 * `INPUT_CAPTURE` when it is no scap file; one that ends too early is read up to its last whole event and says so in the
 * result.
 */
export async function readCapture(
  path: string,
  sink: CaptureSink,
  { signal, onProgress }: ReadCaptureOptions = {},
): Promise<CaptureEnd> {
  const parser = new CaptureParser(sink);
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    let read = 0;
    const pieces = decompressed(file, (bytes) => (read += bytes));
    for await (const piece of pieces) {
      if (signal?.aborted === true) {
        const { counts, evicted } = parser;
        return { ...counts, evicted, truncated: undefined };
      }
      parser.push(piece);
      onProgress?.(read);
    }
    return parser.end();
  } catch (error) {
    if (error instanceof AppError)
      throw new AppError(error.code, `Cannot read capture "${path}": ${error.message}`, {
        hint: error.hint,
        cause: error,
      });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR" && parser.counts.bytes > 0)
      return parser.end("its compressed stream is cut");
    const isNoFile = /^E[A-Z0-9]+$/.test(code ?? "") && parser.counts.bytes === 0;
    throw new AppError(
      isNoFile ? "USAGE_FILE" : "INPUT_CAPTURE",
      `Cannot read capture "${path}": ${code === "ENOENT" ? "no such file" : message}`,
      { cause: error },
    );
  } finally {
    await file?.close();
  }
}

/**
 * The pieces of a file, each to be used up before the next is asked for, out of gzip when its first
 * bytes say so (RFC 1952, section 2.3.1).
 */
async function* decompressed(
  file: FileHandle,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PIECE);
  const next = async (): Promise<Uint8Array> => {
    const { bytesRead } = await file.read(buffer, 0, PIECE, null);
    onRead(bytesRead);
    return buffer.subarray(0, bytesRead);
  };
  let piece = await next();
  if (piece[0] === 0x1f && piece[1] === 0x8b) {
    // The decompressor works beside us, so it gets memory of its own. A fault of either stream ends
    // the other and comes out of the iteration.
    const copies = async function* (): AsyncGenerator<Uint8Array> {
      for (; piece.length > 0; piece = await next()) yield piece.slice();
    };
    yield* pipeline(
      Readable.from(copies()),
      createGunzip({ chunkSize: PIECE }),
      () => {},
    ) as AsyncIterable<Uint8Array>;
    return;
  }
  for (; piece.length > 0; piece = await next()) yield piece;
}
