// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Parameters of execve and clone: what a process is.
#pragma once
#include "files.h"
#include "flags.h"
#include "syscalls.h"

enum { PAGE_KB = 4, EXEC_PARAMS = 31, EXECVEAT_PARAMS = 30, CLONE_PARAMS = 21, MAX_FAILED_ARGS = 32 };
enum { EXE_WRITABLE = 1, EXE_UPPER_LAYER = 2, EXE_FROM_MEMFD = 4, EXE_LOWER_LAYER = 8 };

/** exe and args of a running program, from the memory of the current process. */
INLINE void put_mm_args(struct scratch *s, struct mm_struct *mm) {
  u64 start = PROBE(mm, arg_start);
  u64 end = PROBE(mm, arg_end);
  u32 length = start && end > start ? append_user_text(s, start) : 0;
  end_param(s, length);
  start += length;
  if (end <= start || length == 0) return put_nothing(s);
  put_user_bytes(s, start, end - start, TEXT_MAX);
}

INLINE u32 wants_environment(void) {
  struct settings *settings = the_settings();
  return settings && settings->flags & SETTING_ENVIRONMENT;
}

/** The environment of a running program, from the memory of the current process. */
INLINE void put_mm_environment(struct scratch *s, struct mm_struct *mm) {
  u64 start = PROBE(mm, env_start);
  u64 end = PROBE(mm, env_end);
  if (!wants_environment() || end <= start) return put_nothing(s);
  put_user_bytes(s, start, end - start, TEXT_MAX);
}

/** The texts of an array that the process passed to execve(), from `first` on, as one parameter. */
INLINE void put_texts(struct scratch *s, u64 array, u32 first) {
  u32 width = context_of(s)->flags & FLAG_COMPAT ? 4 : 8;
  u32 start = s->used;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_FAILED_ARGS; i += 1) {
    u64 text = 0;
    bpf_probe_read_user(&text, width, (void *)(array + (first + i) * width));
    if (!text || s->used - start > TEXT_MAX) break;
    s->used += append_user_text(s, text);
  }
  u32 length = s->used - start;
  s->used = start;
  end_param(s, length);
}

/** exe and args of a program that could not be started, from the array the process passed. */
INLINE void put_argv(struct scratch *s, u64 argv) {
  u32 width = context_of(s)->flags & FLAG_COMPAT ? 4 : 8;
  u64 text = 0;
  bpf_probe_read_user(&text, width, (void *)argv);
  put_user_text(s, text);
  put_texts(s, argv, 1);
}

INLINE u64 resident_pages(struct mm_struct *mm, u32 kind) {
  s64 pages = 0;
  if (TYPE_EXISTS(struct mm_rss_stat)) {
    struct mm_struct___before_6_2 *old = (void *)mm;
    bpf_probe_read_kernel(&pages, sizeof(pages), &old->rss_stat.count[0].counter + kind);
  } else {
    u32 size = TYPE_SIZE(struct percpu_counter);
    pages = PROBE((struct percpu_counter *)((u8 *)&mm->rss_stat[0] + kind * size), count);
  }
  return pages < 0 ? 0 : pages;
}

/** tid to cgroups: what execve and clone have in common. */
INLINE void put_process(struct scratch *s, struct task_struct *task) {
  struct context *context = context_of(s);
  struct fs_struct *fs = PROBE(task, fs);
  struct mm_struct *mm = PROBE(task, mm);
  put_u64(s, context->tid);
  put_u64(s, context->pid);
  put_u64(s, context->ppid);
  put_path(s, place_at(s, &fs->pwd));
  put_u64(s, PROBE(task, signal, rlim[RLIMIT_NOFILE].rlim_cur));
  put_u64(s, PROBE(task, maj_flt));
  put_u64(s, PROBE(task, min_flt));
  put_u32(s, PROBE(mm, total_vm) * PAGE_KB);
  put_u32(s, (resident_pages(mm, 0) + resident_pages(mm, 1) + resident_pages(mm, 3)) * PAGE_KB);
  put_u32(s, resident_pages(mm, 2) * PAGE_KB);
  put_kernel_text(s, context->comm);
  // The cgroup's id is in the context, its path in a notice.
  put_nothing(s);
}

INLINE u32 tty_of(struct task_struct *task) {
  struct tty_struct *tty = PROBE(task, signal, tty);
  if (!tty) return 0;
  struct tty_driver *driver = PROBE(tty, driver);
  u32 major = PROBE(driver, major);
  u32 minor = PROBE(driver, minor_start) + PROBE(tty, index);
  return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

INLINE u64 capabilities(const void *set) {
  u64 bits = 0;
  bpf_probe_read_kernel(&bits, sizeof(bits), set);
  return bits;
}

INLINE u64 nanoseconds(s64 seconds, s64 rest) {
  return seconds * 1000000000 + rest;
}

INLINE void put_times(struct scratch *s, struct inode *inode) {
  if (FIELD_EXISTS(struct inode, i_ctime_sec)) {
    put_u64(s, nanoseconds(PROBE(inode, i_ctime_sec), PROBE(inode, i_ctime_nsec)));
    put_u64(s, nanoseconds(PROBE(inode, i_mtime_sec), PROBE(inode, i_mtime_nsec)));
    return;
  }
  s64 changed[2] = {}, modified[2] = {};
  if (FIELD_EXISTS(struct inode___from_6_7, __i_mtime)) {
    struct inode___from_6_7 *shape = (void *)inode;
    bpf_probe_read_kernel(changed, 16, &shape->__i_ctime);
    bpf_probe_read_kernel(modified, 16, &shape->__i_mtime);
  } else if (FIELD_EXISTS(struct inode___from_6_6, __i_ctime)) {
    struct inode___from_6_6 *shape = (void *)inode;
    bpf_probe_read_kernel(changed, 16, &shape->__i_ctime);
    bpf_probe_read_kernel(modified, 16, &shape->i_mtime);
  } else {
    struct inode___before_6_6 *shape = (void *)inode;
    bpf_probe_read_kernel(changed, 16, &shape->i_ctime);
    bpf_probe_read_kernel(modified, 16, &shape->i_mtime);
  }
  put_u64(s, nanoseconds(changed[0], changed[1]));
  put_u64(s, nanoseconds(modified[0], modified[1]));
}

/** Whether the process may write its own executable: owner, group or others, or the right to override. Approximate: no ACLs. */
INLINE u32 may_write(struct inode *inode, struct cred *cred, u64 effective) {
  u32 mode = PROBE(inode, i_mode);
  if (PROBE(inode, i_sb, s_flags) & SB_RDONLY) return 0;
  if (effective >> CAP_DAC_OVERRIDE & 1) return 1;
  if (PROBE(inode, i_uid.val) == PROBE(cred, fsuid.val)) return mode >> 7 & 1;
  if (PROBE(inode, i_gid.val) == PROBE(cred, fsgid.val)) return mode >> 4 & 1;
  return mode >> 1 & 1;
}

INLINE u32 executable_flags(struct scratch *s, struct file *file, struct cred *cred, u64 effective) {
  struct inode *inode = PROBE(file, f_inode);
  struct dentry *dentry = PROBE(file, f_path.dentry);
  u32 flags = may_write(inode, cred, effective) ? EXE_WRITABLE : 0;
  u32 layer = overlay_layer(inode, PROBE(inode, i_sb, s_magic));
  if (layer) flags |= layer == 1 ? EXE_UPPER_LAYER : EXE_LOWER_LAYER;
  if (is_memfd(dentry, hanging_of(s, dentry))) flags |= EXE_FROM_MEMFD;
  return flags;
}

/** tty to gid: what execve tells beyond clone and the environment. */
INLINE void put_program(struct scratch *s, struct task_struct *task) {
  struct context *context = context_of(s);
  struct file *file = PROBE(task, mm, exe_file);
  struct inode *inode = PROBE(file, f_inode);
  struct cred *cred = PROBE(task, cred);
  struct pid *group = PROBE(task, signal, pids[PIDTYPE_PGID]);
  u64 effective = capabilities(&cred->cap_effective);
  put_u32(s, tty_of(task));
  put_u64(s, pid_at_level(s, group, s->level).nr);
  put_u32(s, context->loginuid);
  put_u32(s, executable_flags(s, file, cred, effective));
  put_u64(s, capabilities(&cred->cap_inheritable));
  put_u64(s, capabilities(&cred->cap_permitted));
  put_u64(s, effective);
  put_u64(s, PROBE(inode, i_ino));
  put_times(s, inode);
  put_u32(s, context->uid);
  put_path(s, place_of(s, file));
  put_u64(s, pid_at_level(s, group, 0).nr);
  put_u32(s, context->gid);
}

/** flags to pidns_init_start_ts: what clone tells beyond execve. */
INLINE void put_clone_rest(struct scratch *s, struct task_struct *task, u32 flags) {
  struct context *context = context_of(s);
  struct settings *settings = the_settings();
  struct pid *pid = PROBE(task, thread_pid);
  struct task_struct *init = PROBE((struct pid_namespace *)s->namespace, child_reaper);
  put_u32(s, flags);
  put_u32(s, context->uid);
  put_u32(s, context->gid);
  put_u64(s, pid_at_level(s, pid, s->level).nr);
  put_u64(s, context->vpid);
  put_u64(s, PROBE(init, start_boottime) + (settings ? settings->epoch_offset_ns : 0));
}

/** A failed execve or execveat, at its exit. */
INLINE void put_failed_exec(struct scratch *s, struct task_struct *task) {
  u16 code = s->code;
  u32 is_at = code == EVENT_EXECVEAT;
  begin(s, code, is_at ? EXECVEAT_PARAMS : EXEC_PARAMS);
  put_u64(s, s->args[ARG_RESULT]);
  put_argv(s, s->args[is_at ? 2 : 1]);
  put_process(s, task);
  if (wants_environment()) put_texts(s, s->args[is_at ? 3 : 2], 0);
  else put_nothing(s);
  put_program(s, task);
  if (!is_at) put_user_path(s, s->args[0], AT_FDCWD);
}

enum { LINUX_CLONE_THREAD = 0x10000 };

INLINE u64 linux_clone_flags(u32 code, u64 first) {
  u64 flags = code == EVENT_CLONE ? first : 0;
  if (code == EVENT_CLONE3) bpf_probe_read_user(&flags, sizeof(flags), (void *)first);
  return flags;
}

/** The parent's side of fork and its kin. */
INLINE void put_clone(struct scratch *s, struct task_struct *task) {
  u16 code = s->code;
  begin(s, code, CLONE_PARAMS);
  put_u64(s, s->args[ARG_RESULT]);
  put_mm_args(s, PROBE(task, mm));
  put_process(s, task);
  put_clone_rest(s, task, clone_flags(linux_clone_flags(code, s->args[0])));
}
