import { EventConverter, needsConversion, type Step } from "../../src/events/convert.ts";
import { SCAP_HEADER } from "../../src/events/record.ts";
import { AppError } from "../../src/lib/errors.ts";
import { bytesOf, type Case, type Verdict } from "./case-file.ts";

/** `scap_converter`: events of earlier schemas, step by step through one converter. */
export function assessConverting(one: Case): Verdict {
  const converter = new EventConverter();
  for (const [index, step] of (one["steps"] as Case[]).entries()) {
    const verdict = assessStep(converter, step);
    if (verdict !== true) return `step ${index} ${String(step["expect"])}: ${verdict}`;
  }
  return true;
}

function assessStep(converter: EventConverter, step: Case): Verdict {
  const event = bytesOf(step["event"]);
  const header = new DataView(event.buffer);
  switch (step["expect"]) {
    case "stored":
      return (
        hex(converter.stored(header.getUint32(SCAP_HEADER.tid, true))) === hex(event) ||
        "not stored"
      );
    case "not_stored":
      return (
        hex(converter.stored(header.getUint32(SCAP_HEADER.tid, true))) !== hex(event) || "stored"
      );
    case "error":
      return assessError(converter, event, header);
    case "full":
      return sameBytes(converter.convert(event), step);
    default: {
      const done = converter.step(event);
      const { record } = { record: undefined, ...done };
      return EXPECTED[done.outcome] === step["expect"] ? sameBytes(record, step) : done.outcome;
    }
  }
}

/** The real engine's converter refuses what needs no conversion; ours gives it back. */
function assessError(converter: EventConverter, event: Uint8Array, header: DataView): Verdict {
  if (
    !needsConversion(
      header.getUint16(SCAP_HEADER.type, true),
      header.getUint32(SCAP_HEADER.count, true),
    )
  )
    return true;
  try {
    return converter.step(event).outcome;
  } catch (error) {
    return error instanceof AppError || String(error);
  }
}

function sameBytes(record: Uint8Array | undefined, step: Case): Verdict {
  if (step["converted"] === undefined)
    return record === undefined || hex(record) === hex(bytesOf(step["event"])) || hex(record);
  return hex(record) === hex(bytesOf(step["converted"])) || hex(record);
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? "nothing" : Buffer.from(bytes).toString("hex");
}

/** What the cases call our outcomes. */
const EXPECTED: Readonly<Record<Step["outcome"], string>> = {
  done: "pass",
  again: "continue",
  swallowed: "drop",
  dropped: "static_drop",
};
