import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { test } from "node:test";
import { parseObject } from "../bpf/parse-object.ts";

const DIRECTORY = fileURLToPath(new URL("../../probe/", import.meta.url));
const OBJECTS = readdirSync(DIRECTORY).filter((name) => name.endsWith(".bpf.o"));

// What newer kernels take: a loop whose head is reached by falling into it from its own end. Clang makes
// one now and then.
for (const name of OBJECTS) {
  test(`${name} has no loop that kernels before 5.12 refuse`, () => {
    const { programs } = parseObject(readFileSync(join(DIRECTORY, name)));
    const refused = programs.flatMap((program) => {
      const at = refusedEdge(program.code);
      return at === undefined ? [] : [`${program.name} ${at}`];
    });
    assert.deepEqual(refused, []);
  });
}

const [DISCOVERED, EXPLORED, FALLTHROUGH, BRANCH] = [0x10, 0x20, 1, 2];
const [CLASS_JMP, CLASS_JMP32, OP_JA, OP_CALL, OP_EXIT] = [5, 6, 0, 8, 9];

/** The walk of check_cfg() in Linux 5.10's kernel/bpf/verifier.c; the instruction that it stops at. */
function refusedEdge(code: Uint8Array): number | undefined {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const state = new Uint8Array(code.length / 8);
  const stack = [0];
  state[0] = DISCOVERED;
  const refused: number[] = [];
  /** True when the walk goes on at `to`. */
  const push = (from: number, to: number, edge: number, loops: boolean): boolean => {
    if ((state[from] ?? 0) >= (DISCOVERED | edge)) return false;
    const there = state[to] ?? 0;
    if (there !== 0 && (there & 0xf0) === DISCOVERED) {
      if (!loops) refused.push(from);
      return false;
    }
    state[from] = DISCOVERED | edge;
    if (there !== 0) return false;
    state[to] = DISCOVERED;
    stack.push(to);
    return true;
  };
  for (let at = stack.at(-1); at !== undefined && refused.length === 0; at = stack.at(-1)) {
    const opcode = view.getUint8(at * 8);
    const [kind, operation] = [opcode & 7, opcode >> 4];
    const isJump = kind === CLASS_JMP || kind === CLASS_JMP32;
    const target = at + 1 + view.getInt16(at * 8 + 2, true);
    if (!isJump || operation === OP_CALL) {
      if (push(at, at + 1, FALLTHROUGH, false)) continue;
    } else if (operation === OP_JA) {
      if (push(at, target, FALLTHROUGH, true)) continue;
    } else if (operation !== OP_EXIT) {
      if (push(at, at + 1, FALLTHROUGH, true) || push(at, target, BRANCH, true)) continue;
    }
    state[at] = EXPLORED;
    stack.pop();
  }
  return refused[0];
}
