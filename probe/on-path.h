// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The kernel's own questions whether a call on a path may go on: there the paths are found and nothing is done yet, so that neither
// another thread's pen nor what the call does itself changes them. Kprobes, since the tracepoints know nothing of it, and LSM programs
// need a kernel that was told so when it was booted. Without kprobes: on-touch.h.
#pragma once
#include "call-paths.h"

#define PATH_HOOK(name) SEC("?kprobe/security_" name)
#if defined(__TARGET_ARCH_x64)
#define ARGUMENT1(regs) ((regs)->di)
#define ARGUMENT2(regs) ((regs)->si)
#define ARGUMENT3(regs) ((regs)->dx)
#define ARGUMENT4(regs) ((regs)->cx)
#else
#define ARGUMENT1(regs) ((regs)->regs[0])
#define ARGUMENT2(regs) ((regs)->regs[1])
#define ARGUMENT3(regs) ((regs)->regs[2])
#define ARGUMENT4(regs) ((regs)->regs[3])
#endif

INLINE struct vfsmount *mount_in(u64 path) {
  return PROBE((struct path *)path, mnt);
}

/** A name within a folder, as the call's first or second path. */
INLINE int keep_name(const u32 act, const u32 which, u64 folder, u64 dentry) {
  struct scratch *s = open_paths(act);
  if (!s) return 0;
  keep_path(s, which, (struct dentry *)dentry, mount_in(folder));
  close_paths(s);
  return 0;
}

INLINE int keep_two_names(const u32 act, struct vfsmount *mnt, u64 dentry, u64 other_folder, u64 other_dentry) {
  struct scratch *s = open_paths(act);
  if (!s) return 0;
  keep_path(s, 0, (struct dentry *)dentry, mnt);
  keep_path(s, 1, (struct dentry *)other_dentry, mount_in(other_folder));
  close_paths(s);
  return 0;
}

INLINE int keep_file(const u32 act, u64 path) {
  return keep_name(act, 0, path, (u64)PROBE((struct path *)path, dentry));
}

// int security_path_rename(const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, …)
PATH_HOOK("path_rename")
int path_rename(struct pt_regs *regs) {
  return keep_two_names(ACT_RENAME, mount_in(ARGUMENT1(regs)), ARGUMENT2(regs), ARGUMENT3(regs), ARGUMENT4(regs));
}

// int security_path_link(struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry): both on one mount.
PATH_HOOK("path_link")
int path_link(struct pt_regs *regs) {
  return keep_two_names(ACT_LINK, mount_in(ARGUMENT2(regs)), ARGUMENT1(regs), ARGUMENT2(regs), ARGUMENT3(regs));
}

// The others: (const struct path *dir, struct dentry *dentry, …). What a symbolic link is to say is no path yet.
PATH_HOOK("path_symlink")
int path_symlink(struct pt_regs *regs) {
  return keep_name(ACT_SYMLINK, 1, ARGUMENT1(regs), ARGUMENT2(regs));
}

PATH_HOOK("path_unlink")
int path_unlink(struct pt_regs *regs) {
  return keep_name(ACT_UNLINK, 0, ARGUMENT1(regs), ARGUMENT2(regs));
}

PATH_HOOK("path_rmdir")
int path_rmdir(struct pt_regs *regs) {
  return keep_name(ACT_UNLINK, 0, ARGUMENT1(regs), ARGUMENT2(regs));
}

PATH_HOOK("path_mkdir")
int path_mkdir(struct pt_regs *regs) {
  return keep_name(ACT_MKDIR, 0, ARGUMENT1(regs), ARGUMENT2(regs));
}

// int security_path_chmod(const struct path *path, umode_t mode), and chown alike.
PATH_HOOK("path_chmod")
int path_chmod(struct pt_regs *regs) {
  return keep_file(ACT_CHMOD, ARGUMENT1(regs));
}

PATH_HOOK("path_chown")
int path_chown(struct pt_regs *regs) {
  return keep_file(ACT_CHOWN, ARGUMENT1(regs));
}

// int security_bprm_check(struct linux_binprm *bprm): first of the file that was named, then of what it wants to be run by.
PATH_HOOK("bprm_check")
int bprm_check(struct pt_regs *regs) {
  struct linux_binprm *program = (struct linux_binprm *)ARGUMENT1(regs);
  if (PROBE(program, interp) != PROBE(program, filename)) return 0;
  struct file *file = PROBE(program, file);
  return keep_file(ACT_EXEC, (u64)file + FIELD_OFFSET(struct file, f_path));
}
