// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The record that goes to user space, and the maps shared with the loader. Its twin is src/events/record.ts.
#pragma once
#include "bpf.h"

struct context {
  u64 cgroup;
  u64 start_time;
  u32 pid;
  u32 tid;
  u32 ppid;
  u32 vpid;
  u32 uid;
  u32 gid;
  u32 loginuid;
  u32 pid_namespace;
  u32 mount_namespace;
  u32 network_namespace;
  u32 descriptor;
  u32 flags;
  char comm[16];
  u32 directory;
  u32 resolved;
};

enum { FLAG_TRUNCATED = 1, FLAG_COMPAT = 2, FLAG_IO_URING = 8, FLAG_PATH_UNKNOWN = 16 };

// Offsets of the scap event behind the context, and within its packed header.
enum { SCAP = 88, SCAP_TIMESTAMP = 0, SCAP_TID = 8, SCAP_LENGTH = 16, SCAP_TYPE = 20, SCAP_COUNT = 22, SCAP_LENGTHS = 26 };
_Static_assert(sizeof(struct context) == SCAP, "the context's size is part of the contract");

enum { NOTICE_CGROUP_MKDIR = 0xf001, NOTICE_CGROUP_RMDIR = 0xf002, NOTICE_INET_SOCK_SET_STATE = 0xf003, FIRST_NOTICE = 0xf000 };

struct descriptor {
  u8 kind;
  u8 state;
  u8 protocol;
  u8 family;
  u32 device;
  u64 inode;
};

enum { CODES = 512 };

/** What is sent on demand: the environment of a program that starts. */
enum { SETTING_ENVIRONMENT = 1 };

struct settings {
  /** realtime minus boottime */
  u64 epoch_offset_ns;
  /** process whose events are never sent */
  u32 own_pid;
  /** SETTING_… */
  u32 flags;
  /** by scap event code: not 0 means send */
  u8 enabled[CODES];
  /** another number whenever host_cgroups has changed */
  u32 hosts;
};

/** What became of the calls of one event, each once; the events of `counters` that were dropped are counted here once more. */
struct outcomes {
  /** no rule could match them */
  u64 filtered;
  u64 sent;
  u64 dropped;
};

struct counters {
  u64 dropped_ring_full;
  u64 dropped_scratch_busy;
  u64 notices;
  /** records with a text longer than its limit, with a path deeper than is walked, with more than fits; one may be all three */
  u64 cut_text;
  u64 cut_path;
  u64 cut_record;
  /** of a control group that had used up its share of a ring half full */
  u64 dropped_over_share;
};

struct {
  MAP_NUMBER(type, MAP_RINGBUF);
  MAP_NUMBER(max_entries, 8 * 1024 * 1024);
} events SEC(".maps");

// What changes who and what there is (control groups, programs, listening sockets): it must not share the fate of the many other events.
struct {
  MAP_NUMBER(type, MAP_RINGBUF);
  MAP_NUMBER(max_entries, 2 * 1024 * 1024);
} state_events SEC(".maps");

struct {
  MAP_NUMBER(type, MAP_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct settings);
} settings SEC(".maps");

struct {
  MAP_NUMBER(type, MAP_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, 1);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct counters);
} counters SEC(".maps");

// By scap event code.
struct {
  MAP_NUMBER(type, MAP_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, CODES);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct outcomes);
} outcomes SEC(".maps");

// Ids of the cgroups whose path was sent.
struct {
  MAP_NUMBER(type, MAP_LRU_HASH);
  MAP_NUMBER(max_entries, 4096);
  MAP_TYPE(key, u64);
  MAP_TYPE(value, u8);
} cgroups_seen SEC(".maps");

INLINE struct settings *the_settings(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&settings, &zero);
}

INLINE struct counters *the_counters(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&counters, &zero);
}

#define COUNT(what)                                                                                                                \
  ({                                                                                                                               \
    struct counters *counters_ = the_counters();                                                                                   \
    if (counters_) counters_->what += 1;                                                                                           \
  })

#define COUNT_OUTCOME(code, what)                                                                                                  \
  ({                                                                                                                               \
    u32 code_ = (code);                                                                                                            \
    struct outcomes *outcomes_ = bpf_map_lookup_elem(&outcomes, &code_);                                                           \
    if (outcomes_) outcomes_->what += 1;                                                                                           \
  })
