// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Which calls leave the kernel: what no loaded rule can match is counted and left out. Its twin is src/events/call-filter.ts.
// A rule's conditions on a call are some clauses, each a bit of a word: kinds of calls, callers, and of an open how its path begins or
// ends. What cannot be told here (a path that is not in its shortest form or cannot be read, where a process is) counts as asked for.
#pragma once
#include "context.h"
#include "flags.h"
#include "network.h"
#include "syscalls.h"

enum {
  // of an open
  CALL_READ = 1, CALL_WRITE = 2, CALL_FILE = 4, CALL_DIRECTORY = 8,
  // on a socket
  CALL_IP = 1, CALL_UNIX = 2, CALL_OTHER = 4,
  CALL_SPECIFIC = 15, CALL_DONE = 16, CALL_FAILED = 32, CALL_KINDS = 64,
};
enum { CALLER_CONTAINED = 1, CALLER_HOST = 2, CALLER_ROOT = 4, CALLER_OTHER = 8, CALLERS = 16 };
enum { FILTER_ROWS = 64 };

struct call_filter {
  /** 0: all calls are sent */
  u32 is_active;
  /** the clauses that ask for no beginning, and for no last part of a path */
  u32 any_path, any_name;
  /** not 0 when some clauses ask who calls */
  u32 asks_callers;
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
  MAP_NUMBER(max_entries, 4096);
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

INLINE u32 kind_of_call(struct scratch *s, u32 code) {
  u32 family;
  if (code == EVENT_SOCKET) family = s->args[0];
  else {
    // Of an accepted connection, not of what the listener's number means by now.
    u32 is_accept = code == EVENT_ACCEPT || code == EVENT_ACCEPT4;
    struct sock *sk = socket_at(s, is_accept && (s64)s->args[ARG_RESULT] >= 0 ? s->args[ARG_RESULT] : s->args[0]);
    if (!sk) return CALL_SPECIFIC;
    family = family_of(sk);
  }
  return family == AF_INET || family == AF_INET6 ? CALL_IP : family == AF_UNIX ? CALL_UNIX : CALL_OTHER;
}

INLINE u32 kind_of_open(struct scratch *s, u32 code) {
  // openat2's flags are in memory that may change between two looks, and creat has none.
  if (code == EVENT_CREAT || code == EVENT_OPENAT2) return CALL_SPECIFIC;
  u32 flags = open_flags(s->args[code == EVENT_OPENAT ? 2 : 1]);
  return (flags & 3) | (flags & 0x400 ? CALL_DIRECTORY : CALL_FILE);
}

INLINE u32 kinds_of_call(struct scratch *s, u32 code, u32 handler) {
  u32 done = (s64)s->args[ARG_RESULT] >= 0 ? CALL_DONE : CALL_FAILED;
  if (handler == HANDLER_OPEN) return done | kind_of_open(s, code);
  if (handler == HANDLER_SOCKET || handler == HANDLER_MESSAGE) return done | kind_of_call(s, code);
  return done | CALL_SPECIFIC;
}

/** Who calls; both where it is not known whether in a container. */
INLINE u32 callers_of(struct scratch *s, struct task_struct *task) {
  u32 user = READ(task, cred, euid.val) == 0 ? CALLER_ROOT : CALLER_OTHER;
  u64 cgroup = PROBE(cgroup_of(s, task), id);
  if (!cgroup) return user | CALLER_CONTAINED | CALLER_HOST;
  cgroup = cgroup_key(cgroup, s->is_v1);
  // Mostly the one that this CPU saw last: looking up costs more than all the rest.
  if (cgroup != s->last_host) {
    if (!bpf_map_lookup_elem(&host_cgroups, &cgroup)) return user | CALLER_CONTAINED | CALLER_HOST;
    s->last_host = cgroup;
  }
  return user | CALLER_HOST;
}

enum { PATH_LOOK = 256, FNV_START = 0x811c9dc5, FNV_PRIME = 0x01000193 };

/** 1 when two characters are the same, else 0; without a jump, each of which would double what the verifier has to follow. */
INLINE u32 is_same(u32 one, u32 other) {
  u32 difference = (one ^ other) - 1;
  OPAQUE(difference);
  return difference >> 31;
}

/** Looks through the path in s->walk: not 0 when it is not in its shortest form. Leaves the hash of its last part, and its last character. */
INLINE u32 look_through_path(struct scratch *s) {
  s->path_odd = s->path_before = 0;
  s->path_hash = FNV_START;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < PATH_LOOK; i += 1) {
    u32 c = s->walk[4 + i];
    if (!c) break;
    u32 before = s->path_before;
    u32 is_slash = is_same(c, '/');
    u32 is_after_slash = is_same(before, '/');
    // "//", "/./", "..", and hidden files with them.
    s->path_odd |= (is_after_slash & is_slash) | ((is_after_slash | is_same(before, '.')) & is_same(c, '.'));
    s->path_before = c;
    u32 next = (s->path_hash ^ c) * FNV_PRIME;
    s->path_hash = (next & (is_slash - 1)) | (FNV_START & (0 - is_slash));
  }
  return s->path_odd;
}

/** The clauses that the path fulfils; all of them where that cannot be told. */
INLINE u32 clauses_of_path(struct scratch *s, struct call_filter *filter, u64 path) {
  struct path_prefix *key = (struct path_prefix *)s->walk;
  long length = read_passed_text(s, key->text, PATH_LOOK, path);
  if (length < 2 || length >= PATH_LOOK || (key->text[0] == '.' && length == 2) || look_through_path(s)) return ~0u;
  u32 clauses = ~0u;
  if (s->path_before != '/' && filter->any_name != ~0u) {
    u32 *named = bpf_map_lookup_elem(&path_names, &s->path_hash);
    clauses = filter->any_name | (named ? *named : 0);
  }
  if (key->text[0] != '/') return clauses;
  key->length = PREFIX_MAX * 8;
  u32 *begun = bpf_map_lookup_elem(&path_prefixes, key);
  return clauses & (filter->any_path | (begun ? *begun : 0));
}

/** False for a call that no rule can match. */
INLINE u32 is_call_wanted(struct scratch *s, struct task_struct *task) {
  // Read back from memory: else the verifier would follow the path of each system call's number on its own.
  u32 zero = 0, code = *(volatile u16 *)&s->code, handler = *(volatile u16 *)&s->handler;
  struct call_filter *filter = bpf_map_lookup_elem(&call_filter, &zero);
  if (!filter || !filter->is_active) return 1;
  u32 row = filter->rows[code & (CODES - 1)];
  if (!row) return 1;
  u32 place = (row - 1) * CALL_KINDS + kinds_of_call(s, code, handler);
  u32 clauses = filter->clauses[place & (FILTER_ROWS * CALL_KINDS - 1)];
  if (clauses && filter->asks_callers) clauses &= filter->callers[callers_of(s, task) & (CALLERS - 1)];
  if (clauses & filter->any_path & filter->any_name) return 1;
  if (clauses && clauses & clauses_of_path(s, filter, s->args[code == EVENT_OPENAT || code == EVENT_OPENAT2 ? 1 : 0])) return 1;
  // While another filter takes this one's place nothing is left out.
  return !*(volatile u32 *)&filter->is_active;
}
