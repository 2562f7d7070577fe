// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Absolute paths of directories and files, as the process that acts sees them: up to its own root.
#pragma once
#include "places.h"

enum { MAX_PATH_DEPTH = 64 };

/** Puts a name before what the walk has; 0 when there is no room. */
INLINE int prepend_name(struct scratch *s, struct hanging hanging, u32 slash) {
  u32 at = s->walk_at;
  u32 length = hanging.hash_and_length >> 32 & 255;
  if (at < length + slash) return 0;
  at -= length + slash;
  s->walk_at = at;
  OPAQUE(at);
  at &= WALK_SIZE - 1;
  if (slash) s->walk[at] = '/';
  OPAQUE(length);
  bpf_probe_read_kernel(s->walk + at + slash, length & 255, (void *)hanging.name);
  return 1;
}

/**
 * Writes the path of a place to the end of s->walk (not beyond WALK_SIZE), where s->walk_at is its start. Like the
 * kernel's d_path() without " (deleted)"; a file that lies in no tree (memfd, pipe) gives its bare name. `is_whole`: not from the
 * process's root but from that of all mounts, and where these are cut off (open_tree(2), umount(2) -l) from that of their file system.
 */
INLINE void walk(struct scratch *s, struct place place, const u32 is_whole) {
  struct place root = {};
  if (!is_whole) {
    struct task_struct *task = current_task();
    root = place_at(s, &READ(task, fs)->root);
  }
  look_at_mount(s, place.mnt);
  place.dentry = forget_type(s, place.dentry);
  place.mnt = forget_type(s, place.mnt);
  s->walk_at = WALK_SIZE;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_PATH_DEPTH; i += 1) {
    if (!is_whole && place.dentry == root.dentry && place.mnt == root.mnt) goto end;
    if (place.dentry == MOUNTED(s)->top) {
      if (climb(s, &place)) continue;
      if (!is_whole) goto end;
      MOUNTED(s)->top = NULL;
    }
    struct hanging hanging = hanging_of(s, place.dentry);
    if (place.dentry == hanging.parent || !hanging.parent) {
      // Above where its mount starts, too: of a single file that is mounted the folder is.
      if (is_whole && (!MOUNTED(s)->top || s->walk_at != WALK_SIZE)) goto end;
      prepend_name(s, hanging, 0);
      // Namespaces and process descriptors are all called "/".
      if (s->walk_at == WALK_SIZE - 1) s->walk_at = WALK_SIZE;
      return;
    }
    if (!prepend_name(s, hanging, 1)) break;
    place.dentry = hanging.parent;
  }
  mark_truncated(s, CUT_PATH);
end:
  if (s->walk_at == WALK_SIZE) {
    s->walk_at = WALK_SIZE - 1;
    s->walk[WALK_SIZE - 1] = '/';
  }
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
INLINE void put_path(struct scratch *s, struct place place) {
  if (!place.dentry || !place.mnt) return put_nothing(s);
  walk(s, place, 0);
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
