// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which opens leave the kernel: what no loaded rule can match is counted and left out. Its twin is src/events/open-filter.ts.
// A rule's conditions on an open are some clauses; a clause asks for kinds of opens (bits) and perhaps for a path that begins so. What
// cannot be told here (a relative path, one that is not in its shortest form, one that cannot be read) counts as asked for.
#pragma once
#include "flags.h"
#include "syscalls.h"
#include "writer.h"

enum { OPEN_READ = 1, OPEN_WRITE = 2, OPEN_FILE = 4, OPEN_DIRECTORY = 8, OPEN_DONE = 16, OPEN_FAILED = 32, OPEN_KINDS = 64 };

/** Rows of the table: one for each event that opens. */
enum { ROW_OPEN, ROW_OPENAT, ROW_OPENAT2, ROW_CREAT, OPEN_ROWS };

struct open_filter {
  /** 0: all opens are sent */
  u32 is_active;
  /** the clauses, a bit each, that ask for no path */
  u32 any_path;
  /** the clauses that opens of these kinds fulfil but for their path */
  u32 clauses[OPEN_ROWS * OPEN_KINDS];
};

struct {
  MAP_NUMBER(type, MAP_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct open_filter);
} open_filter SEC(".maps");

enum { PREFIX_MAX = 64 };

struct path_prefix {
  /** in bits */
  u32 length;
  u8 text[PREFIX_MAX];
};

// The clauses that paths with this beginning fulfil.
struct {
  MAP_NUMBER(type, MAP_LPM_TRIE);
  MAP_NUMBER(map_flags, MAP_NO_PREALLOC);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, struct path_prefix);
  MAP_TYPE(value, u32);
} open_prefixes SEC(".maps");

INLINE u32 kinds_of_open(struct scratch *s, u32 row) {
  u32 done = (s64)s->args[ARG_RESULT] >= 0 ? OPEN_DONE : OPEN_FAILED;
  // openat2's flags are in memory that may change between two looks, and creat has none.
  if (row == ROW_CREAT || row == ROW_OPENAT2) return done | OPEN_READ | OPEN_WRITE | OPEN_FILE | OPEN_DIRECTORY;
  u32 flags = open_flags(s->args[row == ROW_OPENAT ? 2 : 1]);
  return done | (flags & 3) | (flags & 0x400 ? OPEN_DIRECTORY : OPEN_FILE);
}

enum { PATH_LOOK = 256 };

/** The clauses that the path fulfils; all of them where that cannot be told. */
INLINE u32 clauses_of_path(struct scratch *s, u64 path) {
  struct path_prefix *key = (struct path_prefix *)s->walk;
  long length = read_passed_text(s, key->text, PATH_LOOK, path);
  if (length < 2 || length >= PATH_LOOK || key->text[0] != '/') return ~0u;
  u32 before = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < PATH_LOOK; i += 1) {
    u32 c = s->walk[4 + i];
    if (!c) break;
    // "//", "/./", "..", and hidden files with them.
    if ((before == '/' && c == '/') || ((before == '/' || before == '.') && c == '.')) return ~0u;
    before = c;
  }
  key->length = PREFIX_MAX * 8;
  u32 *found = bpf_map_lookup_elem(&open_prefixes, key);
  return found ? *found : 0;
}

INLINE u32 row_of_open(u32 code) {
  return code == EVENT_OPENAT ? ROW_OPENAT : code == EVENT_OPEN ? ROW_OPEN : code == EVENT_OPENAT2 ? ROW_OPENAT2 : ROW_CREAT;
}

/** False for an open that no rule can match. */
INLINE u32 is_open_wanted(struct scratch *s, u32 code) {
  u32 zero = 0;
  struct open_filter *filter = bpf_map_lookup_elem(&open_filter, &zero);
  if (!filter || !filter->is_active) return 1;
  u32 row = row_of_open(code);
  u32 clauses = filter->clauses[(row * OPEN_KINDS + kinds_of_open(s, row)) & (OPEN_ROWS * OPEN_KINDS - 1)];
  if (!clauses) return 0;
  if (clauses & filter->any_path) return 1;
  return (clauses & clauses_of_path(s, s->args[row == ROW_OPENAT || row == ROW_OPENAT2 ? 1 : 0])) != 0;
}
