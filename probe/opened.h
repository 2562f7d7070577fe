// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What was opened decides beside how it was written: of an open that was done and whose words fulfil no clause, the file's own path is
// asked. Its name first; then its folder, of which it is remembered which clauses ask for something in there; and only then the whole path.
// A folder is remembered by the names and places on its way to the root, so that one that was renamed or mounted over is another one.
#pragma once
#include "filter.h"

struct folder_verdict {
  u32 generation;
  u32 clauses;
};

struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, struct folder_verdict);
} folder_verdicts SEC(".maps");

/** Ends a folder's own entry in path_prefixes behind its "/"; a path that has it there is sent for nothing. */
enum { FOLDER_MARK = 1 };

INLINE u64 mixed(u64 hash, u64 value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
  return hash ^ hash >> 29;
}

/** The key of a folder, in whose mount the walk is; 0 when it lies too deep. */
INLINE u64 key_of_folder(struct scratch *s, struct place place) {
  u64 key = 1;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < MAX_PATH_DEPTH; i += 1) {
    if (place.dentry == MOUNTED(s)->top) {
      if (climb(s, &place)) {
        key = mixed(key, (u64)place.dentry);
        continue;
      }
      MOUNTED(s)->top = NULL;
    }
    struct hanging hanging = hanging_of(s, place.dentry);
    key = mixed(mixed(key, (u64)hanging.parent), hanging.hash_and_length);
    if (hanging.parent == place.dentry || !hanging.parent) return key;
    place.dentry = hanging.parent;
  }
  return 0;
}

/** The clauses that the beginning in s->walk fulfils; `at` is where it starts. */
INLINE u32 clauses_begun(struct scratch *s) {
  struct path_prefix key = { .length = PREFIX_MAX * 8 };
  u32 at = s->walk_at;
  OPAQUE(at);
  bpf_probe_read_kernel(key.text, PREFIX_MAX, s->walk + (at & (2 * WALK_SIZE - 1)));
  u32 *begun = bpf_map_lookup_elem(&path_prefixes, &key);
  return begun ? *begun : 0;
}

/** Not 0 when the last walk gave a whole path; others lie nowhere or too deep to tell. */
INLINE u32 is_whole_path(struct scratch *s) {
  u32 at = s->walk_at;
  OPAQUE(at);
  return !(s->cut & CUT_PATH) && s->walk[at & (WALK_SIZE - 1)] == '/';
}

/** The clauses that ask for a beginning that something right in this folder has, in whose mount the walk is. */
INLINE u32 clauses_of_folder(struct scratch *s, struct call_filter *filter, struct place folder) {
  u64 key = key_of_folder(s, folder);
  struct folder_verdict *known = key ? bpf_map_lookup_elem(&folder_verdicts, &key) : NULL;
  if (known && known->generation == s->generation) return known->clauses;
  walk(s, folder, 1);
  if (!is_whole_path(s)) return ~0u;
  u32 is_root = s->walk_at == WALK_SIZE - 1;
  s->walk[WALK_SIZE] = is_root ? FOLDER_MARK : '/';
  s->walk[WALK_SIZE + 1] = FOLDER_MARK;
  struct folder_verdict verdict = { .generation = s->generation, .clauses = filter->any_path | clauses_begun(s) };
  if (key) bpf_map_update_elem(&folder_verdicts, &key, &verdict, UPDATE_ANY);
  return verdict.clauses;
}

/** The clauses that a file's own name fulfils. */
INLINE u32 clauses_of_file_name(struct scratch *s, struct call_filter *filter, u64 name) {
  long read = bpf_probe_read_kernel_str(s->walk, PATH_LOOK, (void *)name);
  if (read < 2) return ~0u;
  end_text(s, 0, read - 1);
  return clauses_of_name(filter, hash_of_name(s, 0, 0));
}

// Through memory, where the verifier forgets how they were found.
#define CLAUSES(s) (*(volatile u32 *)&(s)->clauses)

INLINE u32 fulfils_clause(struct scratch *s, struct call_filter *filter) {
  u32 clauses = s->clauses;
  struct file *file = file_at(s, s->args[ARG_RESULT]);
  if (!file) return 0;
  struct place place = place_of(s, file);
  look_at_mount(s, place.mnt);
  // What is mounted is called by its place.
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 8 && place.dentry == MOUNTED(s)->top && climb(s, &place); i += 1);
  struct hanging hanging = hanging_of(s, place.dentry);
  if (clauses & ~filter->any_name) s->clauses = clauses & clauses_of_file_name(s, filter, hanging.name);
  if (!CLAUSES(s)) return 0;
  s->cut = 0;
  struct place folder = { .dentry = hanging.parent, .mnt = place.mnt };
  if (folder.dentry != place.dentry) s->clauses &= clauses_of_folder(s, filter, folder);
  clauses = CLAUSES(s);
  if (!clauses) return 0;
  if (clauses & filter->any_path) return 1;
  walk(s, place, 1);
  if (!is_whole_path(s)) return s->cut & CUT_PATH;
  s->walk[WALK_SIZE] = 0;
  return (clauses & clauses_begun(s)) != 0;
}

/** False for an open whose file, too, is none that a rule asks for. */
INLINE u32 is_file_wanted(struct scratch *s) {
  u32 zero = 0;
  struct call_filter *filter = bpf_map_lookup_elem(&call_filter, &zero);
  if (!filter || fulfils_clause(s, filter)) return 1;
  // While another filter takes this one's place nothing is left out.
  return *(volatile u32 *)&filter->generation != s->generation;
}
