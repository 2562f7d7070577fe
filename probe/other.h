// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Calls whose parameters are more than their arguments, and that no other program knows.
#pragma once
#include "messages.h"
#include "processes.h"

enum { PR_SET_NAME = 15, PR_GET_NAME = 16 };
enum { FSCONFIG_SET_STRING = 1, FSCONFIG_SET_BINARY = 2, FSCONFIG_SET_PATH = 3, FSCONFIG_SET_PATH_EMPTY = 4 };

/** vm_size to vm_swap. */
INLINE void put_memory_use(struct scratch *s) {
  struct mm_struct *mm = PROBE(current_task(), mm);
  put_u32(s, PROBE(mm, total_vm) * PAGE_KB);
  put_u32(s, (resident_pages(mm, 0) + resident_pages(mm, 1) + resident_pages(mm, 3)) * PAGE_KB);
  put_u32(s, resident_pages(mm, 2) * PAGE_KB);
}

INLINE void put_mapping(struct scratch *s) {
  u16 code = s->code;
  begin(s, code, code == EVENT_MUNMAP ? 6 : 10);
  put_u64(s, s->args[ARG_RESULT]);
  put_memory_use(s);
  put_u64(s, s->args[0]);
  put_u64(s, s->args[1]);
  if (code == EVENT_MUNMAP) return;
  put_u32(s, memory_protection(s->args[2]));
  put_u32(s, mapping_flags(s->args[3]));
  put_u64(s, (s64)(s32)s->args[4]);
  put_u64(s, s->args[5]);
  want_descriptor(s, s->args[4]);
}

INLINE void put_prctl(struct scratch *s) {
  u32 option = s->args[0];
  u32 is_name = option == PR_SET_NAME || option == PR_GET_NAME;
  begin(s, s->code, 4);
  put_u64(s, s->args[ARG_RESULT]);
  put_u32(s, option);
  if (is_name) put_user_text(s, s->args[1]);
  else put_nothing(s);
  put_u64(s, is_name ? 0 : s->args[1]);
}

/** What the process may do afterwards. */
INLINE void put_capset(struct scratch *s) {
  struct cred *cred = PROBE(current_task(), cred);
  begin(s, s->code, 4);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, capabilities(&cred->cap_inheritable));
  put_u64(s, capabilities(&cred->cap_permitted));
  put_u64(s, capabilities(&cred->cap_effective));
}

/** struct io_uring_params: sizes and features are the kernel's answer. */
INLINE void put_uring_setup(struct scratch *s) {
  u32 params[6] = {};
  bpf_probe_read_user(params, sizeof(params), (void *)s->args[1]);
  begin(s, s->code, 8);
  put_u64(s, s->args[ARG_RESULT]);
  put_u32(s, s->args[0]);
  put_u32(s, params[0]);
  put_u32(s, params[1]);
  put_u32(s, params[2]);
  put_u32(s, params[3]);
  put_u32(s, params[4]);
  put_u32(s, params[5]);
  want_descriptor(s, s->args[ARG_RESULT]);
}

INLINE void put_uring_enter(struct scratch *s) {
  u32 signals = 0;
  bpf_probe_read_user(&signals, sizeof(signals), (void *)s->args[4]);
  begin(s, s->code, 6);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, s->args[1]);
  put_u32(s, s->args[2]);
  put_u32(s, s->args[3]);
  put_u32(s, signals);
  want_descriptor(s, s->args[0]);
}

/** The bytes that were read or written, as far as the first of this process's buffers goes. */
INLINE void put_foreign_memory(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  u32 compat = context_of(s)->flags & FLAG_COMPAT;
  u64 vector[2] = {};
  bpf_probe_read_user(vector, compat ? 8 : 16, (void *)s->args[1]);
  u64 base = compat ? (u32)vector[0] : vector[0];
  u64 size = compat ? vector[0] >> 32 : vector[1];
  if (result >= 0 && size > (u64)result) size = result;
  begin(s, s->code, 3);
  put_u64(s, result);
  put_u64(s, (s64)(s32)s->args[0]);
  put_data(s, base, result < 0 ? 0 : size);
}

INLINE void put_fsconfig(struct scratch *s) {
  u32 command = s->args[1];
  u32 is_text = command == FSCONFIG_SET_STRING || command == FSCONFIG_SET_PATH || command == FSCONFIG_SET_PATH_EMPTY;
  begin(s, s->code, 7);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, command);
  put_user_text(s, s->args[2]);
  if (command == FSCONFIG_SET_BINARY) put_data(s, s->args[3], s->args[4]);
  else put_nothing(s);
  if (is_text) put_user_text(s, s->args[3]);
  else put_nothing(s);
  put_u32(s, s->args[4]);
  want_descriptor(s, s->args[0]);
}

INLINE void put_other(struct scratch *s) {
  switch (s->code) {
  case EVENT_MMAP:
  case EVENT_MMAP2:
  case EVENT_MUNMAP: return put_mapping(s);
  case EVENT_PRCTL: return put_prctl(s);
  case EVENT_CAPSET: return put_capset(s);
  case EVENT_IO_URING_SETUP: return put_uring_setup(s);
  case EVENT_IO_URING_ENTER: return put_uring_enter(s);
  case EVENT_PROCESS_VM_READV:
  case EVENT_PROCESS_VM_WRITEV: return put_foreign_memory(s);
  case EVENT_FSCONFIG: return put_fsconfig(s);
  }
}
