// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Builds one record in a per-CPU scratch buffer. The position lives in the scratch's memory, not in a register: the verifier
// then knows nothing about it, forgets it between two parameters, and checks each parameter once instead of every combination.
#pragma once
#include "kernel.h"
#include "shares.h"

enum {
  // What may stand before the last variable part; a part itself is at most TEXT_MAX (PATH_MAX with its NUL).
  RECORD_LIMIT = 16384,
  TEXT_MAX = 4096,
  RECORD_SIZE = RECORD_LIMIT + TEXT_MAX + 256,
  WALK_SIZE = 4096,
  MAX_CGROUP_DEPTH = 24,
};

/** A place among the arguments: 0 to 5, the syscall's result, or what is always 0. */
enum { ARG_RESULT = 6, ARG_ZERO = 7, ARGS = 8 };

enum { REQUEST_ARGS = 6, REQUEST_BYTES = 128, REQUEST_TEXT = 1024 };

/** What an io_uring request asks for, as the arguments of the system call that it stands for. */
struct request {
  /** the request's address, and whose it is */
  u64 address;
  u32 pid;
  /** the event that it is told as, and who does, as FOUND() has it */
  u32 found;
  u64 args[REQUEST_ARGS];
  u64 hides_result;
  /** a socket address or a struct open_how */
  u8 bytes[REQUEST_BYTES];
  u8 texts[2][REQUEST_TEXT];
};

/** Most bytes, and one, of a path that is kept until the call's end. */
enum { KEPT_PATH = 1024 };

/** Where the paths of a call led, found before it acted (call-paths.h); a length of 0 for none. */
struct call_paths {
  u32 act;
  /** not 0 when one is not whole */
  u32 is_cut;
  /** not 0 when the mount is what an overlay writes to: paths are from its root */
  u32 is_layer;
  u32 unused;
  u32 lengths[2];
  /** of a file whose second path is there only when the call is done: its inode and mount, or 0 */
  u64 inode;
  u64 mount;
  u8 texts[2][KEPT_PATH];
};

/** A message as far as its event tells of it; a row of buffers is 0 where it is one alone. */
struct message {
  /** whom it goes to or comes from, as far as the process passed that or asked for it */
  u64 peer;
  u32 peer_size;
  u64 data;
  u64 data_size;
  u64 row;
  u64 count;
  u64 size;
  u64 control;
  u64 control_size;
};

/** An end of an IP socket; of IPv4 the address is the first four bytes. */
struct end {
  u64 address[2];
  u64 port;
};

/** A file's or folder's place in the tree of mounts. */
struct place {
  struct vfsmount *mnt;
  struct dentry *dentry;
};

/** A mount: what it hangs in and where, itself when it hangs nowhere, and what it shows there. */
struct mounted {
  struct mount *parent;
  struct dentry *point;
  struct dentry *top;
};

/** A descriptor of a socket's that was looked up; without a file none was. */
struct found {
  struct file *file;
  struct socket *socket;
  struct sock *sk;
  s32 fd;
  /** 0 where it was not asked */
  u32 protocol;
};

/** Places in a scratch's `ends`. */
enum { LOCAL_END, REMOTE_END };

struct scratch {
  u32 busy;
  u32 used;
  u32 params;
  u32 cut;
  /** not 0 when the file that the paths are about is told whole, whatever was cut of the words */
  u32 is_led;
  u16 code;
  u16 handler;
  /** what is made here goes into the ring of what changes state */
  u32 is_state;
  u64 args[ARGS];
  /** the mount that a walk is in (places.h) */
  struct mounted mounted;
  /** where the directory section's path starts, nowhere when there is none to add */
  struct place directory;
  /** where the file lies that was opened, whose own path is added where it is not the words that were passed, or nowhere */
  struct place opened;
  /** of the path that was put last: where it stands in the record, and its length with NUL */
  u32 passed_at;
  u32 passed_length;
  /** where the first section starts, 0 when there is none yet */
  u32 scap_end;
  /** what a call fulfils of the filter but for its path, and which filter that was */
  u32 clauses;
  u32 generation;
  u32 wanted;
  u32 is_compat;
  /** of the generic event: scap's number of the call, and its own in 64-bit programs */
  u16 call_id;
  u16 call_native;
  /** the number by which the call was made */
  u32 call_number;
  /** of calls with several messages: the one that is told */
  u32 message_index;
  struct message message;
  /** of a row of buffers: where what stands in them begins, and how much is left of it, or their size */
  u32 buffers_at;
  u64 buffers_size;
  /** the `struct file` of the descriptor section, or 0, and its `struct sock` where that is known already */
  u64 descriptor_file;
  u64 descriptor_socket;
  struct found found;
  /** the socket that was looked at, or 0, and what it told; ends are those of IP sockets */
  u64 looked_at;
  u32 family;
  u32 state;
  struct end ends[2];
  /** of an io_uring request: its file, whether its result is no descriptor, and that what args point to was copied to `request` */
  u64 request_file;
  u32 hides_result;
  u32 is_request;
  /** the state that the descriptor's socket is about to enter, 0 when it stays in its own */
  u32 next_state;
  u64 last_cgroup;
  /** of the context: the cgroup's key in maps */
  u64 cgroup_key;
  /** the last cgroups of this CPU's that are no container's and that may be one's, by the host_cgroups of that number */
  u64 last_host;
  u64 last_other;
  u32 last_hosts;
  u64 cgroup_node;
  u64 namespace;
  u32 is_v1;
  u32 level;
  u32 walk_at;
  /** where the last part of the path that was looked through starts */
  u32 name_at;
  /** of the path or name in s->walk */
  u32 text_length;
  /** the inode whose time of change is being set */
  u64 touched;
  /** a pointer on its way through memory */
  u64 forgotten;
  u64 nodes[32];
  struct request request;
  struct call_paths paths;
  u8 address[128];
  u8 walk[WALK_SIZE + 512];
  u8 record[RECORD_SIZE] __attribute__((aligned(8)));
};

/** Texts are looked through by so many characters at once. */
enum { WORD = 8 };

// Read back from memory, where the verifier forgets what it knew of it.
#define TEXT_LENGTH(s) (*(volatile u32 *)&(s)->text_length)

/** Programs that can interrupt each other on one CPU have a scratch each. */
enum { SCRATCH_SYSCALL, SCRATCH_PROCESS, SCRATCH_OTHER, SCRATCH_REQUEST, SCRATCH_PATH, SCRATCHES };

struct {
  MAP_NUMBER(type, MAP_PERCPU_ARRAY);
  MAP_NUMBER(max_entries, SCRATCHES);
  MAP_TYPE(key, u32);
  MAP_TYPE(value, struct scratch);
} scratches SEC(".maps");

INLINE struct scratch *the_scratch(u32 which) {
  return bpf_map_lookup_elem(&scratches, &which);
}

/** Takes the scratch of this CPU for one record, or counts the drop and gives null. `code` is 0 for what is no event. */
INLINE struct scratch *take_scratch(u32 which, u32 code) {
  struct scratch *s = the_scratch(which);
  if (!s) return NULL;
  if (s->busy) {
    COUNT(dropped_scratch_busy);
    if (code) COUNT_OUTCOME(code, dropped);
    return NULL;
  }
  s->busy = 1;
  s->is_state = which == SCRATCH_PROCESS || which == SCRATCH_OTHER;
  s->directory.dentry = NULL;
  s->opened.dentry = NULL;
  s->descriptor_file = 0;
  s->descriptor_socket = 0;
  s->found.file = NULL;
  s->looked_at = 0;
  return s;
}

/** A pointer of which the verifier knows nothing any more: neither its type, which would make each turn of a loop another one, nor that it is none to reckon with. */
INLINE void *forget_type(struct scratch *s, const void *pointer) {
  *(volatile u64 *)&s->forgotten = (u64)pointer;
  return (void *)*(volatile u64 *)&s->forgotten;
}

INLINE struct context *context_of(struct scratch *s) {
  return (struct context *)s->record;
}

/** Why a record is not whole; `cut` has a bit of each. */
enum { CUT_TEXT = 1, CUT_PATH = 2, CUT_RECORD = 4, CUT_WORDS = 8 };

INLINE void mark_truncated(struct scratch *s, u32 reason) {
  s->cut |= reason;
  context_of(s)->flags |= FLAG_TRUNCATED;
}

/** Starts an event or notice of `params` parameters behind the context that stands already. */
INLINE void begin(struct scratch *s, u16 code, u32 params) {
  s->params = 0;
  s->used = SCAP + SCAP_LENGTHS + 2 * params;
  s->scap_end = 0;
  s->code = code;
  *(u16 *)(s->record + SCAP + SCAP_TYPE) = code;
  *(u32 *)(s->record + SCAP + SCAP_COUNT) = params;
}

/** Starts a section, and gives its offset. */
INLINE u32 begin_section(struct scratch *s) {
  if (!s->scap_end) s->scap_end = s->used;
  return s->used;
}

/** Where the next part goes, bounded for the verifier. */
INLINE u8 *position(struct scratch *s) {
  u32 at = s->used;
  OPAQUE(at);
  return s->record + (at & (RECORD_LIMIT - 1));
}

INLINE int is_full(struct scratch *s) {
  return s->used >= RECORD_LIMIT;
}

/** Ends a parameter whose `length` bytes stand at the position. */
INLINE void end_param(struct scratch *s, u32 length) {
  u32 index = s->params;
  s->params = index + 1;
  OPAQUE(index);
  *(u16 *)(s->record + SCAP + SCAP_LENGTHS + 2 * (index & 63)) = length;
  s->used += length;
}

#define PUT_NUMBER(s, type, value)                                                                                                 \
  ({                                                                                                                               \
    *(type *)position(s) = (value);                                                                                                \
    end_param(s, sizeof(type));                                                                                                    \
  })

INLINE void put_u8(struct scratch *s, u8 value) { PUT_NUMBER(s, u8, value); }
INLINE void put_u16(struct scratch *s, u16 value) { PUT_NUMBER(s, u16, value); }
INLINE void put_u32(struct scratch *s, u32 value) { PUT_NUMBER(s, u32, value); }
INLINE void put_u64(struct scratch *s, u64 value) { PUT_NUMBER(s, u64, value); }
INLINE void put_nothing(struct scratch *s) { end_param(s, 0); }

/** Reads what an argument points to: memory of the process, or a request's copy. */
INLINE long read_passed(struct scratch *s, void *to, u32 size, u64 from) {
  if (s->is_request) return bpf_probe_read_kernel(to, size, (void *)from);
  return bpf_probe_read_user(to, size, (void *)from);
}

/** The same for a text. */
INLINE long read_passed_text(struct scratch *s, void *to, u32 size, u64 from) {
  if (s->is_request) return bpf_probe_read_kernel_str(to, size, (void *)from);
  return bpf_probe_read_user_str(to, size, (void *)from);
}

/** Appends a text that an argument points to and returns its length with NUL, 0 when it cannot be read; not yet a parameter. */
INLINE u32 append_user_text(struct scratch *s, u64 text) {
  if (is_full(s)) {
    mark_truncated(s, CUT_RECORD);
    return 0;
  }
  long length = read_passed_text(s, position(s), TEXT_MAX, text);
  if (length < 0) return 0;
  if (length == TEXT_MAX || (s->is_request && length == REQUEST_TEXT)) mark_truncated(s, CUT_TEXT);
  return length;
}

INLINE void put_user_text(struct scratch *s, u64 text) {
  end_param(s, append_user_text(s, text));
}

INLINE void put_kernel_text(struct scratch *s, const void *text) {
  long length = 0;
  if (is_full(s)) mark_truncated(s, CUT_RECORD);
  else length = bpf_probe_read_kernel_str(position(s), TEXT_MAX, text);
  if (length == TEXT_MAX) mark_truncated(s, CUT_TEXT);
  end_param(s, length < 0 ? 0 : length);
}

/** `limit` is a constant power of two, at most TEXT_MAX. */
INLINE void put_user_bytes(struct scratch *s, u64 from, u64 size, const u32 limit) {
  u32 length = size;
  if (size >= limit) {
    length = limit - 1;
    mark_truncated(s, CUT_TEXT);
  }
  OPAQUE(length);
  length &= limit - 1;
  if (is_full(s) || bpf_probe_read_user(position(s), length, (void *)from) < 0) length = 0;
  end_param(s, length);
}

/** Sends the record, and gives 0 when that was done. The scratch keeps its context and may begin() again. */
INLINE long send(struct scratch *s, u64 now, u32 tid) {
  struct context *context = context_of(s);
  if (s->cut & (CUT_PATH | CUT_WORDS) && !s->is_led) context->flags |= FLAG_PATH_UNKNOWN;
  u32 size = s->used;
  u8 *scap = s->record + SCAP;
  u32 scap_end = s->scap_end ? s->scap_end : size;
  *(u64 *)(scap + SCAP_TIMESTAMP) = now;
  *(u64 *)(scap + SCAP_TID) = tid;
  *(u32 *)(scap + SCAP_LENGTH) = scap_end - SCAP;
  OPAQUE(size);
  if (size > RECORD_SIZE) size = RECORD_SIZE;
  u32 is_state = s->is_state || s->code >= FIRST_NOTICE;
  u32 is_over = is_state ? is_over_share(&state_events, s->cgroup_key, s->code | STATE_RING, size) : is_over_share(&events, s->cgroup_key, s->code, size);
  long failed = 1;
  if (!is_over) failed = is_state ? bpf_ringbuf_output(&state_events, s->record, size, 0) : bpf_ringbuf_output(&events, s->record, size, 0);
  struct counters *counters = the_counters();
  if (!counters) return failed;
  if (failed) {
    counters->dropped_ring_full += !is_over;
    counters->dropped_over_share += is_over;
    count_loss(s->cgroup_key);
  }
  if (s->code >= FIRST_NOTICE) counters->notices += !failed;
  else if (failed) COUNT_OUTCOME(s->code, dropped);
  else COUNT_OUTCOME(s->code, sent);
  if (!(context->flags & FLAG_TRUNCATED)) return failed;
  counters->cut_text += s->cut & CUT_TEXT;
  counters->cut_path += (s->cut & CUT_PATH) != 0;
  counters->cut_record += (s->cut & CUT_RECORD) != 0;
  return failed;
}

/** Sends and frees the scratch: the usual end. Gives 0 when the record was sent. */
INLINE long finish(struct scratch *s) {
  struct settings *settings = the_settings();
  long failed = settings ? send(s, bpf_ktime_get_boot_ns() + settings->epoch_offset_ns, context_of(s)->tid) : 1;
  s->busy = 0;
  return failed;
}
