// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which calls leave the kernel: what no loaded rule can match is counted and left out. Its twin is src/events/call-filter.ts.
// A rule's conditions on a call are some clauses, each a bit of a word: kinds of calls, callers, and of an open how its path begins or
// ends. What cannot be told here (a path that is not in its shortest form or cannot be read, where a process is) counts as asked for.
#pragma once
#include "context.h"
#include "flags.h"
#include "network.h"
#include "registers.h"
#include "syscalls.h"

enum {
  // of an open
  CALL_READ = 1, CALL_WRITE = 2, CALL_FILE = 4, CALL_DIRECTORY = 8,
  // on a socket; the last one beside CALL_IP
  CALL_IP = 1, CALL_UNIX = 2, CALL_OTHER = 4, CALL_TCP = 8,
  // of a dup: the same three, or a descriptor of another kind
  CALL_NO_SOCKET = 8,
  CALL_SPECIFIC = 15, CALL_DONE = 16, CALL_FAILED = 32,
  // EPERM or EACCES, beside CALL_FAILED
  CALL_DENIED = 64,
  CALL_KINDS = 128,
};
enum { CALLER_CONTAINED = 1, CALLER_HOST = 2, CALLER_ROOT = 4, CALLER_OTHER = 8, CALLERS = 16 };
enum { FILTER_ROWS = 128, NAME_BITS = 1024 };
enum { EPERM = 1, EACCES = 13 };

struct call_filter {
  /** 0: all calls are sent */
  u32 is_active;
  /** the clauses that ask for no beginning, and for no last part of a path */
  u32 any_path, any_name;
  /** the clauses that not every caller fulfils */
  u32 some_callers;
  /** another number for each filter, what is remembered of one is of no use for the next */
  u32 generation;
  /** the clauses that some beginning of a path fulfils */
  u32 some_path;
  /** a bit for each last part that is asked for, by its hash: most names need no look into path_names */
  u64 names[NAME_BITS / 64];
  u32 callers[CALLERS];
  /** the clauses that calls of these kinds fulfil but for callers and path */
  u32 clauses[FILTER_ROWS * CALL_KINDS];
  /** by scap event code: the row and 1; 0 for events that are always sent */
  u8 rows[CODES];
};

struct {
  MAP_NUMBER(type, MAP_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct call_filter);
} call_filter SEC(".maps");

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
  MAP_NUMBER(max_entries, 8192);
  MAP_TYPE(key, struct path_prefix);
  MAP_TYPE(value, u32);
} path_prefixes SEC(".maps");

// The clauses that paths with this last part fulfil, by its hash.
struct {
  MAP_NUMBER(type, MAP_HASH);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, u32);
} path_names SEC(".maps");

// Keys (cgroup_key) of the cgroups of which user space says that they are no container's.
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, u8);
} host_cgroups SEC(".maps");

/** Where a call's arguments stand: in the scratch, or (where that is null) still in the registers. */
struct passed {
  struct scratch *s;
  struct pt_regs *regs;
  u32 compat;
};

INLINE u64 passed_argument(struct passed from, const u32 index) {
  return from.s ? from.s->args[index] : argument(from.regs, from.compat, index);
}

INLINE u32 kind_of_family(u32 family) {
  return family == AF_INET || family == AF_INET6 ? CALL_IP : family == AF_UNIX ? CALL_UNIX : CALL_OTHER;
}

/** True for dup(2) and its kin, whose event is about the descriptor that they were given. */
INLINE u32 is_dup(u32 code) {
  return code == EVENT_DUP || code == EVENT_DUP2 || code == EVENT_DUP3;
}

INLINE u32 kind_of_call(struct passed from, u32 code, s64 result) {
  if (code == EVENT_SOCKET) return kind_of_family(passed_argument(from, 0));
  // Of an accepted connection, not of what the listener's number means by now.
  u32 is_accept = code == EVENT_ACCEPT || code == EVENT_ACCEPT4;
  s32 fd = is_accept && result >= 0 ? result : passed_argument(from, 0);
  struct file *file = from.s ? file_at(from.s, fd) : file_of(fd);
  struct found found = {};
  if (!find_socket(&found, fd, file)) return file && is_dup(code) ? CALL_NO_SOCKET : CALL_SPECIFIC;
  u32 kind = kind_of_family(family_of(found.sk));
  return kind == CALL_IP && !is_dup(code) && protocol_of(found.sk) == IPPROTO_TCP ? CALL_IP | CALL_TCP : kind;
}

INLINE u32 kind_of_open(struct passed from, u32 code) {
  // openat2's flags are in memory that may change between two looks, and creat has none.
  if (code == EVENT_CREAT || code == EVENT_OPENAT2) return CALL_SPECIFIC;
  u32 flags = open_flags(code == EVENT_OPENAT ? passed_argument(from, 2) : passed_argument(from, 1));
  return (flags & 3) | (flags & 0x400 ? CALL_DIRECTORY : CALL_FILE);
}

INLINE u32 ending_of(s64 result) {
  if (result >= 0) return CALL_DONE;
  return result == -EPERM || result == -EACCES ? CALL_FAILED | CALL_DENIED : CALL_FAILED;
}

INLINE u32 kinds_of_call(struct passed from, u32 code, u32 handler, s64 result) {
  u32 ending = ending_of(result);
  if (handler == HANDLER_OPEN && code != EVENT_OPEN_BY_HANDLE_AT) return ending | kind_of_open(from, code);
  if (handler == HANDLER_SOCKET || handler == HANDLER_MESSAGE || is_dup(code)) return ending | kind_of_call(from, code, result);
  return ending | CALL_SPECIFIC;
}

/** Who calls; both where it is not known whether in a container. */
INLINE u32 callers_of(struct scratch *s, struct task_struct *task) {
  u32 user = READ(task, cred, euid.val) == 0 ? CALLER_ROOT : CALLER_OTHER;
  u64 cgroup = PROBE(cgroup_of(s, task), id);
  if (!cgroup) return user | CALLER_CONTAINED | CALLER_HOST;
  cgroup = cgroup_key(cgroup, s->is_v1);
  struct settings *settings = the_settings();
  if (!settings) return user | CALLER_CONTAINED | CALLER_HOST;
  u32 hosts = *(volatile u32 *)&settings->hosts;
  if (hosts != s->last_hosts) s->last_host = s->last_other = 0, s->last_hosts = hosts;
  // Mostly one that this CPU saw last: looking up costs more than all the rest.
  if (cgroup == s->last_host) return user | CALLER_HOST;
  if (cgroup == s->last_other) return user | CALLER_CONTAINED | CALLER_HOST;
  u32 is_host = bpf_map_lookup_elem(&host_cgroups, &cgroup) != NULL;
  if (is_host) s->last_host = cgroup;
  else s->last_other = cgroup;
  return is_host ? user | CALLER_HOST : user | CALLER_CONTAINED | CALLER_HOST;
}

enum { PATH_LOOK = 256, TEXT_AT = 4 };

#define EACH_BYTE(c) ((c) * 0x0101010101010101ULL)

/** 0x80 in each byte that is zero, and 0 in the others. */
INLINE u64 zero_bytes(u64 word) {
  return ~(((word & EACH_BYTE(0x7f)) + EACH_BYTE(0x7f)) | word | EACH_BYTE(0x7f));
}

/** Eight characters in s->walk. */
INLINE u64 word_at(struct scratch *s, u32 at) {
  OPAQUE(at);
  return *(u64 *)(s->walk + (at & (2 * PATH_LOOK - 1)));
}

/** Lets NUL follow a text in s->walk, as far as a word goes; keeps its length where the verifier forgets it. */
INLINE void end_text(struct scratch *s, u32 at, u32 length) {
  s->text_length = length;
  at += length;
  OPAQUE(at);
  *(u64 *)(s->walk + (at & (2 * PATH_LOOK - 1))) = 0;
}

/** Where the last of the slashes that `mask` has a 0x80 for stands, and 1. */
INLINE u32 behind_last(u64 mask) {
  u32 four = is_any(mask >> 32) * 4;
  mask >>= four * 8;
  u32 two = is_any(mask >> 16 & 0xffff) * 2;
  mask >>= two * 8;
  return four + two + is_any(mask >> 8 & 0xff) + 1;
}

/** Not 0 when the path that ends in s->walk is perhaps not in its shortest form: has "//", "/.", ".." or "./". */
INLINE u64 is_odd_path(struct scratch *s) {
  u64 odd = 0, before = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < PATH_LOOK; i += WORD) {
    if (i >= TEXT_LENGTH(s)) break;
    // "." and "/" differ in their last bit.
    u64 marks = zero_bytes((word_at(s, TEXT_AT + i) | EACH_BYTE(1)) ^ EACH_BYTE('/'));
    odd |= marks & (marks << 8 | before);
    before = marks >> 56;
  }
  return odd;
}

/** Where the last part of the path in s->walk starts. */
INLINE u32 start_of_name(struct scratch *s) {
  u64 last_slashes = 0;
  s->name_at = 0;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < PATH_LOOK; i += WORD) {
    if (i >= TEXT_LENGTH(s)) break;
    u64 slashes = zero_bytes(word_at(s, TEXT_AT + i) ^ EACH_BYTE('/'));
    u64 has_slash = -is_any(slashes);
    last_slashes = (last_slashes & ~has_slash) | slashes;
    s->name_at = (s->name_at & ~has_slash) | (i & has_slash);
  }
  s->name_at += behind_last(last_slashes) & (u32)-is_any(last_slashes);
  return *(volatile u32 *)&s->name_at;
}

/** The hash of the name from `at` in s->walk on, of which `before` characters of the text stand before. */
INLINE u32 hash_of_name(struct scratch *s, u32 at, u32 before) {
  u64 hash = 0xcbf29ce484222325ULL;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < PATH_LOOK; i += WORD) {
    if (before + i >= TEXT_LENGTH(s)) break;
    hash = (hash ^ word_at(s, at + i)) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

/** The clauses that ask for no name, or for this one. */
INLINE u32 clauses_of_name(struct call_filter *filter, u32 hash) {
  if (!(filter->names[hash % NAME_BITS / 64] >> hash % 64 & 1)) return filter->any_name;
  u32 *named = bpf_map_lookup_elem(&path_names, &hash);
  return filter->any_name | (named ? *named : 0);
}

/** Which of the clauses the path fulfils; all of them where that cannot be told. */
INLINE u32 clauses_of_path(struct scratch *s, struct call_filter *filter, u32 clauses, u64 path) {
  struct path_prefix *key = (struct path_prefix *)s->walk;
  long read = read_passed_text(s, key->text, PATH_LOOK, path);
  if (read < 2 || read >= PATH_LOOK || (key->text[0] == '.' && read == 2)) return clauses;
  end_text(s, TEXT_AT, read - 1);
  if (is_odd_path(s)) return clauses;
  if (clauses & ~filter->any_name) {
    u32 name_at = start_of_name(s);
    if (name_at < TEXT_LENGTH(s)) clauses &= clauses_of_name(filter, hash_of_name(s, TEXT_AT + name_at, name_at));
  }
  if (key->text[0] != '/') return clauses;
  if (!(clauses & ~filter->any_path & filter->some_path)) return clauses & filter->any_path;
  key->length = PREFIX_MAX * 8;
  u32 *begun = bpf_map_lookup_elem(&path_prefixes, key);
  return clauses & (filter->any_path | (begun ? *begun : 0));
}

enum { CALL_KEPT, CALL_WANTED, CALL_ASKS_FILE };

INLINE struct call_filter *the_filter(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&call_filter, &zero);
}

/** The row of an event whose calls the filter knows, from 1 on; 0 when all of them are sent. */
INLINE u32 row_of(struct call_filter *filter, u32 code) {
  return filter && filter->is_active ? filter->rows[code & (CODES - 1)] : 0;
}

/** The clauses that a call fulfils but for callers and path. */
INLINE u32 clauses_of_kinds(struct call_filter *filter, u32 row, u32 kinds) {
  u32 place = (row - 1) * CALL_KINDS + kinds;
  return filter->clauses[place & (FILTER_ROWS * CALL_KINDS - 1)];
}

INLINE u32 wanted_call(struct scratch *s, struct task_struct *task, struct call_filter *filter, u32 clauses) {
  // Read back from memory: else the verifier would follow the path of each system call's number on its own.
  u32 code = *(volatile u16 *)&s->code, handler = *(volatile u16 *)&s->handler;
  if (clauses & filter->some_callers) clauses &= filter->callers[callers_of(s, task) & (CALLERS - 1)];
  if (clauses & filter->any_path & filter->any_name) return CALL_WANTED;
  if (clauses && clauses_of_path(s, filter, clauses, s->args[code == EVENT_OPENAT || code == EVENT_OPENAT2 ? 1 : 0])) return CALL_WANTED;
  if (clauses && handler == HANDLER_OPEN && (s64)s->args[ARG_RESULT] >= 0) {
    s->clauses = clauses;
    s->generation = filter->generation;
    return CALL_ASKS_FILE;
  }
  // While another filter takes this one's place nothing is left out.
  return !*(volatile u32 *)&filter->is_active;
}

/** CALL_KEPT for a call that no rule can match; CALL_ASKS_FILE where what was opened may be what one asks for. */
INLINE u32 is_call_wanted(struct scratch *s, struct task_struct *task, struct call_filter *filter, u32 clauses) {
  // Through memory, where the verifier forgets by which of the many ways it was found.
  s->wanted = wanted_call(s, task, filter, clauses);
  return *(volatile u32 *)&s->wanted;
}

/** The same of a call whose arguments are in the scratch alone. */
INLINE u32 is_told_call_wanted(struct scratch *s, struct task_struct *task) {
  u32 code = *(volatile u16 *)&s->code, handler = *(volatile u16 *)&s->handler;
  struct call_filter *filter = the_filter();
  u32 row = row_of(filter, code);
  if (!filter || !row) return CALL_WANTED;
  u32 kinds = kinds_of_call((struct passed){ .s = s }, code, handler, s->args[ARG_RESULT]);
  return is_call_wanted(s, task, filter, clauses_of_kinds(filter, row, kinds));
}
