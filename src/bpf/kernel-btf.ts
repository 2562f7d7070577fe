import { readFileSync } from "node:fs";
import { AppError } from "../lib/errors.ts";
import { Btf } from "./btf.ts";

/** Where Linux shows its own types (CONFIG_DEBUG_INFO_BTF, from 5.4 on). */
export const KERNEL_BTF_PATH = "/sys/kernel/btf/vmlinux";

/** The running kernel's types. Throws `KERNEL_NO_BTF` when it shows none. */
export function readKernelBtf(path = KERNEL_BTF_PATH): Btf {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new AppError(
      "KERNEL_NO_BTF",
      `Cannot read the kernel's types from "${path}": this kernel shows no BTF`,
      {
        hint: "use a kernel built with CONFIG_DEBUG_INFO_BTF, as all large distributions build theirs since 2021, or another --source",
        cause,
      },
    );
  }
  return new Btf(bytes);
}
