// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which syscall is which event: one row a syscall. To add one, add a row (and, for SIMPLE ones, its recipe in simple.h).
//   BOTH(event code, handler, x86-64 number, i386 number, arm64 number, arm number)
//   OLD(event code, handler, x86-64 number, i386 number, arm number): has no number on arm64
//   WIDE(event code, handler, x86-64 number, arm64 number): 32-bit programs have another call for it
//   COMPAT(event code, handler, number): the 16-bit-id calls and others that only 32-bit programs have, i386 and arm alike
#pragma once
#include "bpf.h"

/** The programs that know an event's parameters; indices into the map `handlers`. */
enum { HANDLER_SIMPLE, HANDLER_OPEN, HANDLER_SOCKET, HANDLER_EXEC, HANDLER_CLONE, HANDLER_MESSAGE, HANDLER_OTHER, HANDLER_SECTIONS, HANDLER_CGROUP, HANDLER_OPENED, HANDLER_ASK_FILE, HANDLERS };

enum {
  EVENT_OPEN = 3, EVENT_SOCKET = 19, EVENT_BIND = 21, EVENT_CONNECT = 23, EVENT_LISTEN = 25, EVENT_SENDTO = 31, EVENT_RECVFROM = 35, EVENT_SENDMSG = 49, EVENT_RECVMSG = 53,
  EVENT_CREAT = 59, EVENT_CHDIR = 95, EVENT_FCHDIR = 97, EVENT_KILL = 129, EVENT_TKILL = 131, EVENT_TGKILL = 133, EVENT_FCNTL = 151,
  EVENT_PTRACE = 169, EVENT_RENAME = 175, EVENT_RENAMEAT = 177, EVENT_SYMLINK = 179, EVENT_SYMLINKAT = 181, EVENT_PROCEXIT = 186,
  EVENT_SETRESUID = 193, EVENT_SETRESGID = 195, EVENT_SETUID = 199, EVENT_SETGID = 201, EVENT_CLONE = 223, EVENT_FORK = 225,
  EVENT_VFORK = 227, EVENT_SETNS = 241, EVENT_ACCEPT = 247, EVENT_MOUNT = 257, EVENT_CHROOT = 267, EVENT_SETSID = 275,
  EVENT_MKDIR = 277, EVENT_RMDIR = 279, EVENT_UNSHARE = 285, EVENT_EXECVE = 293, EVENT_SETPGID = 295, EVENT_UNLINK = 301,
  EVENT_UNLINKAT = 303, EVENT_MKDIRAT = 305, EVENT_OPENAT = 307, EVENT_LINK = 309, EVENT_LINKAT = 311, EVENT_FCHMODAT = 313,
  EVENT_CHMOD = 315, EVENT_FCHMOD = 317, EVENT_RENAMEAT2 = 319, EVENT_USERFAULTFD = 321, EVENT_OPENAT2 = 327, EVENT_EXECVEAT = 331,
  EVENT_CLONE3 = 335, EVENT_DUP2 = 363, EVENT_DUP3 = 365, EVENT_DUP = 367, EVENT_BPF = 369, EVENT_CHOWN = 379, EVENT_LCHOWN = 381,
  EVENT_FCHOWN = 383, EVENT_FCHOWNAT = 385, EVENT_UMOUNT = 387, EVENT_ACCEPT4 = 389, EVENT_UMOUNT2 = 391, EVENT_MEMFD_CREATE = 405,
  EVENT_INIT_MODULE = 411, EVENT_FINIT_MODULE = 413, EVENT_SETREUID = 427, EVENT_SETREGID = 429,
  EVENT_CLOSE = 5, EVENT_SHUTDOWN = 37, EVENT_MMAP = 161, EVENT_MMAP2 = 163, EVENT_MUNMAP = 165, EVENT_SPLICE = 167,
  EVENT_IOCTL = 171, EVENT_FLOCK = 243, EVENT_SECCOMP = 299, EVENT_MPROTECT = 329, EVENT_COPY_FILE_RANGE = 333, EVENT_OPEN_BY_HANDLE_AT = 337,
  EVENT_IO_URING_SETUP = 339, EVENT_IO_URING_ENTER = 341, EVENT_IO_URING_REGISTER = 343, EVENT_MLOCK = 345, EVENT_MUNLOCK = 347, EVENT_MLOCKALL = 349,
  EVENT_MUNLOCKALL = 351, EVENT_CAPSET = 353, EVENT_MLOCK2 = 371, EVENT_FSCONFIG = 373, EVENT_EPOLL_CREATE = 375, EVENT_EPOLL_CREATE1 = 377,
  EVENT_INOTIFY_INIT1 = 395, EVENT_EVENTFD2 = 397, EVENT_PRCTL = 401, EVENT_PIDFD_GETFD = 407, EVENT_PIDFD_OPEN = 409, EVENT_MKNOD = 415,
  EVENT_MKNODAT = 417, EVENT_PROCESS_VM_READV = 421, EVENT_PROCESS_VM_WRITEV = 423, EVENT_DELETE_MODULE = 425,
};

#define SYSCALLS(BOTH, OLD, WIDE, COMPAT)                                                                                              \
  BOTH(EVENT_EXECVE, HANDLER_EXEC, 59, 11, 221, 11)                                                                                \
  BOTH(EVENT_EXECVEAT, HANDLER_EXEC, 322, 358, 281, 387)                                                                           \
  BOTH(EVENT_CLONE, HANDLER_CLONE, 56, 120, 220, 120)                                                                              \
  BOTH(EVENT_CLONE3, HANDLER_CLONE, 435, 435, 435, 435)                                                                            \
  OLD(EVENT_FORK, HANDLER_CLONE, 57, 2, 2)                                                                                         \
  OLD(EVENT_VFORK, HANDLER_CLONE, 58, 190, 190)                                                                                    \
  OLD(EVENT_OPEN, HANDLER_OPEN, 2, 5, 5)                                                                                           \
  OLD(EVENT_CREAT, HANDLER_OPEN, 85, 8, 8)                                                                                         \
  BOTH(EVENT_OPENAT, HANDLER_OPEN, 257, 295, 56, 322)                                                                              \
  BOTH(EVENT_OPENAT2, HANDLER_OPEN, 437, 437, 437, 437)                                                                            \
  BOTH(EVENT_SOCKET, HANDLER_SOCKET, 41, 359, 198, 281)                                                                            \
  BOTH(EVENT_BIND, HANDLER_SOCKET, 49, 361, 200, 282)                                                                              \
  BOTH(EVENT_LISTEN, HANDLER_SOCKET, 50, 363, 201, 284)                                                                            \
  BOTH(EVENT_CONNECT, HANDLER_SOCKET, 42, 362, 203, 283)                                                                           \
  BOTH(EVENT_ACCEPT, HANDLER_SOCKET, 43, 511, 202, 285)                                                                            \
  BOTH(EVENT_ACCEPT4, HANDLER_SOCKET, 288, 364, 242, 366)                                                                          \
  BOTH(EVENT_SENDTO, HANDLER_MESSAGE, 44, 369, 206, 290)                                                                           \
  BOTH(EVENT_SENDMSG, HANDLER_MESSAGE, 46, 370, 211, 296)                                                                          \
  BOTH(EVENT_RECVFROM, HANDLER_MESSAGE, 45, 371, 207, 292)                                                                         \
  BOTH(EVENT_RECVMSG, HANDLER_MESSAGE, 47, 372, 212, 297)                                                                          \
  BOTH(EVENT_DUP, HANDLER_SIMPLE, 32, 41, 23, 41)                                                                                  \
  OLD(EVENT_DUP2, HANDLER_SIMPLE, 33, 63, 63)                                                                                      \
  BOTH(EVENT_DUP3, HANDLER_SIMPLE, 292, 330, 24, 358)                                                                              \
  BOTH(EVENT_FCNTL, HANDLER_SIMPLE, 72, 221, 25, 221)                                                                              \
  OLD(EVENT_UNLINK, HANDLER_SIMPLE, 87, 10, 10)                                                                                    \
  BOTH(EVENT_UNLINKAT, HANDLER_SIMPLE, 263, 301, 35, 328)                                                                          \
  OLD(EVENT_RENAME, HANDLER_SIMPLE, 82, 38, 38)                                                                                    \
  BOTH(EVENT_RENAMEAT, HANDLER_SIMPLE, 264, 302, 38, 329)                                                                          \
  BOTH(EVENT_RENAMEAT2, HANDLER_SIMPLE, 316, 353, 276, 382)                                                                        \
  OLD(EVENT_SYMLINK, HANDLER_SIMPLE, 88, 83, 83)                                                                                   \
  BOTH(EVENT_SYMLINKAT, HANDLER_SIMPLE, 266, 304, 36, 331)                                                                         \
  OLD(EVENT_LINK, HANDLER_SIMPLE, 86, 9, 9)                                                                                        \
  BOTH(EVENT_LINKAT, HANDLER_SIMPLE, 265, 303, 37, 330)                                                                            \
  OLD(EVENT_MKDIR, HANDLER_SIMPLE, 83, 39, 39)                                                                                     \
  BOTH(EVENT_MKDIRAT, HANDLER_SIMPLE, 258, 296, 34, 323)                                                                           \
  OLD(EVENT_RMDIR, HANDLER_SIMPLE, 84, 40, 40)                                                                                     \
  OLD(EVENT_CHMOD, HANDLER_SIMPLE, 90, 15, 15)                                                                                     \
  BOTH(EVENT_FCHMOD, HANDLER_SIMPLE, 91, 94, 52, 94)                                                                               \
  BOTH(EVENT_FCHMODAT, HANDLER_SIMPLE, 268, 306, 53, 333)                                                                          \
  BOTH(EVENT_FCHMODAT, HANDLER_SIMPLE, 452, 452, 452, 452)                                                                         \
  OLD(EVENT_CHOWN, HANDLER_SIMPLE, 92, 212, 212)                                                                                   \
  OLD(EVENT_LCHOWN, HANDLER_SIMPLE, 94, 198, 198)                                                                                  \
  BOTH(EVENT_FCHOWN, HANDLER_SIMPLE, 93, 207, 55, 207)                                                                             \
  BOTH(EVENT_FCHOWNAT, HANDLER_SIMPLE, 260, 298, 54, 325)                                                                          \
  BOTH(EVENT_SETUID, HANDLER_SIMPLE, 105, 213, 146, 213)                                                                           \
  BOTH(EVENT_SETGID, HANDLER_SIMPLE, 106, 214, 144, 214)                                                                           \
  BOTH(EVENT_SETREUID, HANDLER_SIMPLE, 113, 203, 145, 203)                                                                         \
  BOTH(EVENT_SETREGID, HANDLER_SIMPLE, 114, 204, 143, 204)                                                                         \
  BOTH(EVENT_SETRESUID, HANDLER_SIMPLE, 117, 208, 147, 208)                                                                        \
  BOTH(EVENT_SETRESGID, HANDLER_SIMPLE, 119, 210, 149, 210)                                                                        \
  BOTH(EVENT_SETSID, HANDLER_SIMPLE, 112, 66, 157, 66)                                                                             \
  BOTH(EVENT_SETPGID, HANDLER_SIMPLE, 109, 57, 154, 57)                                                                            \
  BOTH(EVENT_CHDIR, HANDLER_SIMPLE, 80, 12, 49, 12)                                                                                \
  BOTH(EVENT_FCHDIR, HANDLER_SIMPLE, 81, 133, 50, 133)                                                                             \
  BOTH(EVENT_CHROOT, HANDLER_SIMPLE, 161, 61, 51, 61)                                                                              \
  BOTH(EVENT_PTRACE, HANDLER_SIMPLE, 101, 26, 117, 26)                                                                             \
  BOTH(EVENT_MOUNT, HANDLER_SIMPLE, 165, 21, 40, 21)                                                                               \
  BOTH(EVENT_UMOUNT2, HANDLER_SIMPLE, 166, 52, 39, 52)                                                                             \
  BOTH(EVENT_MEMFD_CREATE, HANDLER_SIMPLE, 319, 356, 279, 385)                                                                     \
  BOTH(EVENT_KILL, HANDLER_SIMPLE, 62, 37, 129, 37)                                                                                \
  BOTH(EVENT_TKILL, HANDLER_SIMPLE, 200, 238, 130, 238)                                                                            \
  BOTH(EVENT_TGKILL, HANDLER_SIMPLE, 234, 270, 131, 268)                                                                           \
  BOTH(EVENT_SETNS, HANDLER_SIMPLE, 308, 346, 268, 375)                                                                            \
  BOTH(EVENT_UNSHARE, HANDLER_SIMPLE, 272, 310, 97, 337)                                                                           \
  BOTH(EVENT_BPF, HANDLER_SIMPLE, 321, 357, 280, 386)                                                                              \
  BOTH(EVENT_INIT_MODULE, HANDLER_SIMPLE, 175, 128, 105, 128)                                                                      \
  BOTH(EVENT_FINIT_MODULE, HANDLER_SIMPLE, 313, 350, 273, 379)                                                                     \
  BOTH(EVENT_USERFAULTFD, HANDLER_SIMPLE, 323, 374, 282, 388)                                                                      \
  BOTH(EVENT_CLOSE, HANDLER_SIMPLE, 3, 6, 57, 6)                                                                                    \
  BOTH(EVENT_MKNODAT, HANDLER_SIMPLE, 259, 297, 33, 324)                                                                            \
  BOTH(EVENT_MPROTECT, HANDLER_SIMPLE, 10, 125, 226, 125)                                                                           \
  BOTH(EVENT_MUNMAP, HANDLER_OTHER, 11, 91, 215, 91)                                                                                \
  BOTH(EVENT_SPLICE, HANDLER_SIMPLE, 275, 313, 76, 340)                                                                             \
  BOTH(EVENT_IOCTL, HANDLER_SIMPLE, 16, 54, 29, 54)                                                                                 \
  BOTH(EVENT_SECCOMP, HANDLER_SIMPLE, 317, 354, 277, 383)                                                                           \
  BOTH(EVENT_COPY_FILE_RANGE, HANDLER_SIMPLE, 326, 377, 285, 391)                                                                   \
  BOTH(EVENT_PRCTL, HANDLER_OTHER, 157, 172, 167, 172)                                                                              \
  BOTH(EVENT_CAPSET, HANDLER_OTHER, 126, 185, 91, 185)                                                                              \
  BOTH(EVENT_MLOCK, HANDLER_SIMPLE, 149, 150, 228, 150)                                                                             \
  BOTH(EVENT_MUNLOCK, HANDLER_SIMPLE, 150, 151, 229, 151)                                                                           \
  BOTH(EVENT_MLOCKALL, HANDLER_SIMPLE, 151, 152, 230, 152)                                                                          \
  BOTH(EVENT_MUNLOCKALL, HANDLER_SIMPLE, 152, 153, 231, 153)                                                                        \
  BOTH(EVENT_MLOCK2, HANDLER_SIMPLE, 325, 376, 284, 390)                                                                            \
  BOTH(EVENT_IO_URING_SETUP, HANDLER_OTHER, 425, 425, 425, 425)                                                                     \
  BOTH(EVENT_IO_URING_ENTER, HANDLER_OTHER, 426, 426, 426, 426)                                                                     \
  BOTH(EVENT_IO_URING_REGISTER, HANDLER_SIMPLE, 427, 427, 427, 427)                                                                 \
  BOTH(EVENT_PIDFD_OPEN, HANDLER_SIMPLE, 434, 434, 434, 434)                                                                        \
  BOTH(EVENT_PIDFD_GETFD, HANDLER_SIMPLE, 438, 438, 438, 438)                                                                       \
  BOTH(EVENT_FLOCK, HANDLER_SIMPLE, 73, 143, 32, 143)                                                                               \
  BOTH(EVENT_SHUTDOWN, HANDLER_SIMPLE, 48, 373, 210, 293)                                                                           \
  BOTH(EVENT_EPOLL_CREATE1, HANDLER_SIMPLE, 291, 329, 20, 357)                                                                      \
  BOTH(EVENT_INOTIFY_INIT1, HANDLER_SIMPLE, 294, 332, 26, 360)                                                                      \
  BOTH(EVENT_EVENTFD2, HANDLER_SIMPLE, 290, 328, 19, 356)                                                                           \
  BOTH(EVENT_DELETE_MODULE, HANDLER_SIMPLE, 176, 129, 106, 129)                                                                     \
  BOTH(EVENT_PROCESS_VM_READV, HANDLER_OTHER, 310, 347, 270, 376)                                                                   \
  BOTH(EVENT_PROCESS_VM_WRITEV, HANDLER_OTHER, 311, 348, 271, 377)                                                                  \
  BOTH(EVENT_FSCONFIG, HANDLER_OTHER, 431, 431, 431, 431)                                                                           \
  BOTH(EVENT_OPEN_BY_HANDLE_AT, HANDLER_OPEN, 304, 342, 265, 371)                                                                   \
  OLD(EVENT_MKNOD, HANDLER_SIMPLE, 133, 14, 14)                                                                                     \
  OLD(EVENT_EPOLL_CREATE, HANDLER_SIMPLE, 213, 254, 250)                                                                            \
  WIDE(EVENT_MMAP, HANDLER_OTHER, 9, 222)                                                                                           \
  COMPAT(EVENT_MMAP2, HANDLER_OTHER, 192)                                                                                           \
  COMPAT(EVENT_UMOUNT, HANDLER_SIMPLE, 22)                                                                                         \
  COMPAT(EVENT_FCNTL, HANDLER_SIMPLE, 55)                                                                                          \
  COMPAT(EVENT_CHOWN, HANDLER_SIMPLE, 182)                                                                                         \
  COMPAT(EVENT_LCHOWN, HANDLER_SIMPLE, 16)                                                                                         \
  COMPAT(EVENT_FCHOWN, HANDLER_SIMPLE, 95)                                                                                         \
  COMPAT(EVENT_SETUID, HANDLER_SIMPLE, 23)                                                                                         \
  COMPAT(EVENT_SETGID, HANDLER_SIMPLE, 46)                                                                                         \
  COMPAT(EVENT_SETREUID, HANDLER_SIMPLE, 70)                                                                                       \
  COMPAT(EVENT_SETREGID, HANDLER_SIMPLE, 71)                                                                                       \
  COMPAT(EVENT_SETRESUID, HANDLER_SIMPLE, 164)                                                                                     \
  COMPAT(EVENT_SETRESGID, HANDLER_SIMPLE, 170)

/** What a syscall number means: event code in the upper, handler in the lower half; 0 when it is none of ours. */
#define FOUND(code, handler) ((code) << 16 | (handler))
#define NO_ROW(...)

INLINE u32 find_syscall(u32 number) {
#if defined(__TARGET_ARCH_arm64)
#define ROW(code, handler, x64, i386, arm64, arm) case arm64: return FOUND(code, handler);
#define OLD_ROW(...)
#define WIDE_ROW(code, handler, x64, arm64) case arm64: return FOUND(code, handler);
#else
#define ROW(code, handler, x64, i386, arm64, arm) case x64: return FOUND(code, handler);
#define WIDE_ROW(code, handler, x64, arm64) case x64: return FOUND(code, handler);
#define OLD_ROW(code, handler, x64, i386, arm) case x64: return FOUND(code, handler);
#endif
  switch (number) {
    SYSCALLS(ROW, OLD_ROW, WIDE_ROW, NO_ROW)
  default:
    return 0;
  }
#undef ROW
#undef OLD_ROW
#undef WIDE_ROW
}

/** The same for the system call of a 32-bit program. */
INLINE u32 find_compat_syscall(u32 number) {
#if defined(__TARGET_ARCH_arm64)
#define ROW(code, handler, x64, i386, arm64, arm) case arm: return FOUND(code, handler);
#define OLD_ROW(code, handler, x64, i386, arm) case arm: return FOUND(code, handler);
#else
#define ROW(code, handler, x64, i386, arm64, arm) case i386: return FOUND(code, handler);
#define OLD_ROW(code, handler, x64, i386, arm) case i386: return FOUND(code, handler);
#endif
#define COMPAT_ROW(code, handler, number) case number: return FOUND(code, handler);
  switch (number) {
    SYSCALLS(ROW, OLD_ROW, NO_ROW, COMPAT_ROW)
  default:
    return 0;
  }
#undef ROW
#undef OLD_ROW
#undef COMPAT_ROW
}
