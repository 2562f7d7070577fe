// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Absolute paths of directories and files, as the process that acts sees them: up to its own root.
#pragma once
#include "context.h"

enum { MAX_PATH_DEPTH = 64 };

struct name {
  u32 hash;
  u32 length;
  u64 text;
};

INLINE struct name name_of(struct dentry *dentry) {
  struct name name;
  if (bpf_rdonly_cast) {
    struct dentry *typed = TYPED(dentry);
    u64 hash_and_length = typed->d_name.hash_len;
    return (struct name){ hash_and_length, hash_and_length >> 32, (u64)typed->d_name.name };
  }
  bpf_probe_read_kernel(&name, sizeof(name), &dentry->d_name);
  return name;
}

/** Puts a name before what the walk has; 0 when there is no room. */
INLINE int prepend_name(struct scratch *s, struct dentry *dentry, u32 slash) {
  struct name name = name_of(dentry);
  u32 at = s->walk_at;
  u32 length = name.length & 255;
  if (at < length + slash) return 0;
  at -= length + slash;
  s->walk_at = at;
  OPAQUE(at);
  at &= WALK_SIZE - 1;
  if (slash) s->walk[at] = '/';
  OPAQUE(length);
  bpf_probe_read_kernel(s->walk + at + slash, length & 255, (void *)name.text);
  return 1;
}

/**
 * Writes the path of `dentry` on `mnt` to the end of s->walk (not beyond WALK_SIZE), where s->walk_at is its start. Like the
 * kernel's d_path() without " (deleted)"; a file that lies in no tree (memfd, pipe) gives its bare name. `is_whole`: not from the
 * process's root but from that of all mounts, and where these are cut off (open_tree(2), umount(2) -l) from that of their file system.
 */
INLINE void walk(struct scratch *s, struct dentry *dentry, struct vfsmount *mnt, const u32 is_whole) {
  struct fs_struct *fs = PROBE(current_task(), fs);
  struct dentry *root = forget_type(s, PROBE(fs, root.dentry));
  struct vfsmount *root_mnt = forget_type(s, PROBE(fs, root.mnt));
  struct dentry *top = forget_type(s, PROBE(mnt, mnt_root));
  dentry = forget_type(s, dentry);
  mnt = forget_type(s, mnt);
  s->walk_at = WALK_SIZE;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_PATH_DEPTH; i += 1) {
    if (!is_whole && dentry == root && mnt == root_mnt) goto end;
    if (dentry == top) {
      struct mount *mount = (struct mount *)((u64)mnt - FIELD_OFFSET(struct mount, mnt));
      struct mount *above = forget_type(s, PROBE(mount, mnt_parent));
      if (above != mount && above) {
        dentry = forget_type(s, PROBE(mount, mnt_mountpoint));
        mnt = (struct vfsmount *)((u64)above + FIELD_OFFSET(struct mount, mnt));
        top = forget_type(s, PROBE(mnt, mnt_root));
        continue;
      }
      if (!is_whole) goto end;
      top = forget_type(s, NULL);
    }
    struct dentry *parent = forget_type(s, PROBE(dentry, d_parent));
    if (dentry == parent || !parent) {
      // Above where its mount starts, too: of a single file that is mounted the folder is.
      if (is_whole && (!top || s->walk_at != WALK_SIZE)) goto end;
      prepend_name(s, dentry, 0);
      // Namespaces and process descriptors are all called "/".
      if (s->walk_at == WALK_SIZE - 1) s->walk_at = WALK_SIZE;
      return;
    }
    if (!prepend_name(s, dentry, 1)) break;
    dentry = parent;
  }
  mark_truncated(s, CUT_PATH);
end:
  if (s->walk_at == WALK_SIZE) {
    s->walk_at = WALK_SIZE - 1;
    s->walk[WALK_SIZE - 1] = '/';
  }
}

INLINE void walk_up(struct scratch *s, struct dentry *dentry, struct vfsmount *mnt) {
  walk(s, dentry, mnt, 0);
}

/** Appends what was walked and `tail` NUL bytes (0 or 1); returns the length, not yet a parameter. */
INLINE u32 append_walked(struct scratch *s, u32 tail) {
  u32 at = s->walk_at;
  u32 length = WALK_SIZE - at + tail;
  if (is_full(s)) {
    mark_truncated(s, CUT_RECORD);
    return 0;
  }
  s->walk[WALK_SIZE] = 0;
  OPAQUE(length);
  if (length > TEXT_MAX) return 0;
  OPAQUE(at);
  bpf_probe_read_kernel(position(s), length, s->walk + (at & (2 * WALK_SIZE - 1)));
  return length;
}

/** A path parameter; nothing when there is no such path. */
INLINE void put_path(struct scratch *s, struct dentry *dentry, struct vfsmount *mnt) {
  if (!dentry || !mnt) return put_nothing(s);
  walk_up(s, dentry, mnt);
  end_param(s, append_walked(s, 1));
}

/** Appends `{ u16 length, path }`, the form of a section's path. */
INLINE void append_prefixed_walk(struct scratch *s) {
  u16 *prefix = (u16 *)position(s);
  s->used += 2;
  u32 length = append_walked(s, 0);
  *prefix = length;
  s->used += length;
}
