// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Syscalls whose parameters are their arguments, each in some form: a recipe of up to seven steps, and one program for all.
#pragma once
#include "files.h"
#include "flags.h"
#include "syscalls.h"

/** Forms of a parameter. A step is a form and the argument it takes, STEP(form, argument). */
enum {
  FORM_S64 = 1,   // 8 bytes as they are: results, addresses
  FORM_FD,        // 8 bytes, sign of an int: descriptors, process ids
  FORM_U32,
  FORM_U8,
  FORM_MODE,      // permission bits, 4 bytes
  FORM_FLAGS,     // 4 bytes in scap's numbering, by event
  FORM_TEXT,      // text of the process
  FORM_PATH,      // path, from the working directory when relative
  FORM_PATH_AT,   // path, from the descriptor in the argument before
  FORM_FCNTL,     // fcntl's command
  FORM_REQUEST,   // ptrace's request
  FORM_PEER_ADDR, // ptrace's addr and data: u8 variant, value
  FORM_PEER_DATA,
  FORM_BYTES,     // the first bytes of a buffer whose length is the next argument
  FORM_FLAGS16,   // as FORM_FLAGS, 2 bytes
  FORM_FLAGS8,    // as FORM_FLAGS, 1 byte
};
enum { BYTES_MAX = 128 };

#define STEP(form, argument) ((u64)((form) | (argument) << 5))
#define RECIPE(a, b, c, d, e, f, g)                                                                                                \
  ((u64)(a) | (u64)(b) << 8 | (u64)(c) << 16 | (u64)(d) << 24 | (u64)(e) << 32 | (u64)(f) << 40 | (u64)(g) << 48)
/** The event is on the descriptor in this argument (or the result): its section is added. */
#define ON_DESCRIPTOR(argument) ((u64)((argument) + 1) << 56)
#define RES STEP(FORM_S64, ARG_RESULT)
#define FD(argument) STEP(FORM_FD, argument)
#define PID(argument) STEP(FORM_FD, argument)
#define U32(argument) STEP(FORM_U32, argument)
#define PATH(argument) STEP(FORM_PATH, argument)
#define PATH_AT(argument) STEP(FORM_PATH_AT, argument)
#define TEXT(argument) STEP(FORM_TEXT, argument)
#define FLAGS(argument) STEP(FORM_FLAGS, argument)
#define FLAGS16(argument) STEP(FORM_FLAGS16, argument)
#define FLAGS8(argument) STEP(FORM_FLAGS8, argument)
#define U8(argument) STEP(FORM_U8, argument)
#define MODE(argument) STEP(FORM_MODE, argument)
#define U64(argument) STEP(FORM_S64, argument)

INLINE u64 recipe_of(u16 code) {
  switch (code) {
  case EVENT_DUP: return RECIPE(RES, FD(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_DUP2: return RECIPE(RES, FD(0), FD(1), 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_DUP3: return RECIPE(RES, FD(0), FD(1), FLAGS(2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_FCNTL: return RECIPE(RES, FD(0), STEP(FORM_FCNTL, 1), STEP(FORM_S64, 2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_UNLINK: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_UNLINKAT: return RECIPE(RES, FD(0), PATH_AT(1), FLAGS(2), 0, 0, 0);
  case EVENT_RENAME: return RECIPE(RES, PATH(0), PATH(1), 0, 0, 0, 0);
  case EVENT_RENAMEAT: return RECIPE(RES, FD(0), PATH_AT(1), FD(2), PATH_AT(3), 0, 0);
  case EVENT_RENAMEAT2: return RECIPE(RES, FD(0), PATH_AT(1), FD(2), PATH_AT(3), FLAGS(4), 0);
  case EVENT_SYMLINK: return RECIPE(RES, TEXT(0), PATH(1), 0, 0, 0, 0);
  case EVENT_SYMLINKAT: return RECIPE(RES, TEXT(0), FD(1), PATH_AT(2), 0, 0, 0);
  case EVENT_LINK: return RECIPE(RES, PATH(0), PATH(1), 0, 0, 0, 0);
  case EVENT_LINKAT: return RECIPE(RES, FD(0), PATH_AT(1), FD(2), PATH_AT(3), FLAGS(4), 0);
  case EVENT_MKDIR: return RECIPE(RES, PATH(0), U32(1), 0, 0, 0, 0);
  case EVENT_MKDIRAT: return RECIPE(RES, FD(0), PATH_AT(1), U32(2), 0, 0, 0);
  case EVENT_RMDIR: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_CHMOD: return RECIPE(RES, PATH(0), MODE(1), 0, 0, 0, 0);
  case EVENT_FCHMOD: return RECIPE(RES, FD(0), MODE(1), 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_FCHMODAT: return RECIPE(RES, FD(0), PATH_AT(1), MODE(2), 0, 0, 0);
  case EVENT_CHOWN:
  case EVENT_LCHOWN: return RECIPE(RES, PATH(0), U32(1), U32(2), 0, 0, 0);
  case EVENT_FCHOWN: return RECIPE(RES, FD(0), U32(1), U32(2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_FCHOWNAT: return RECIPE(RES, FD(0), PATH_AT(1), U32(2), U32(3), FLAGS(4), 0);
  case EVENT_SETUID:
  case EVENT_SETGID: return RECIPE(RES, U32(0), 0, 0, 0, 0, 0);
  case EVENT_SETREUID:
  case EVENT_SETREGID: return RECIPE(RES, U32(0), U32(1), 0, 0, 0, 0);
  case EVENT_SETRESUID:
  case EVENT_SETRESGID: return RECIPE(RES, U32(0), U32(1), U32(2), 0, 0, 0);
  case EVENT_SETSID: return RECIPE(RES, 0, 0, 0, 0, 0, 0);
  case EVENT_SETPGID: return RECIPE(RES, PID(0), PID(1), 0, 0, 0, 0);
  case EVENT_CHDIR: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_FCHDIR: return RECIPE(RES, FD(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_CHROOT: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_PTRACE:
    return RECIPE(RES, STEP(FORM_PEER_ADDR, 2), STEP(FORM_PEER_DATA, 3), STEP(FORM_REQUEST, 0), PID(1), 0, 0);
  case EVENT_MOUNT: return RECIPE(RES, TEXT(0), PATH(1), TEXT(2), FLAGS(3), 0, 0);
  case EVENT_UMOUNT: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_UMOUNT2: return RECIPE(RES, PATH(0), FLAGS(1), 0, 0, 0, 0);
  case EVENT_MEMFD_CREATE: return RECIPE(RES, TEXT(0), FLAGS(1), 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_KILL:
  case EVENT_TKILL: return RECIPE(RES, PID(0), STEP(FORM_U8, 1), 0, 0, 0, 0);
  case EVENT_TGKILL: return RECIPE(RES, PID(0), PID(1), STEP(FORM_U8, 2), 0, 0, 0);
  case EVENT_SETNS: return RECIPE(RES, FD(0), FLAGS(1), 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_UNSHARE: return RECIPE(RES, FLAGS(0), 0, 0, 0, 0, 0);
  case EVENT_BPF: return RECIPE(RES, U32(0), 0, 0, 0, 0, 0);
  case EVENT_INIT_MODULE: return RECIPE(RES, STEP(FORM_BYTES, 0), STEP(FORM_S64, 1), TEXT(2), 0, 0, 0);
  case EVENT_FINIT_MODULE: return RECIPE(RES, FD(0), TEXT(1), FLAGS(2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_CLOSE: return RECIPE(RES, FD(0), 0, 0, 0, 0, 0);
  case EVENT_MKNOD: return RECIPE(RES, PATH(0), U32(1), U32(2), 0, 0, 0);
  case EVENT_MKNODAT: return RECIPE(RES, FD(0), PATH_AT(1), U32(2), U32(3), 0, 0);
  case EVENT_MPROTECT: return RECIPE(RES, U64(0), U64(1), FLAGS(2), 0, 0, 0);
  case EVENT_SPLICE: return RECIPE(RES, FD(0), FD(2), U64(4), FLAGS(5), 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_IOCTL: return RECIPE(RES, FD(0), U64(1), U64(2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_SECCOMP: return RECIPE(RES, U64(0), U64(1), 0, 0, 0, 0);
  case EVENT_COPY_FILE_RANGE: return RECIPE(RES, FD(2), U64(3), FD(0), U64(1), U64(4), 0) | ON_DESCRIPTOR(2);
  case EVENT_MLOCK:
  case EVENT_MUNLOCK: return RECIPE(RES, U64(0), U64(1), 0, 0, 0, 0);
  case EVENT_MLOCKALL: return RECIPE(RES, FLAGS(0), 0, 0, 0, 0, 0);
  case EVENT_MUNLOCKALL: return RECIPE(RES, 0, 0, 0, 0, 0, 0);
  case EVENT_MLOCK2: return RECIPE(RES, U64(0), U64(1), FLAGS(2), 0, 0, 0);
  case EVENT_IO_URING_REGISTER: return RECIPE(RES, FD(0), FLAGS16(1), U64(2), U32(3), 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_PIDFD_OPEN: return RECIPE(RES, PID(0), FLAGS(1), 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_PIDFD_GETFD: return RECIPE(RES, FD(0), FD(1), U32(2), 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_FLOCK: return RECIPE(RES, FD(0), FLAGS(1), 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_SHUTDOWN: return RECIPE(RES, FD(0), STEP(FORM_U8, 1), 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_EPOLL_CREATE: return RECIPE(RES, U32(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_EPOLL_CREATE1: return RECIPE(RES, FLAGS(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_INOTIFY_INIT1: return RECIPE(RES, FLAGS16(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_EVENTFD2: return RECIPE(RES, FLAGS16(1), U64(0), 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_DELETE_MODULE: return RECIPE(RES, TEXT(0), FLAGS(1), 0, 0, 0, 0);
  case EVENT_USERFAULTFD: return RECIPE(RES, FLAGS(0), 0, 0, 0, 0, 0);
  case EVENT_EVENTFD: return RECIPE(RES, U64(0), U32(ARG_ZERO), 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_SIGNALFD: return RECIPE(RES, FD(0), U32(ARG_ZERO), U8(ARG_ZERO), 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_SIGNALFD4: return RECIPE(RES, FLAGS16(3), FD(0), U32(ARG_ZERO), 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_TIMERFD_CREATE: return RECIPE(RES, U8(0), FLAGS8(1), 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_INOTIFY_INIT: return RECIPE(RES, U8(ARG_ZERO), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(ARG_RESULT);
  case EVENT_FUTEX: return RECIPE(RES, U64(0), FLAGS16(1), U64(2), 0, 0, 0);
  case EVENT_STAT:
  case EVENT_LSTAT:
  case EVENT_STAT64:
  case EVENT_LSTAT64: return RECIPE(RES, PATH(0), 0, 0, 0, 0, 0);
  case EVENT_NEWFSTATAT: return RECIPE(RES, FD(0), PATH_AT(1), FLAGS(3), 0, 0, 0);
  case EVENT_ACCESS: return RECIPE(RES, PATH(0), FLAGS(1), 0, 0, 0, 0);
  case EVENT_FSTAT:
  case EVENT_GETDENTS:
  case EVENT_GETDENTS64: return RECIPE(RES, FD(0), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_FSTAT64: return RECIPE(RES, 0, 0, 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_LSEEK: return RECIPE(RES, FD(0), U64(1), FLAGS8(2), 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_EPOLL_WAIT: return RECIPE(RES, FD(2), 0, 0, 0, 0, 0) | ON_DESCRIPTOR(0);
  case EVENT_SELECT: return RECIPE(RES, 0, 0, 0, 0, 0, 0);
  case EVENT_GETSOCKNAME:
  case EVENT_GETPEERNAME: return ON_DESCRIPTOR(0);
  case EVENT_GETUID:
  case EVENT_GETEUID:
  case EVENT_GETGID:
  case EVENT_GETEGID: return RECIPE(U32(ARG_RESULT), 0, 0, 0, 0, 0, 0);
  case EVENT_SEMGET: return RECIPE(RES, U32(0), U32(1), FLAGS(2), 0, 0, 0);
  case EVENT_CLOSE_RANGE: return RECIPE(RES, U32(0), U32(1), FLAGS(2), 0, 0, 0);
  default: return 0;
  }
}

/** Scap's numbering of an event's flags; where it is Linux's own, only the known bits or all. */
INLINE u32 flags_of(u16 code, u64 flags) {
  switch (code) {
  case EVENT_DUP3:
  case EVENT_INOTIFY_INIT1:
  case EVENT_EVENTFD2:
  case EVENT_SIGNALFD4:
  case EVENT_TIMERFD_CREATE:
  case EVENT_USERFAULTFD: return descriptor_flags(flags);
  case EVENT_PIDFD_OPEN: return (flags & LINUX_O_NONBLOCK) != 0;
  case EVENT_EPOLL_CREATE1: return (flags & LINUX_O_CLOEXEC) != 0;
  case EVENT_MPROTECT: return memory_protection(flags);
  case EVENT_DELETE_MODULE: return removal_flags(flags);
  case EVENT_SETNS:
  case EVENT_UNSHARE: return clone_flags(flags);
  case EVENT_FCHOWNAT: return fchownat_flags(flags);
  case EVENT_MOUNT: return mount_flags(flags);
  case EVENT_UNLINKAT: return flags & 0x200;
  case EVENT_FUTEX: return futex_operation(flags);
  case EVENT_LSEEK: return seek_start(flags);
  case EVENT_ACCESS: return flags & 7;
  case EVENT_NEWFSTATAT: return flags & 0x1900;
  case EVENT_CLOSE_RANGE: return flags & 6;
  case EVENT_SEMGET: return semaphore_set_flags(flags);
  default: return flags;
  }
}

INLINE u32 count_steps(u64 recipe) {
  u32 count = 0;
#pragma clang loop unroll(full)
  for (u32 i = 0; i < 7; i += 1) count += (recipe >> 8 * i & 0xff) != 0;
  return count;
}

enum { PEER_U64 = 0, PEER_SIGNAL = 1 };
enum { PTRACE_PEEKTEXT = 1, PTRACE_PEEKUSER = 3, PTRACE_POKETEXT = 4, PTRACE_POKEUSER = 6 };

INLINE void put_variant(struct scratch *s, u8 variant, u64 value) {
  *position(s) = variant;
  *(u64 *)(position(s) + 1) = value;
  end_param(s, 9);
}

/** ptrace's data: a signal where the tracee goes on, a value where memory is read or written, else nothing of meaning. */
INLINE void put_peer_data(struct scratch *s, u32 request, u64 data) {
  switch (request) {
  case 7: case 9: case 17: case 24: case 31: case 32: case 33:
    *position(s) = PEER_SIGNAL;
    *(position(s) + 1) = data;
    return end_param(s, 2);
  case 1: case 2: case 3: {
    u64 value = 0;
    bpf_probe_read_user(&value, sizeof(value), (void *)data);
    return put_variant(s, PEER_U64, value);
  }
  case 4: case 5: case 6: return put_variant(s, PEER_U64, data);
  default: return put_variant(s, PEER_U64, 0);
  }
}

INLINE void put_step(struct scratch *s, u16 code, u32 form, u32 argument) {
  u64 value = s->args[argument & (ARGS - 1)];
  switch (form) {
  case FORM_S64: return put_u64(s, value);
  case FORM_FD: return put_u64(s, (s64)(s32)value);
  case FORM_U32: return put_u32(s, value);
  case FORM_U8: return put_u8(s, value);
  case FORM_MODE: return put_u32(s, value & 07777);
  case FORM_FLAGS: return put_u32(s, flags_of(code, value));
  case FORM_FLAGS16: return put_u16(s, flags_of(code, value));
  case FORM_FLAGS8: return put_u8(s, flags_of(code, value));
  case FORM_TEXT: return put_user_text(s, value);
  case FORM_PATH: return put_user_path(s, value, AT_FDCWD);
  case FORM_PATH_AT: return put_user_path(s, value, s->args[(argument - 1) & (ARGS - 1)]);
  case FORM_FCNTL: return put_u8(s, fcntl_command(value));
  case FORM_REQUEST: return put_u16(s, ptrace_request(value));
  case FORM_PEER_ADDR: return put_variant(s, PEER_U64, value);
  case FORM_PEER_DATA: return put_peer_data(s, s->args[0], value);
  case FORM_BYTES: return put_user_bytes(s, value, s->args[(argument + 1) & (ARGS - 1)], BYTES_MAX);
  }
}

INLINE void put_simple(struct scratch *s) {
  u16 code = s->code;
  u64 recipe = recipe_of(code);
  u32 on = recipe >> 56;
  begin(s, code, count_steps(recipe));
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 7; i += 1) {
    u32 step = recipe & 0xff;
    if (step == 0) break;
    recipe >>= 8;
    put_step(s, code, step & 31, step >> 5);
  }
  if (on) want_descriptor(s, s->args[(on - 1) & (ARGS - 1)]);
  // By now the working directory is the new one, not what the path started from.
  if (code == EVENT_CHDIR && s->args[ARG_RESULT] == 0) s->directory.dentry = NULL;
}

/** Which program comes next: of a call on paths the one that tells where they led. */
INLINE u32 next_of_simple(struct scratch *s) {
  return act_of(s->code) ? HANDLER_OPENED : HANDLER_SECTIONS;
}
