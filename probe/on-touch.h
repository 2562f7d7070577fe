// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where a kernel has no kprobes (on-path.h): from 6.13 on tracepoints tell of each file whose time of change is set, which calls on files
// do before the file has its new name or is gone. They show the file and not by which of its names it was found: of one with several the
// first stands for all, and none for a rename or unlink. Files of the process's root and working directory
// alone, of links also those that an overlay at the root writes to; no folders, no io_uring.
#pragma once
#include "call-paths.h"
#include "registers.h"

#ifndef CLASSIC
// raw_tp in both objects: a tail call demands one type of all, and here three tracepoints share a program.
#define TOUCH_HOOK(name) SEC("?raw_tp/" name)

handler touched_path;

struct {
  MAP_NUMBER(type, MAP_PROG_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_NUMBER(key_size, 4);
  MAP_VALUES(values, handler);
} touched_paths SEC(".maps") = { .values = { [0] = &touched_path } };

INLINE u32 has_one_name(struct inode *inode) {
  struct hlist_node *node = PROBE(inode, i_dentry.first);
  return node && !PROBE(node, next);
}

/** The mount of what an overlay writes to, whose root is that of the overlay; null for other file systems. */
INLINE struct vfsmount *upper_mount(struct super_block *sb) {
  if (PROBE(sb, s_magic) != OVERLAYFS_MAGIC || !FIELD_EXISTS(struct ovl_fs, layers)) return NULL;
  struct ovl_fs *overlay = PROBE(sb, s_fs_info);
  struct ovl_layer *layers = PROBE(overlay, layers);
  return PROBE(layers, mnt);
}

/** A mount of the inode's file system: the one of the process's root or of its working directory; null for all others. */
INLINE struct vfsmount *mount_of_inode(struct task_struct *task, struct inode *inode) {
  struct super_block *sb = PROBE(inode, i_sb);
  struct fs_struct *fs = PROBE(task, fs);
  struct vfsmount *mnt = PROBE(fs, root.mnt);
  if (PROBE(mnt, mnt_sb) == sb) return mnt;
  mnt = PROBE(fs, pwd.mnt);
  return PROBE(mnt, mnt_sb) == sb ? mnt : NULL;
}

/** The same of a process in an overlay for what is written beneath it. */
INLINE struct vfsmount *upper_mount_of_inode(struct task_struct *task, struct inode *inode) {
  struct vfsmount *root = PROBE(task, fs, root.mnt);
  struct vfsmount *upper = upper_mount(PROBE(root, mnt_sb));
  return upper && PROBE(upper, mnt_sb) == PROBE(inode, i_sb) ? upper : NULL;
}

/** Begins the paths of a call that is about to change a file; the program behind finds them. */
INLINE int keep_touched(u64 *ctx) {
  struct task_struct *task = current_task();
  if (READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) return 0;
  struct call *call = find_call(syscall_number(registers_of(task)), is_compat(task));
  if (!call) return 0;
  u32 code = call->code;
  u32 act = act_of(code);
  if (!act || act == ACT_EXEC || act == ACT_MKDIR) return 0;
  struct settings *settings = the_settings();
  if (!settings || !settings->enabled[code & (CODES - 1)] || READ(task, tgid) == settings->own_pid) return 0;
  struct scratch *s = begin_paths(act);
  if (!s) return 0;
  s->touched = ctx[0];
  bpf_tail_call(ctx, &touched_paths, 0);
  s->busy = 0;
  return 0;
}

TOUCH_HOOK("inode_set_ctime_to_ts")
int touched(u64 *ctx) {
  return keep_touched(ctx);
}

TOUCH_HOOK("ctime_ns_xchg")
int touched_finely(u64 *ctx) {
  return keep_touched(ctx);
}

TOUCH_HOOK("ctime_xchg_skip")
int touched_twice(u64 *ctx) {
  return keep_touched(ctx);
}

/** The paths of the file that is touched by the act in the scratch; 0 when it is not the act's own or lies where nobody can tell. */
INLINE u32 find_touched(struct scratch *s) {
  struct inode *inode = (struct inode *)s->touched;
  u32 act = *(volatile u32 *)&s->paths.act;
  u32 is_own = act == ACT_CHMOD || act == ACT_CHOWN;
  if (!is_own && (PROBE(inode, i_mode) & S_IFMT) == S_IFDIR) return 0;
  struct task_struct *task = current_task();
  struct vfsmount *mnt = forget_type(s, mount_of_inode(task, inode));
  // A link is made without a word to the overlay's own inode.
  if (!mnt && act == ACT_LINK) {
    s->paths.is_layer = 1;
    mnt = forget_type(s, upper_mount_of_inode(task, inode));
  }
  if (!mnt) return 0;
  struct dentry *dentry = first_name_of(inode);
  u32 is_sure = has_one_name(inode);
  // Its new name is there when the call is done.
  if (act == ACT_LINK || act == ACT_SYMLINK || (act == ACT_RENAME && is_sure)) {
    s->paths.inode = (u64)inode;
    s->paths.mount = (u64)mnt;
  }
  if (dentry && (is_sure || is_own || act == ACT_LINK)) keep_path(s, 0, dentry, mnt);
  return 1;
}

TOUCH_HOOK("inode_set_ctime_to_ts")
int touched_path(u64 *ctx) {
  struct scratch *s = the_scratch(SCRATCH_PATH);
  if (!s) return 0;
  s->wanted = find_touched(s);
  if (*(volatile u32 *)&s->wanted) close_paths(s);
  s->busy = 0;
  return 0;
}
#endif
