// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Who floods loses first: once a ring is half full, each control group has a share of the room that is left, and each of its events a
// share of that. A share is new when user space has taken an eighth of the ring. So a group that others crowd out does not exist: what is
// left gets smaller with each that floods, but never is nothing.
#pragma once
#include "record.h"

enum { STATE_RING = 0x10000, ANY_EVENT = 0xffff };
enum { SHARE_OF_GROUP = 8, SHARE_OF_EVENT = 16 };

struct share_key {
  u64 cgroup;
  /** the event's code or ANY_EVENT, and which ring */
  u32 what;
  u32 gap;
};

struct share {
  u64 period;
  /** in bytes */
  u64 used;
};

struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, struct share_key);
  MAP_TYPE(value, struct share);
} shares SEC(".maps");

// Records that were lost, by cgroup_key().
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 1024);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, u64);
} cgroup_losses SEC(".maps");

INLINE void count_loss(u64 cgroup) {
  u64 *count = bpf_map_lookup_elem(&cgroup_losses, &cgroup);
  u64 one = 1;
  if (count) __sync_fetch_and_add(count, 1);
  else bpf_map_update_elem(&cgroup_losses, &cgroup, &one, UPDATE_ANY);
}

/** Takes `size` bytes of a share; 0 when it was used up. One record is always within it. */
INLINE u32 take_share(struct share_key *key, u64 period, u64 size, u64 limit) {
  struct share fresh = { .period = period, .used = size };
  struct share *share = bpf_map_lookup_elem(&shares, key);
  if (!share) {
    bpf_map_update_elem(&shares, key, &fresh, UPDATE_ANY);
    return 1;
  }
  if (share->period != period) {
    share->period = period;
    share->used = 0;
  }
  if (share->used && share->used + size > limit) return 0;
  // CPUs that do this at once may lose one another's sum: the share is then a little larger.
  share->used += size;
  return 1;
}

/** 1 when the record has to be left out for the others' sake. */
INLINE u32 is_over_share(void *ring, u64 cgroup, u32 what, u64 size) {
  u64 total = bpf_ringbuf_query(ring, RING_SIZE);
  u64 filled = bpf_ringbuf_query(ring, RING_FILLED);
  if (filled < total / 2) return 0;
  u64 left = filled < total ? total - filled : 0;
  u64 period = bpf_ringbuf_query(ring, RING_TAKEN) / (total / 8);
  struct share_key key = { .cgroup = cgroup, .what = what };
  if (!take_share(&key, period, size, left / SHARE_OF_EVENT)) return 1;
  key.what |= ANY_EVENT;
  return !take_share(&key, period, size, left / SHARE_OF_GROUP);
}
