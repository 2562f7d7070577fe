// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// open, creat, openat, openat2.
#pragma once
#include "files.h"
#include "flags.h"
#include "syscalls.h"

struct opened {
  u32 flags;
  u32 layer;
  u32 device;
  u64 inode;
};

/** What only the kernel knows of the file that was opened. */
INLINE struct opened look_at_opened(struct scratch *s, s64 result) {
  struct opened opened = {};
  struct file *file = result < 0 ? NULL : file_at(s, result);
  if (!file) return opened;
  SPAN(own, 64, file, f_path.mnt, f_mode);
  s->opened = (struct place){ .dentry = IN(own, file, f_path.dentry), .mnt = IN(own, file, f_path.mnt) };
  struct inode *inode = IN(own, file, f_inode);
  struct file_identity identity = file_identity_of(inode);
  opened.layer = overlay_layer(inode, identity.magic);
  opened.flags = IN(own, file, f_mode) & FMODE_CREATED ? PPM_O_F_CREATED : 0;
  if (opened.layer) opened.flags |= opened.layer == 1 ? PPM_FD_UPPER_LAYER : PPM_FD_LOWER_LAYER;
  opened.device = identity.device;
  opened.inode = identity.inode;
  return opened;
}

/** The rest of an open that knows no path: the file's own is told. */
INLINE void put_open_by_handle(struct scratch *s, u32 flags, struct opened *opened) {
  struct place place = s->opened;
  s->opened.dentry = NULL;
  put_u64(s, (s64)(s32)s->args[0]);
  put_u32(s, open_flags(flags) | opened->flags);
  if (place.dentry) put_path(s, place);
  else put_nothing(s);
  put_u32(s, opened->device);
  put_u64(s, opened->inode);
}

INLINE void put_open(struct scratch *s) {
  u16 code = s->code;
  s64 result = s->args[ARG_RESULT];
  struct opened opened = look_at_opened(s, result);
  u64 how[3] = {};
  switch (code) {
  case EVENT_OPENAT2: {
    read_passed(s, how, sizeof(how), s->args[2]);
    begin(s, code, 8);
    break;
  }
  case EVENT_OPEN_BY_HANDLE_AT: {
    how[0] = s->args[2];
    begin(s, code, 6);
    break;
  }
  case EVENT_OPENAT: {
    how[0] = s->args[2];
    how[1] = s->args[3];
    begin(s, code, 7);
    break;
  }
  default:
    how[0] = s->args[1];
    how[1] = s->args[2];
    begin(s, code, 6);
  }
  put_u64(s, result);
  s32 dirfd = AT_FDCWD;
  u64 path = s->args[0];
  if (code == EVENT_OPENAT || code == EVENT_OPENAT2) {
    dirfd = s->args[0];
    path = s->args[1];
    put_u64(s, (s64)dirfd);
  }
  if (code == EVENT_OPEN_BY_HANDLE_AT) return put_open_by_handle(s, how[0], &opened);
  put_user_path(s, path, dirfd);
  if (code == EVENT_CREAT) put_u32(s, s->args[1] & 07777);
  else {
    put_u32(s, open_flags(how[0]) | opened.flags);
    put_u32(s, open_mode(how[0], how[1]));
  }
  if (code == EVENT_OPENAT2) put_u32(s, how[2]);
  put_u32(s, opened.device);
  put_u64(s, opened.inode);
  if (code == EVENT_CREAT) put_u16(s, opened.layer);
}
