// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Files and descriptors of the current process, and the two sections that end a record.
#pragma once
#include "call-paths.h"
#include "sockets.h"

INLINE struct file *file_of(s32 fd) {
  struct task_struct *task = current_task();
  struct fdtable *table = READ(task, files, fdt);
  READ_SPAN(whole, 16, table, max_fds, fd);
  if (fd < 0 || (u32)fd >= READ_IN(whole, table, max_fds)) return NULL;
  // What starts with a pointer stands for a place in the table, which is nothing else.
  return (struct file *)PROBE((struct list_head *)(READ_IN(whole, table, fd) + fd), next);
}

/** The file of a descriptor that an event is about. That of an io_uring request may have no number, and its result may be none. */
INLINE struct file *file_at(struct scratch *s, s32 fd) {
  if (s->is_request && s->request_file && fd == (s32)s->args[0]) return (struct file *)s->request_file;
  if (s->is_request && s->hides_result && fd == (s32)s->args[ARG_RESULT]) return NULL;
  return file_of(fd);
}

/** Whether a descriptor was looked up and is a socket's. */
INLINE u32 is_found(struct scratch *s, s32 fd) {
  return s->found.file && s->found.fd == fd;
}

/** A file's number and its file system. */
struct file_identity {
  u64 inode;
  /** as stat(2) and scap write it */
  u32 device;
  u64 magic;
};

INLINE struct file_identity file_identity_of(struct inode *inode) {
  SPAN(own, 32, inode, i_sb, i_ino);
  struct super_block *sb = IN(own, inode, i_sb);
  SPAN(system, 96, sb, s_dev, s_magic);
  u32 device = IN(system, sb, s_dev);
  u32 minor = device & 0xfffff;
  return (struct file_identity){ IN(own, inode, i_ino), (minor & 0xff) | device >> 20 << 8 | (minor & ~0xffu) << 12, IN(system, sb, s_magic) };
}

/** 1 when an overlay's file lies in the upper layer, 2 when only below, 0 when it lies in no overlay. */
INLINE u32 overlay_layer(struct inode *inode, u64 magic) {
  if (magic != OVERLAYFS_MAGIC) return 0;
  // The overlay's inode is followed by the dentry of the upper layer (fs/overlayfs/ovl_entry.h).
  u64 upper = 0;
  bpf_probe_read_kernel(&upper, sizeof(upper), (u8 *)inode + TYPE_SIZE(struct inode));
  return upper ? 1 : 2;
}

/** Asks for a directory section: where descriptor `dirfd` stands, or the working directory. */
INLINE void want_directory(struct scratch *s, s32 dirfd) {
  if (s->directory.dentry) return;
  struct task_struct *task = current_task();
  struct file *file = dirfd == AT_FDCWD ? NULL : file_of(dirfd);
  if (dirfd != AT_FDCWD && !file) return;
  s->directory = file ? place_of(s, file) : place_at(s, &READ(task, fs)->pwd);
}

/** Puts a path as the process passed it; a relative one asks for the directory section. */
INLINE void put_user_path(struct scratch *s, u64 path, s32 dirfd) {
  u32 length = append_user_text(s, path);
  s->passed_at = s->used;
  s->passed_length = length;
  if (s->is_request && length == REQUEST_TEXT) mark_truncated(s, CUT_WORDS);
  if (length > 0 && *position(s) != '/') want_directory(s, dirfd);
  end_param(s, length);
}

INLINE void want_descriptor(struct scratch *s, s32 fd) {
  u32 is_known = is_found(s, fd);
  s->descriptor_file = is_known ? (u64)s->found.file : (u64)file_at(s, fd);
  s->descriptor_socket = is_known ? (u64)s->found.sk : 0;
}

/** Falco's fd.typechar of an anonymous inode, by its name (fs/eventfd.c and so on). */
INLINE u8 kind_of_anonymous(u64 name) {
  u64 text = 0;
  bpf_probe_read_kernel(&text, sizeof(text), (void *)name);
  u8 c0 = text, c1 = text >> 8, c2 = text >> 16, c6 = text >> 48;
  if (c0 == '/') return 'f';
  if (c0 != '[') return c0 == 'i' && c1 == 'n' ? 'i' : c0 == 'b' && c1 == 'p' ? 'b' : 'o';
  if (c1 == 'e') return c6 == 'p' ? 'l' : c6 == 'f' ? 'e' : 'o';
  if (c1 == 't') return 't';
  if (c1 == 's') return 's';
  if (c1 == 'i') return 'r';
  if (c1 == 'u') return 'u';
  return c1 == 'p' && c2 == 'i' ? 'P' : 'o';
}

/** Like a memfd, which hangs in no directory. */
INLINE u32 is_memfd(struct dentry *dentry, struct hanging hanging) {
  u64 text = 0;
  bpf_probe_read_kernel(&text, 6, (void *)hanging.name);
  return text == MEMFD_PREFIX && hanging.parent == dentry;
}

/** Falco's fd.typechar of what is no socket. */
INLINE u8 kind_of_file(struct scratch *s, u32 mode, u64 magic, struct dentry *dentry) {
  u32 type = mode & S_IFMT;
  if (type == S_IFDIR) return 'd';
  if (type == S_IFIFO) return 'p';
  if (type != 0 && type != S_IFREG) return 'f';
  if (magic == PIDFS_MAGIC) return 'P';
  // Anonymous inodes are of no type, and regular files from 6.16 on; like memfds they hang in no directory.
  struct hanging hanging = hanging_of(s, dentry);
  if (hanging.parent != dentry) return 'f';
  return is_memfd(dentry, hanging) ? 'm' : kind_of_anonymous(hanging.name);
}

INLINE void append_file(struct scratch *s, struct inode *inode, u32 mode, struct place place) {
  if (is_full(s)) return;
  struct descriptor *head = (struct descriptor *)position(s);
  struct file_identity identity = file_identity_of(inode);
  head->kind = kind_of_file(s, mode, identity.magic, place.dentry);
  head->state = 0;
  head->protocol = 0;
  head->family = 0;
  *(u32 *)(position(s) + 4) = identity.device;
  *(u64 *)(position(s) + 8) = identity.inode;
  context_of(s)->descriptor = begin_section(s);
  s->used += sizeof(struct descriptor);
  walk(s, place, 0);
  append_prefixed_walk(s);
}

enum { COMPARED_MAX = 256 };

/** The bits in which eight characters of what was walked and of what was passed differ. */
INLINE u64 difference_at(struct scratch *s, u32 offset) {
  u32 at = s->walk_at + offset, passed = s->passed_at + offset;
  OPAQUE(at);
  OPAQUE(passed);
  return *(u64 *)(s->walk + (at & (WALK_SIZE - 1))) ^ *(u64 *)(s->record + (passed & (RECORD_LIMIT - 1)));
}

/** 1 when what was walked is the path that was passed, letter by letter; long ones count as different. */
INLINE u32 is_as_passed(struct scratch *s) {
  u32 length = WALK_SIZE - s->walk_at;
  if (length + 1 != s->passed_length || length > COMPARED_MAX) return 0;
  s->text_length = length;
  u64 difference = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i + WORD < COMPARED_MAX; i += WORD) {
    if (i + WORD >= TEXT_LENGTH(s)) break;
    difference |= difference_at(s, i);
  }
  // The last eight may have been among those; of fewer only what belongs to the path.
  u32 last = length > WORD ? length - WORD : 0;
  u32 beyond = length < WORD ? 8 * (WORD - length) : 0;
  return !(difference | difference_at(s, last) << beyond);
}

/** Appends the path that an open led to, where it is one and not as it was passed; of other calls on paths those that were kept. */
INLINE void append_resolved(struct scratch *s) {
  if (!s->opened.dentry) return append_call_paths(s, actor_of_call(s));
  if (is_full(s)) return;
  u32 cut = s->cut;
  s->cut = 0;
  walk(s, s->opened, 1);
  s->is_led = !(s->cut & CUT_PATH);
  s->cut |= cut;
  u32 at = s->walk_at;
  OPAQUE(at);
  if (s->walk[at & (WALK_SIZE - 1)] != '/' || is_as_passed(s)) return;
  context_of(s)->resolved = begin_section(s);
  append_prefixed_walk(s);
}

/** Appends the sections that the handler asked for. */
INLINE void append_sections(struct scratch *s) {
  if (s->directory.dentry && !is_full(s)) {
    context_of(s)->directory = begin_section(s);
    walk(s, s->directory, 0);
    append_prefixed_walk(s);
  }
  struct file *file = (struct file *)s->descriptor_file;
  struct sock *sk = (struct sock *)s->descriptor_socket;
  if (!file) return;
  if (sk) return append_socket(s, sk);
  SPAN(own, 32, file, f_path.mnt, f_inode);
  struct inode *inode = IN(own, file, f_inode);
  u32 mode = PROBE(inode, i_mode);
  if ((mode & S_IFMT) == S_IFSOCK) append_socket(s, PROBE((struct socket *)PROBE(file, private_data), sk));
  else append_file(s, inode, mode, (struct place){ .dentry = IN(own, file, f_path.dentry), .mnt = IN(own, file, f_path.mnt) });
}
