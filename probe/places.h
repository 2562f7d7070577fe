// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Where files lie: in folders, and these in the tree of mounts.
#pragma once
#include "context.h"

INLINE struct place place_at(struct scratch *s, struct path *path) {
  struct place place;
  // Side by side in all kernels so far: one read for both.
  if (!bpf_rdonly_cast && FIELD_OFFSET(struct path, dentry) == FIELD_OFFSET(struct path, mnt) + 8) {
    bpf_probe_read_kernel(&place, sizeof(place), path);
    return place;
  }
  return (struct place){ .dentry = forget_type(s, PROBE(path, dentry)), .mnt = forget_type(s, PROBE(path, mnt)) };
}

INLINE struct place place_of(struct scratch *s, struct file *file) {
  return place_at(s, &file->f_path);
}

INLINE struct mount *mount_of(struct vfsmount *mnt) {
  return (struct mount *)((u64)mnt - FIELD_OFFSET(struct mount, mnt));
}

/** Looks at a mount: what it hangs in and where, and what it shows there. */
INLINE void look_at_mount(struct scratch *s, struct vfsmount *mnt) {
  struct mount *mount = mount_of(mnt);
  if (!bpf_rdonly_cast && FIELD_OFFSET(struct mount, mnt_mountpoint) == FIELD_OFFSET(struct mount, mnt_parent) + 8 && FIELD_OFFSET(struct mount, mnt.mnt_root) == FIELD_OFFSET(struct mount, mnt_parent) + 16) {
    // Side by side in all kernels so far: one read for all.
    bpf_probe_read_kernel(&s->mounted, sizeof(s->mounted), &mount->mnt_parent);
    return;
  }
  s->mounted.parent = PROBE(mount, mnt_parent);
  s->mounted.point = PROBE(mount, mnt_mountpoint);
  s->mounted.top = PROBE(mount, mnt.mnt_root);
}

#define MOUNTED(s) ((volatile struct mounted *)&(s)->mounted)

/** Goes from what a mount shows to what it hangs at; 0 when it hangs nowhere. */
INLINE u32 climb(struct scratch *s, struct place *place) {
  struct mount *parent = MOUNTED(s)->parent;
  if (!parent || parent == mount_of(place->mnt)) return 0;
  place->dentry = MOUNTED(s)->point;
  place->mnt = (struct vfsmount *)((u64)parent + FIELD_OFFSET(struct mount, mnt));
  look_at_mount(s, place->mnt);
  return 1;
}

/** How a dentry hangs in its folder: the folder, the name's hash (which the kernel salts with the folder) and its length, and the name. */
struct hanging {
  struct dentry *parent;
  u64 hash_and_length;
  u64 name;
};

INLINE struct hanging hanging_of(struct scratch *s, struct dentry *dentry) {
  struct hanging hanging = {};
  if (bpf_rdonly_cast) {
    struct dentry *typed = TYPED(dentry);
    return (struct hanging){ forget_type(s, typed->d_parent), typed->d_name.hash_len, (u64)typed->d_name.name };
  }
  // Side by side in all kernels so far: one read for all.
  if (FIELD_OFFSET(struct dentry, d_name) == FIELD_OFFSET(struct dentry, d_parent) + 8) {
    bpf_probe_read_kernel(&hanging, sizeof(hanging), &dentry->d_parent);
    return hanging;
  }
  hanging.parent = PROBE(dentry, d_parent);
  bpf_probe_read_kernel(&hanging.hash_and_length, 16, &dentry->d_name);
  return hanging;
}
