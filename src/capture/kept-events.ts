import { Event } from "../events/event.ts";

/** Events that an `EventRing` has given away: its memory itself, which a thread may get. */
export interface KeptEvents {
  readonly pieces: readonly KeptPiece[];
  /** Epoch nanoseconds: what is older is not meant. */
  readonly oldest: bigint;
  /** Memory ran out before the time did. */
  readonly isCut: boolean;
}

/** Records one behind the other: `{ u32 length, u16 processor, event }`, little-endian. */
export interface KeptPiece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly used: number;
}

/** Bytes that stand before each event. */
export const KEPT_HEAD = 6;

/** All that are meant, in order. An event lives until the callback returns. */
export function eachKept({ pieces, oldest }: KeptEvents, onEvent: (event: Event) => void): void {
  const event = new Event();
  for (const { bytes, used } of pieces) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < used;) {
      const length = view.getUint32(at, true);
      const isWhole = event.load(bytes, view, at + KEPT_HEAD, length, false);
      event.cpu = view.getUint16(at + 4, true);
      if (isWhole && event.timestamp >= oldest) onEvent(event);
      at += KEPT_HEAD + length;
    }
  }
}
