// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Calls whose parameters are more than their arguments, and that no other program knows.
#pragma once
#include "ipc.h"
#include "messages.h"
#include "processes.h"
#include "quota.h"

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

/** The bytes that were read or written, of this process's buffers. */
INLINE void put_foreign_memory(struct scratch *s) {
  s64 result = s->args[ARG_RESULT];
  begin(s, s->code, 3);
  put_u64(s, result);
  put_u64(s, (s64)(s32)s->args[0]);
  take_row(s, s->args[1], s->args[2]);
  put_buffers(s, result < 0 ? 0 : result);
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

/** A system call without an event of its own: which one it is. */
INLINE void put_generic(struct scratch *s) {
  begin(s, s->code, 2);
  put_u16(s, s->call_id);
  put_u16(s, s->call_native);
}

INLINE void put_brk(struct scratch *s) {
  begin(s, s->code, 5);
  put_u64(s, s->args[ARG_RESULT]);
  put_memory_use(s);
  put_u64(s, s->args[0]);
}

INLINE void put_getcwd(struct scratch *s) {
  begin(s, s->code, 2);
  put_u64(s, s->args[ARG_RESULT]);
  if ((s64)s->args[ARG_RESULT] >= 0) put_user_text(s, s->args[0]);
  else put_nothing(s);
}

INLINE void put_nanosleep(struct scratch *s) {
  begin(s, s->code, 2);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, passed_time(s, s->args[0], !s->is_compat));
}

INLINE void put_llseek(struct scratch *s) {
  begin(s, s->code, 4);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u64(s, s->args[1] << 32 | (u32)s->args[2]);
  put_u8(s, seek_start(s->args[4]));
  want_descriptor(s, s->args[0]);
}

enum { RESOURCES = 16, UNKNOWN_RESOURCE = 0xff };

INLINE void put_resource(struct scratch *s, u32 resource) {
  put_u8(s, resource < RESOURCES ? resource : UNKNOWN_RESOURCE);
}

/** The two numbers of a struct rlimit, `otherwise` each where there is none. Those of prlimit() are always of 64 bits. */
INLINE void put_limits(struct scratch *s, u64 at, u32 is_wide, u64 otherwise) {
  u64 limits[2] = { otherwise, otherwise };
  if (at && is_wide) bpf_probe_read_user(limits, sizeof(limits), (void *)at);
  else if (at && bpf_probe_read_user(limits, 8, (void *)at) == 0) {
    limits[1] = limits[0] >> 32;
    limits[0] = (u32)limits[0];
  }
  put_u64(s, limits[0]);
  put_u64(s, limits[1]);
}

INLINE void put_rlimit(struct scratch *s) {
  u32 is_known = s->code == EVENT_SETRLIMIT || s->args[ARG_RESULT] == 0;
  begin(s, s->code, 4);
  put_u64(s, s->args[ARG_RESULT]);
  put_limits(s, is_known ? s->args[1] : 0, !s->is_compat, s->code == EVENT_SETRLIMIT ? 0 : -1);
  put_resource(s, s->args[0]);
}

INLINE void put_prlimit(struct scratch *s) {
  u32 is_done = s->args[ARG_RESULT] == 0;
  begin(s, s->code, 7);
  put_u64(s, s->args[ARG_RESULT]);
  put_limits(s, s->args[2], 1, 0);
  put_limits(s, is_done ? s->args[3] : 0, 1, is_done ? 0 : -1);
  put_u64(s, (s64)(s32)s->args[0]);
  put_resource(s, s->args[1]);
}

/** getresuid, getresgid: what the kernel wrote. */
INLINE void put_three_ids(struct scratch *s) {
  begin(s, s->code, 4);
  put_u64(s, s->args[ARG_RESULT]);
#pragma clang loop unroll(full)
  for (u32 i = 0; i < 3; i += 1) {
    u32 id = 0;
    bpf_probe_read_user(&id, sizeof(id), (void *)s->args[i]);
    put_u32(s, id);
  }
}

enum { SOL_SOCKET = 1, SOL_TCP = 6 };
/** Options of SOL_SOCKET whose values are no number of 32 bits. */
enum { SO_ERROR = 4, SO_LINGER = 13, SO_PEERCRED = 17, SO_RCVTIMEO = 20, SO_SNDTIMEO = 21, SO_ATTACH_FILTER = 26, SO_PEERNAME = 28,
       SO_ATTACH_BPF = 50, SO_MEMINFO = 55, SO_COOKIE = 57, SO_PEERGROUPS = 59, SO_RCVTIMEO_NEW = 66, SO_SNDTIMEO_NEW = 67 };
/** scap's forms of a value. */
enum { OPTION_BYTES = 0, OPTION_ERRNO = 1, OPTION_U32 = 2, OPTION_U64 = 3, OPTION_TIME = 4 };

INLINE u8 form_of_option(u32 level, u32 option) {
  if (level != SOL_SOCKET) return OPTION_BYTES;
  switch (option) {
  case SO_ERROR: return OPTION_ERRNO;
  case SO_RCVTIMEO:
  case SO_SNDTIMEO:
  case SO_RCVTIMEO_NEW:
  case SO_SNDTIMEO_NEW: return OPTION_TIME;
  case SO_COOKIE: return OPTION_U64;
  case SO_LINGER:
  case SO_PEERCRED:
  case SO_ATTACH_FILTER:
  case SO_PEERNAME:
  case SO_ATTACH_BPF: return OPTION_BYTES;
  default: return option < SO_ATTACH_BPF ? OPTION_U32 : OPTION_BYTES;
  }
}

/** A struct timeval in nanoseconds; that of the older options has the caller's width. */
INLINE u64 option_time(struct scratch *s, u64 at, u32 option) {
  s64 time[2] = {};
  if (s->is_compat && option < SO_RCVTIMEO_NEW) {
    s32 narrow[2] = {};
    bpf_probe_read_user(narrow, sizeof(narrow), (void *)at);
    return narrow[0] * 1000000000LL + narrow[1] * 1000LL;
  }
  bpf_probe_read_user(time, sizeof(time), (void *)at);
  return time[0] * 1000000000ULL + time[1] * 1000ULL;
}

INLINE void put_option_value(struct scratch *s, u32 form, u64 at, u32 size) {
  u32 number = 0, length = 8;
  *position(s) = form;
  s->used += 1;
  switch (form) {
  case OPTION_ERRNO:
    bpf_probe_read_user(&number, sizeof(number), (void *)at);
    *(u64 *)position(s) = -(s64)(s32)number;
    break;
  case OPTION_U32:
    bpf_probe_read_user(position(s), 4, (void *)at);
    length = 4;
    break;
  case OPTION_U64:
    bpf_probe_read_user(position(s), 8, (void *)at);
    break;
  case OPTION_TIME:
    *(u64 *)position(s) = option_time(s, at, s->args[2]);
    break;
  default:
    length = append_data(s, at, size);
  }
  s->used -= 1;
  end_param(s, length + 1);
}

INLINE void put_socket_option(struct scratch *s) {
  u32 level = s->args[1], option = s->args[2], size = s->args[4];
  if (s->code == EVENT_GETSOCKOPT) {
    size = 0;
    bpf_probe_read_user(&size, sizeof(size), (void *)s->args[4]);
  }
  begin(s, s->code, 6);
  put_u64(s, s->args[ARG_RESULT]);
  put_u64(s, (s64)(s32)s->args[0]);
  put_u8(s, level == SOL_SOCKET ? 1 : level == SOL_TCP ? 2 : 0);
  put_u8(s, level == SOL_SOCKET ? socket_option(option) : 0);
  put_option_value(s, form_of_option(level, option), s->args[3], size);
  put_u32(s, size);
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
  case EVENT_SYSCALL: return put_generic(s);
  case EVENT_BRK: return put_brk(s);
  case EVENT_GETCWD: return put_getcwd(s);
  case EVENT_NANOSLEEP: return put_nanosleep(s);
  case EVENT_LLSEEK: return put_llseek(s);
  case EVENT_GETRLIMIT:
  case EVENT_SETRLIMIT: return put_rlimit(s);
  case EVENT_PRLIMIT: return put_prlimit(s);
  case EVENT_GETRESUID:
  case EVENT_GETRESGID: return put_three_ids(s);
  case EVENT_SETSOCKOPT:
  case EVENT_GETSOCKOPT: return put_socket_option(s);
  case EVENT_QUOTACTL: return put_quotactl(s);
  }
}
