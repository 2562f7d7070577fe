// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// From Linux's flag values to scap's (PPM_*, see src/events/flag-names.ts).
#pragma once
#include "bpf.h"

// Open flags whose bits depend on the architecture (arch/*/include/uapi/asm/fcntl.h).
#if defined(__TARGET_ARCH_arm64)
enum { LINUX_O_DIRECTORY = 040000, LINUX_O_DIRECT = 0200000, LINUX_O_LARGEFILE = 0400000 };
#else
enum { LINUX_O_DIRECTORY = 0200000, LINUX_O_DIRECT = 040000, LINUX_O_LARGEFILE = 0100000 };
#endif
enum {
  LINUX_O_CREAT = 0100, LINUX_O_EXCL = 0200, LINUX_O_TRUNC = 01000, LINUX_O_APPEND = 02000, LINUX_O_NONBLOCK = 04000,
  LINUX_O_DSYNC = 010000, LINUX_O_CLOEXEC = 02000000, LINUX_O_SYNC_BIT = 04000000, LINUX_O_TMPFILE_BIT = 020000000,
};

enum { PPM_O_F_CREATED = 0x4000, PPM_FD_UPPER_LAYER = 0x8000, PPM_FD_LOWER_LAYER = 0x10000 };

#define MAP(flag, scap) (flags & (flag) ? (scap) : 0)

INLINE u32 open_flags(u32 flags) {
  return ((flags & 3) == 1 ? 2 : (flags & 3) == 2 ? 3 : 1) | MAP(LINUX_O_CREAT, 4) | MAP(LINUX_O_APPEND, 8) |
         MAP(LINUX_O_DSYNC, 0x10) | MAP(LINUX_O_EXCL, 0x20) | MAP(LINUX_O_NONBLOCK, 0x40) | MAP(LINUX_O_SYNC_BIT, 0x80) |
         MAP(LINUX_O_TRUNC, 0x100) | MAP(LINUX_O_DIRECT, 0x200) | MAP(LINUX_O_DIRECTORY, 0x400) | MAP(LINUX_O_LARGEFILE, 0x800) |
         MAP(LINUX_O_CLOEXEC, 0x1000) | MAP(LINUX_O_TMPFILE_BIT, 0x2000);
}

/** A mode counts only where a file may be made. */
INLINE u32 open_mode(u32 flags, u32 mode) {
  return flags & (LINUX_O_CREAT | LINUX_O_TMPFILE_BIT) ? mode & 07777 : 0;
}

/** The two flags that socket(), dup3(), userfaultfd() and others borrow from open(). */
INLINE u32 descriptor_flags(u32 flags) {
  return MAP(LINUX_O_NONBLOCK, 0x40) | MAP(LINUX_O_CLOEXEC, 0x1000);
}

INLINE u32 clone_flags(u64 flags) {
  return MAP(0x400, 1) | MAP(0x200, 2) | MAP(0x80000000, 4) | MAP(0x08000000, 8) | MAP(0x40000000, 0x10) | MAP(0x00020000, 0x20) |
         MAP(0x20000000, 0x40) | MAP(0x04000000, 0x80) | MAP(0x8000, 0x100) | MAP(0x00100000, 0x200) | MAP(0x2000, 0x400) |
         MAP(0x800, 0x800) | MAP(0x00040000, 0x1000) | MAP(0x00010000, 0x2000) | MAP(0x00800000, 0x4000) | MAP(0x100, 0x8000) |
         MAP(0x10000000, 0x100000) | MAP(0x00200000, 0x800000) | MAP(0x01000000, 0x1000000) | MAP(0x00080000, 0x2000000) |
         MAP(0x4000, 0x8000000) | MAP(0x02000000, 0x10000000);
}

/** PROT_* of mmap() and mprotect(). */
INLINE u32 memory_protection(u32 flags) {
  return (flags & 15) | MAP(0x01000000, 0x10) | MAP(0x02000000, 0x20);
}

/** MAP_* of mmap(). */
INLINE u32 mapping_flags(u32 flags) {
  return (flags & 3) | MAP(0x10, 4) | MAP(0x20, 8) | MAP(0x40, 0x10) | MAP(0x4000, 0x40) | MAP(0x8000, 0x80) | MAP(0x10000, 0x100) |
         MAP(0x100, 0x200) | MAP(0x800, 0x400) | MAP(0x1000, 0x800) | MAP(0x2000, 0x4000);
}

/** delete_module()'s flags. */
INLINE u32 removal_flags(u32 flags) {
  return MAP(LINUX_O_TRUNC, 1) | MAP(LINUX_O_NONBLOCK, 2);
}

/** fchownat()'s flags. */
INLINE u32 fchownat_flags(u32 flags) {
  return MAP(0x100, 0x400) | MAP(0x1000, 0x1000);
}

/** mount(2)'s flags without the magic number that old programs put into their upper half. */
INLINE u32 mount_flags(u32 flags) {
  return (flags & 0xffff0000) == 0xc0ed0000 ? flags & 0xffff : flags;
}

/** pipe2()'s flags. */
INLINE u32 pipe_flags(u32 flags) {
  return descriptor_flags(flags) | MAP(LINUX_O_DIRECT, 0x200);
}

/** A futex operation and its two flags. */
INLINE u32 futex_operation(u32 flags) {
  return ((flags & 127) <= 12 ? flags & 127 : 0) | (flags & 0x180);
}

/** lseek()'s whence; what scap has no number for is SEEK_SET. */
INLINE u32 seek_start(u32 whence) {
  return whence <= 2 ? whence : 0;
}

/** IPC_CREAT and IPC_EXCL of semget(). */
INLINE u32 semaphore_set_flags(u32 flags) {
  return MAP(01000, 0x2000) | MAP(02000, 0x4000);
}

/** IPC_NOWAIT and SEM_UNDO of semop(). */
INLINE u16 semaphore_flags(u32 flags) {
  return MAP(04000, 1) | MAP(0x1000, 2);
}

/** What poll() says of a descriptor. */
INLINE u16 poll_events(u32 flags) {
  return (flags & 7) | MAP(0x2000, 8) | MAP(8, 0x10) | MAP(0x10, 0x20) | MAP(0x20, 0x40) | MAP(0x40, 0x80) | MAP(0x80, 0x100) |
         MAP(0x100, 0x200) | MAP(0x200, 0x400);
}

/** scap's bit for a semctl() command (include/uapi/linux/sem.h); the flag of calls by ipc() is no part of it. */
INLINE u16 semaphore_command(u32 command) {
  switch (command & 0xff) {
  case 0: return 4;
  case 1: return 2;
  case 2: return 1;
  case 3: return 8;
  case 11: return 0x100;
  case 12: return 0x200;
  case 13: return 0x40;
  case 14: return 0x80;
  case 15: return 0x400;
  case 16: return 0x1000;
  case 17: return 0x800;
  case 18: return 0x20;
  case 19: return 0x10;
  default: return 0;
  }
}

/** scap's number for a quotactl() command (include/uapi/linux/quota.h, dqblk_xfs.h). */
enum { QUOTA_SYNC = 0x80, QUOTA_ON = 1, QUOTA_GETFMT = 4, QUOTA_GETINFO = 8, QUOTA_SETINFO = 0x10, QUOTA_GETQUOTA = 0x20, QUOTA_SETQUOTA = 0x40, QUOTA_XGETQUOTA = 0x400, QUOTA_XSETQLIM = 0x800 };
INLINE u16 quota_command(u32 command) {
  u32 plain = command - 0x800002, xfs = command - 0x5801;
  if (command == 0x800001) return QUOTA_SYNC;
  if (plain < 7) return 1 << plain;
  return xfs < 7 ? 0x100 << xfs : 0;
}

/** scap's number for a quota format. */
INLINE u8 quota_format(u32 format) {
  return format == 1 ? 2 : format == 2 ? 4 : format == 4 ? 8 : 1;
}

/** scap's number for an option of SOL_SOCKET: Linux's own but for three. */
INLINE u8 socket_option(u32 option) {
  switch (option) {
  case 55: return 52;
  case 57: return 53;
  case 59: return 51;
  case 63: return 29;
  case 64: return 35;
  case 65: return 37;
  case 66: return 20;
  case 67: return 21;
  default: return option <= 50 ? option : 0;
  }
}

/** scap's number for a fcntl() command; only the two that make descriptors. */
enum { F_DUPFD = 0, F_DUPFD_CLOEXEC = 1030 };
INLINE u8 fcntl_command(u32 command) {
  return command == F_DUPFD ? 1 : 26;
}

/** scap's number for a ptrace() request (include/uapi/linux/ptrace.h). */
INLINE u16 ptrace_request(u32 request) {
  if (request <= 9 && request != 0) return request == 6 ? 7 : request == 3 ? 3 : request;
  switch (request) {
  case 0: return 1;
  case 12: return 26;
  case 13: return 27;
  case 14: return 28;
  case 15: return 29;
  case 16: return 11;
  case 17: return 12;
  case 18: return 30;
  case 19: return 31;
  case 21: return 32;
  case 24: return 13;
  case 25: return 33;
  case 26: return 34;
  case 30: return 35;
  case 31: return 36;
  case 32: return 37;
  case 33: return 38;
  case 0x4200: return 14;
  case 0x4201: return 15;
  case 0x4202: return 16;
  case 0x4203: return 17;
  case 0x4204: return 18;
  case 0x4205: return 19;
  case 0x4206: return 20;
  case 0x4207: return 21;
  case 0x4208: return 22;
  case 0x4209: return 23;
  case 0x420a: return 24;
  case 0x420b: return 25;
  default: return 0;
  }
}

#undef MAP
