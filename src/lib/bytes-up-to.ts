/**
 * All bytes of a stream that somebody else may make endless: at most `limit`. Throws what `tooLong`
 * makes as soon as there are more, which ends the stream, and whatever the stream throws.
 */
export async function bytesUpTo(
  pieces: AsyncIterable<Uint8Array>,
  limit: number,
  tooLong: () => Error,
): Promise<Buffer> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    // Leaving the loop destroys a stream of Node's.
    if (length > limit) throw tooLong();
    kept.push(piece);
  }
  return Buffer.concat(kept);
}
