import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { compileBpf, whyNoClang } from "../../test/fixtures/clang.ts";
import { Btf, BTF_KIND } from "./btf.ts";
import { essentialName } from "./_name-index.ts";
import { KERNEL_BTF_PATH, readKernelBtf } from "./kernel-btf.ts";
import { parseObject } from "./parse-object.ts";

describe("essentialName", () => {
  const cases: readonly (readonly [name: string, essential: string])[] = [
    ["task_struct", "task_struct"],
    ["task_struct___v5", "task_struct"],
    ["a___b___c", "a___b"],
    ["___b", "___b"],
    ["a___", "a___"],
    ["a____b", "a____b"],
    ["a__b", "a__b"],
    ["", ""],
  ];
  for (const [name, essential] of cases)
    test(`essentialName of "${name}" is "${essential}"`, () =>
      assert.equal(essentialName(name), essential));
});

describe("Btf", { skip: whyNoClang() ?? false }, () => {
  const types = (): Btf =>
    parseObject(
      compileBpf(`
        enum signed_one { MINUS = -1, PLUS = 1 }; enum wide { SMALL = 1 };
        struct s { const volatile int a; unsigned b : 5; int : 3; unsigned c : 9; struct { char *p; }; long list[3][2]; enum signed_one e; };
        struct s___flavour { int only; }; typedef struct s s_t; typedef s_t *s_p;
        s_t keep1; struct s___flavour keep2; s_p keep3; enum wide keep4; u64 f(s_t *x) { return x->b; }`),
    ).btf;

  test("Btf finds types by name and kind, flavours with them", () => {
    const btf = types();
    const ids = btf.idsNamed("s").filter((id) => btf.kind(id) === BTF_KIND.struct);
    assert.deepEqual(
      ids.map((id) => btf.name(id)),
      ["s", "s___flavour"],
    );
    assert.equal(btf.find("s", BTF_KIND.struct), ids[0]);
    assert.equal(btf.find("s", BTF_KIND.union), undefined);
    assert.equal(btf.find("s_t", BTF_KIND.typedef) === undefined, false);
    assert.deepEqual(btf.idsNamed(""), []);
    assert.deepEqual(btf.idsNamed("nothing of this name"), []);
  });

  test("Btf reads members, bitfields and anonymous ones included", () => {
    const btf = types();
    const id = btf.find("s", BTF_KIND.struct) ?? 0;
    const members = Array.from({ length: btf.length(id) }, (_, index) => btf.member(id, index));
    assert.deepEqual(
      members.map(({ name, bitOffset, bitfieldSize }) => [name, bitOffset, bitfieldSize]),
      [
        ["a", 0, 0],
        ["b", 32, 5],
        ["c", 40, 9],
        ["", 64, 0],
        ["list", 128, 0],
        ["e", 512, 0],
      ],
    );
    assert.equal(btf.size(id), 72);
    assert.equal(btf.size(members[4]?.type ?? 0), 48);
    assert.equal(btf.kind(btf.skipModifiers(members[0]?.type ?? 0)), BTF_KIND.int);
  });

  test("Btf reads enumerators with their sign", () => {
    const btf = types();
    assert.deepEqual(btf.enumerator(btf.find("signed_one", BTF_KIND.enum) ?? 0, 0), {
      name: "MINUS",
      value: -1n,
    });
  });

  test("Btf names what is missing", () => {
    const btf = types();
    const id = btf.find("s", BTF_KIND.struct) ?? 0;
    assert.throws(() => btf.kind(btf.count), {
      code: "INPUT_BTF",
      message: `Cannot read BTF: there is no type ${btf.count}`,
    });
    assert.throws(() => btf.member(id, 6), {
      code: "INPUT_BTF",
      message: `Cannot read BTF: type ${id} has no part 6`,
    });
    assert.throws(() => btf.size(0), {
      code: "INPUT_BTF",
      message: "Cannot read BTF: type 0 has no size",
    });
  });
});

describe("Btf of broken bytes", () => {
  const cases: readonly (readonly [name: string, bytes: Uint8Array, message: string])[] = [
    ["nothing", new Uint8Array(0), "it does not start with the magic number of little-endian BTF"],
    ["zeros", new Uint8Array(64), "it does not start with the magic number of little-endian BTF"],
    ["types beyond the end", btfBytes({ typeLength: 1000 }), "its types reach beyond the end"],
    ["a type of unknown kind", btfBytes({ info: 31 << 24 }), "type of unknown kind 31"],
    ["a type that is cut off", btfBytes({ info: (4 << 24) | 9 }), "type 1 is cut off"],
  ];
  for (const [name, bytes, state] of cases) {
    test(`Btf refuses ${name}`, () =>
      assert.throws(() => new Btf(bytes), {
        code: "INPUT_BTF",
        message: `Cannot read BTF: ${state}`,
      }));
  }

  test("Btf refuses a typedef of itself when it is followed", () => {
    const btf = new Btf(btfBytes({ info: 8 << 24, target: 1 }));
    assert.throws(() => btf.skipModifiers(1), {
      code: "INPUT_BTF",
      message: "Cannot read BTF: type 1 is a chain of more than 32 typedefs",
    });
    assert.throws(() => btf.size(1), {
      code: "INPUT_BTF",
      message: "Cannot read BTF: type 1 has no size",
    });
  });
});

describe(
  "readKernelBtf",
  { skip: existsSync(KERNEL_BTF_PATH) ? false : "needs a kernel with BTF" },
  () => {
    test("readKernelBtf finds the kernel's tracepoints and structs", () => {
      const btf = readKernelBtf();
      assert.ok(btf.find("btf_trace_sys_exit", BTF_KIND.typedef) !== undefined);
      const task = btf.find("task_struct", BTF_KIND.struct) ?? 0;
      const names = Array.from(
        { length: btf.length(task) },
        (_, index) => btf.member(task, index).name,
      );
      assert.ok(names.includes("tgid") && names.includes("real_parent"));
    });
  },
);

test("readKernelBtf says that there is no BTF", () => {
  assert.throws(() => readKernelBtf("/nonexistent/vmlinux"), {
    code: "KERNEL_NO_BTF",
    message: `Cannot read the kernel's types from "/nonexistent/vmlinux": this kernel shows no BTF`,
  });
});

/** BTF with one type of three words. */
function btfBytes({ typeLength = 12, info = 2 << 24, target = 0 }): Uint8Array {
  const view = new DataView(new ArrayBuffer(24 + 12 + 1));
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  for (const [at, value] of [
    [4, 24],
    [12, typeLength],
    [16, 12],
    [20, 1],
    [28, info],
    [32, target],
  ] as const)
    view.setUint32(at, value, true);
  return new Uint8Array(view.buffer);
}
