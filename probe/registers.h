// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A syscall's number and arguments in the registers that the kernel saved.
#pragma once
#include "hooks.h"
#include "writer.h"

enum { TS_COMPAT = 2, TIF_32BIT = 22, THREAD_SIZE = 16384 };

#if defined(__TARGET_ARCH_x64)
enum { SYSCALL_LISTEN = 50, COMPAT_LISTEN = 363, COMPAT_SOCKETCALL = 102 };

INLINE u32 is_compat(struct task_struct *task) {
  return READ(task, thread_info.status) & TS_COMPAT;
}

INLINE u32 syscall_number(struct pt_regs *regs) {
  return READ(regs, orig_ax);
}

INLINE void read_args(struct scratch *s, struct pt_regs *regs, u32 compat) {
  if (compat) {
    READ_SPAN(all, 96, regs, bp, di);
    s->args[0] = (u32)READ_IN(all, regs, bx);
    s->args[1] = (u32)READ_IN(all, regs, cx);
    s->args[2] = (u32)READ_IN(all, regs, dx);
    s->args[3] = (u32)READ_IN(all, regs, si);
    s->args[4] = (u32)READ_IN(all, regs, di);
    s->args[5] = (u32)READ_IN(all, regs, bp);
    return;
  }
  READ_SPAN(all, 64, regs, r10, di);
  s->args[0] = READ_IN(all, regs, di);
  s->args[1] = READ_IN(all, regs, si);
  s->args[2] = READ_IN(all, regs, dx);
  s->args[3] = READ_IN(all, regs, r10);
  s->args[4] = READ_IN(all, regs, r8);
  s->args[5] = READ_IN(all, regs, r9);
}

/** One argument alone, of the first three. */
INLINE u64 argument(struct pt_regs *regs, u32 compat, const u32 index) {
  if (compat) return index == 0 ? (u32)READ(regs, bx) : index == 1 ? (u32)READ(regs, cx) : (u32)READ(regs, dx);
  return index == 0 ? READ(regs, di) : index == 1 ? READ(regs, si) : READ(regs, dx);
}
#else
// 32-bit programs of today's ABI have no socketcall.
enum { SYSCALL_LISTEN = 201, COMPAT_LISTEN = 284, COMPAT_SOCKETCALL = 0xffff };

INLINE u32 is_compat(struct task_struct *task) {
  return READ(task, thread_info.flags) >> TIF_32BIT & 1;
}

INLINE u32 syscall_number(struct pt_regs *regs) {
  return READ(regs, syscallno);
}

INLINE void read_args(struct scratch *s, struct pt_regs *regs, u32 compat) {
  // x0 holds the result by now.
  bpf_probe_read_kernel(s->args, 48, &regs->regs[0]);
  s->args[0] = READ(regs, orig_x0);
  if (!compat) return;
#pragma clang loop unroll(full)
  for (u32 i = 0; i < 6; i += 1) s->args[i] = (u32)s->args[i];
}

INLINE u64 argument(struct pt_regs *regs, u32 compat, const u32 index) {
  u64 value = index ? READ(regs, regs[index]) : READ(regs, orig_x0);
  return compat ? (u32)value : value;
}
#endif

/** The registers with which the current task entered the kernel. */
INLINE struct pt_regs *registers_of(struct task_struct *task) {
  // From 5.15 on the kernel tells, under raw_tp too; those built with FRED leave room above the registers.
  if (ENUM_EXISTS(enum bpf_func_id, BPF_FUNC_task_pt_regs)) return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
  return (struct pt_regs *)((u64)PROBE(task, stack) + THREAD_SIZE - TYPE_SIZE(struct pt_regs));
}
