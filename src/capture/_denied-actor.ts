// Run as a process of its own by denied-calls.test.ts: has seccomp deny a call, as a container's
// profile would, and makes it. Prints the errno.
import koffi from "koffi";
import { addressOf, libc } from "../libc/libc.ts";

const isArm = process.arch === "arm64";
const [PRCTL, MKDIRAT, SETNS] = isArm ? [167, 34, 268] : [157, 258, 308];
const [PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER] = [38, 22, 2];

// A row of struct sock_filter each: u16 code, u8 jt, u8 jf, u32 k.
const rows = [
  [0x20, 0, 0, 0],
  [0x15, 1, 0, MKDIRAT],
  [0x15, 0, 1, SETNS],
  [0x06, 0, 0, 0x0005_0001],
  [0x06, 0, 0, 0x7fff_0000],
] as const;
const filter = Buffer.alloc(rows.length * 8);
for (const [index, [code, yes, no, k = 0]] of rows.entries()) {
  filter.writeUInt16LE(code, index * 8);
  filter.set([yes, no], index * 8 + 2);
  filter.writeUInt32LE(k, index * 8 + 4);
}
const program = new Uint8Array(new BigUint64Array([BigInt(rows.length), addressOf(filter)]).buffer);

function call(number: number | undefined, ...values: readonly (number | string | Uint8Array)[]) {
  const typed = values.flatMap((value): (number | string | Uint8Array)[] => {
    if (typeof value === "number") return ["int64_t", value];
    return typeof value === "string" ? ["str", value] : ["void *", value];
  });
  const result = Number((libc.syscall as (...all: unknown[]) => bigint | number)(number, ...typed));
  return result === -1 ? -koffi.errno() : result;
}

call(PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
const isSet = call(PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program) === 0;
console.log(
  JSON.stringify({
    isSet,
    mkdir: call(MKDIRAT, -100, "/denied-by-seccomp", 0o700),
    setns: call(SETNS, 977, 0x0400_0000),
  }),
);
