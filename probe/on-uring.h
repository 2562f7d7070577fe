// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// io_uring: requests that stand for a system call of ours become its event. What one asks for is kept when it is submitted, since the
// process may reuse its memory from then on; its event is made when it completes, with the result:
//   io_uring_submit_req ─▶ requests ─▶ io_uring_complete ─▶ (cgroup, when it is new) ─▶ simple │ open │ network ─▶ sections
// Whose end might not be seen is told at once, and whose end has no room in the process's queue is told then (io_uring_cqe_overflow): as
// done, with result 0, which nobody knows better. So no request is left untold, however a process goes about it.
// Kernels from 6.0 on; listening sockets are told by their state (on-listen.h), on all kernels.
#pragma once
#include "chain.h"
#include "filter.h"
#include "network.h"
#include "open.h"
#include "simple.h"

// include/uapi/linux/io_uring.h
enum {
  IORING_OP_ACCEPT = 13, IORING_OP_CONNECT = 16, IORING_OP_OPENAT = 18, IORING_OP_OPENAT2 = 28, IORING_OP_RENAMEAT = 35,
  IORING_OP_UNLINKAT = 36, IORING_OP_MKDIRAT = 37, IORING_OP_SYMLINKAT = 38, IORING_OP_LINKAT = 39, IORING_OP_SOCKET = 45,
  IORING_OP_BIND = 56,
};
enum { REQ_FIXED_FILE = 1, REQ_CQE_SKIP = 64 };

/** Requests under way that are remembered; a request too many is told at once. */
enum { MAX_REQUESTS = 4096 };

/** What a request is known by wherever it ends: a ring, and the number that its process gave it. */
struct request_key {
  u64 ring;
  u64 user_data;
};

// User space forgets those of processes that are gone.
struct {
  MAP_NUMBER(type, MAP_HASH);
  MAP_NUMBER(map_flags, MAP_NO_PREALLOC);
  MAP_NUMBER(max_entries, MAX_REQUESTS);
  MAP_TYPE(key, struct request_key);
  MAP_TYPE(value, struct request);
} requests SEC(".maps");

handler request_simple, request_open, request_network, request_sections, request_cgroup, request_opened, request_ask_file;

struct {
  MAP_NUMBER(type, MAP_PROG_ARRAY);
  MAP_NUMBER(max_entries, HANDLERS);
  MAP_NUMBER(key_size, 4);
  MAP_VALUES(values, handler);
} request_handlers SEC(".maps") = {
  .values = {
    [HANDLER_SIMPLE] = &request_simple,
    [HANDLER_OPEN] = &request_open,
    [HANDLER_SOCKET] = &request_network,
    [HANDLER_SECTIONS] = &request_sections,
    [HANDLER_CGROUP] = &request_cgroup,
    [HANDLER_OPENED] = &request_opened,
    [HANDLER_ASK_FILE] = &request_ask_file,
  },
};

/** What a request stands for, as FOUND() has it; 0 for what is none of ours. */
INLINE u32 find_request(u32 opcode) {
  switch (opcode) {
  case IORING_OP_ACCEPT: return FOUND(EVENT_ACCEPT4, HANDLER_SOCKET);
  case IORING_OP_CONNECT: return FOUND(EVENT_CONNECT, HANDLER_SOCKET);
  case IORING_OP_SOCKET: return FOUND(EVENT_SOCKET, HANDLER_SOCKET);
  case IORING_OP_BIND: return FOUND(EVENT_BIND, HANDLER_SOCKET);
  case IORING_OP_OPENAT: return FOUND(EVENT_OPENAT, HANDLER_OPEN);
  case IORING_OP_OPENAT2: return FOUND(EVENT_OPENAT2, HANDLER_OPEN);
  case IORING_OP_RENAMEAT: return FOUND(EVENT_RENAMEAT2, HANDLER_SIMPLE);
  case IORING_OP_UNLINKAT: return FOUND(EVENT_UNLINKAT, HANDLER_SIMPLE);
  case IORING_OP_MKDIRAT: return FOUND(EVENT_MKDIRAT, HANDLER_SIMPLE);
  case IORING_OP_SYMLINKAT: return FOUND(EVENT_SYMLINKAT, HANDLER_SIMPLE);
  case IORING_OP_LINKAT: return FOUND(EVENT_LINKAT, HANDLER_SIMPLE);
  default: return 0;
  }
}

INLINE u32 request_flags(struct io_kiocb *req) {
  u32 flags = 0;
  bpf_probe_read_kernel(&flags, sizeof(flags), &req->flags);
  return flags;
}

/** A file name of a request; null where this kernel has none of that name. */
#define NAME_OF(type, object, field)                                                                                               \
  ({                                                                                                                               \
    struct filename *name_ = NULL;                                                                                                 \
    if (FIELD_EXISTS(struct type, field)) name_ = PROBE((struct type *)(object), field);                                           \
    else if (FIELD_EXISTS(struct type##___from_7, field))                                                                          \
      name_ = PROBE((struct type##___from_7 *)(object), field.__incomplete_filename);                                              \
    name_;                                                                                                                         \
  })

INLINE void keep_text(struct request *request, u32 which, struct filename *filename) {
  bpf_probe_read_kernel_str(request->texts[which], REQUEST_TEXT, (void *)PROBE(filename, name));
}

INLINE void keep_two_texts(struct request *request, struct filename *first, struct filename *second) {
  keep_text(request, 0, first);
  keep_text(request, 1, second);
}

INLINE void keep_socket_request(struct request *request, void *command, u32 opcode) {
  u64 *args = request->args;
  switch (opcode) {
  case IORING_OP_SOCKET: {
    struct io_socket *socket = command;
    args[0] = PROBE(socket, domain);
    args[1] = PROBE(socket, type);
    args[2] = PROBE(socket, protocol);
    request->hides_result = PROBE(socket, file_slot) != 0;
    return;
  }
  case IORING_OP_CONNECT: {
    struct io_connect *connect = command;
    args[2] = PROBE(connect, addr_len);
    if (bpf_probe_read_user(request->bytes, REQUEST_BYTES, PROBE(connect, addr)) < 0) args[2] = 0;
    return;
  }
  case IORING_OP_ACCEPT: {
    struct io_accept *accept = command;
    args[3] = PROBE(accept, flags);
    request->hides_result = PROBE(accept, file_slot) != 0;
    return;
  }
  }
}

/** The arguments of the system call that the request stands for; pointers are left out, see point_to_copies(). */
INLINE void keep_request(struct scratch *s, struct io_kiocb *req, u32 opcode, u32 found) {
  struct request *request = &s->request;
  void *command = &req->cmd;
  u64 *args = request->args;
  request->address = (u64)req;
  request->found = found;
  request->pid = READ(current_task(), tgid);
  request->hides_result = 0;
  request->texts[0][0] = request->texts[1][0] = 0;
  // The descriptor; registered files have none.
  args[0] = request_flags(req) & REQ_FIXED_FILE ? -1 : PROBE(req, cqe.fd);
  switch (opcode) {
  case IORING_OP_SOCKET:
  case IORING_OP_CONNECT:
  case IORING_OP_ACCEPT: return keep_socket_request(request, command, opcode);
  case IORING_OP_OPENAT:
  case IORING_OP_OPENAT2: {
    struct io_open *open = command;
    args[0] = (s64)PROBE(open, dfd);
    args[2] = PROBE(open, how.flags);
    args[3] = PROBE(open, how.mode);
    bpf_probe_read_kernel(request->bytes, sizeof(struct open_how), &open->how);
    request->hides_result = PROBE(open, file_slot) != 0;
    return keep_text(request, 0, NAME_OF(io_open, command, filename));
  }
  case IORING_OP_UNLINKAT: {
    struct io_unlink *unlink = command;
    args[0] = (s64)PROBE(unlink, dfd);
    args[2] = PROBE(unlink, flags);
    return keep_text(request, 0, NAME_OF(io_unlink, command, filename));
  }
  case IORING_OP_MKDIRAT: {
    struct io_mkdir *mkdir = command;
    args[0] = (s64)PROBE(mkdir, dfd);
    args[2] = PROBE(mkdir, mode);
    return keep_text(request, 0, NAME_OF(io_mkdir, command, filename));
  }
  case IORING_OP_RENAMEAT: {
    struct io_rename *rename = command;
    args[0] = (s64)PROBE(rename, old_dfd);
    args[2] = (s64)PROBE(rename, new_dfd);
    args[4] = PROBE(rename, flags);
    return keep_two_texts(request, NAME_OF(io_rename, command, oldpath), NAME_OF(io_rename, command, newpath));
  }
  case IORING_OP_SYMLINKAT: {
    struct io_link *link = command;
    args[1] = (s64)PROBE(link, new_dfd);
    return keep_two_texts(request, NAME_OF(io_link, command, oldpath), NAME_OF(io_link, command, newpath));
  }
  case IORING_OP_LINKAT: {
    struct io_link *link = command;
    args[0] = (s64)PROBE(link, old_dfd);
    args[2] = (s64)PROBE(link, new_dfd);
    args[4] = PROBE(link, flags);
    return keep_two_texts(request, NAME_OF(io_link, command, oldpath), NAME_OF(io_link, command, newpath));
  }
  }
}

/** Lets the arguments that are pointers point to what was kept. */
INLINE void point_to_copies(struct scratch *s, u32 code) {
  struct request *request = &s->request;
  switch (code) {
  case EVENT_SYMLINKAT:
    s->args[0] = (u64)request->texts[0];
    s->args[2] = (u64)request->texts[1];
    return;
  case EVENT_RENAMEAT2:
  case EVENT_LINKAT:
    s->args[1] = (u64)request->texts[0];
    s->args[3] = (u64)request->texts[1];
    return;
  case EVENT_CONNECT:
    s->args[1] = (u64)request->bytes;
    return;
  case EVENT_OPENAT2:
    s->args[2] = (u64)request->bytes;
    s->args[1] = (u64)request->texts[0];
    return;
  case EVENT_OPENAT:
  case EVENT_UNLINKAT:
  case EVENT_MKDIRAT:
    s->args[1] = (u64)request->texts[0];
    return;
  }
}

/** Hands a wanted request over to the program that knows its event; returns when there is none. */
INLINE void hand_over_request(u64 *ctx, struct scratch *s) {
  struct task_struct *task = current_task();
  // A worker of the kernel's has a name of its own; it acts for the process whose thread it is.
  put_context(s, READ(task, group_leader));
  context_of(s)->flags |= FLAG_IO_URING;
  if (!(READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER))) context_of(s)->tid = READ(task, pid);
  if (is_new_cgroup(s)) bpf_tail_call(ctx, &request_handlers, HANDLER_CGROUP);
  bpf_tail_call(ctx, &request_handlers, s->handler);
}

/** Hands the request in the scratch over to the program that knows its event; returns when no rule can match it. */
INLINE void tell_request(u64 *ctx, struct scratch *s, u32 found, struct file *file, s64 result) {
  struct task_struct *task = current_task();
  u32 code = found >> 16;
#pragma clang loop unroll(full)
  for (u32 i = 0; i < REQUEST_ARGS; i += 1) s->args[i] = s->request.args[i];
  s->args[ARG_RESULT] = result;
  s->hides_result = s->request.hides_result;
  s->is_request = 1;
  s->request_file = (u16)found == HANDLER_SOCKET && code != EVENT_SOCKET ? (u64)file : 0;
  s->code = code;
  s->handler = found;
  point_to_copies(s, code);
  u32 wanted = is_told_call_wanted(s, READ(task, group_leader));
  if (wanted == CALL_ASKS_FILE) bpf_tail_call(ctx, &request_handlers, HANDLER_ASK_FILE);
  else if (wanted == CALL_WANTED) hand_over_request(ctx, s);
  else {
    COUNT_OUTCOME(s->code, filtered);
    forget_call_paths(s->code, actor_of_call(s));
  }
}

/** What a request stands for, when that is wanted; 0 otherwise. */
INLINE u32 wanted_request(u32 found) {
  // Before 6.0 requests had another shape.
  if (!FIELD_EXISTS(struct io_kiocb, cmd)) return 0;
  struct settings *settings = the_settings();
  if (!found || !settings || !settings->enabled[(found >> 16) & 511]) return 0;
  return READ(current_task(), tgid) == settings->own_pid ? 0 : found;
}

INLINE struct request_key key_of_request(struct io_kiocb *req) {
  return (struct request_key){ .ring = (u64)PROBE(req, ctx), .user_data = PROBE(req, cqe.user_data) };
}

/** Tells a request of which no result is known: it counts as done. */
INLINE void tell_unfinished(u64 *ctx, struct scratch *s, u32 found) {
  s->request.hides_result = 1;
  tell_request(ctx, s, found, NULL, 0);
}

INLINE int submit_request(u64 *ctx, struct io_kiocb *req) {
  u32 opcode = PROBE(req, opcode);
  u32 found = wanted_request(find_request(opcode));
  if (!found) return 0;
  struct scratch *s = take_scratch(SCRATCH_REQUEST, found >> 16);
  if (!s) return 0;
  keep_request(s, req, opcode, found);
  struct request_key key = key_of_request(req);
  struct request *other = bpf_map_lookup_elem(&requests, &key);
  // One at the same place has ended, unseen or not.
  if (other && other->address == (u64)req) bpf_map_delete_elem(&requests, &key), other = NULL;
  // Who submits it may not want to hear of its success, or cannot tell it from another one's.
  u32 is_hidden = request_flags(req) & REQ_CQE_SKIP || other;
  if (is_hidden || bpf_map_update_elem(&requests, &key, &s->request, UPDATE_ANY) != 0) tell_unfinished(ctx, s, found);
  s->busy = 0;
  return 0;
}

REQUEST_HOOK("io_uring_submit_req")
int io_uring_submit_req(u64 *ctx) {
  return submit_request(ctx, SUBMITTED);
}

#ifndef CLASSIC
// Its name before 6.4.
REQUEST_HOOK("io_uring_submit_sqe")
int io_uring_submit_sqe(u64 *ctx) {
  return submit_request(ctx, SUBMITTED);
}
#endif

/** Takes what was kept into the scratch; null when nothing was, of that very request where its address is known. */
INLINE struct scratch *take_request(struct request_key *key, u64 address, u32 code, u32 is_last) {
  struct request *request = bpf_map_lookup_elem(&requests, key);
  if (!request || (address && request->address != address)) return NULL;
  struct scratch *s = take_scratch(SCRATCH_REQUEST, code);
  if (s) bpf_probe_read_kernel(&s->request, sizeof(s->request), request);
  if (is_last) bpf_map_delete_elem(&requests, key);
  return s;
}

/** One more connection of an accept that goes on: the kernel shows the ring and the entry of its queue (from 6.15 on). */
INLINE int accept_another(u64 *ctx) {
  u32 found = wanted_request(FOUND(EVENT_ACCEPT4, HANDLER_SOCKET));
  if (!found) return 0;
  struct request_key key = { .ring = COMPLETED_RING, .user_data = COMPLETED_NUMBER };
  struct request *request = bpf_map_lookup_elem(&requests, &key);
  if (!request) return 0;
  struct io_kiocb *req = (struct io_kiocb *)request->address;
  if (request->found != found) return 0;
  struct scratch *s = take_request(&key, 0, found >> 16, 0);
  if (!s) return 0;
  tell_request(ctx, s, found, PROBE(req, file), (s64)COMPLETED_RESULT);
  s->busy = 0;
  return 0;
}

REQUEST_HOOK("io_uring_complete")
int io_uring_complete(u64 *ctx) {
  struct io_kiocb *req = COMPLETED;
  if (!req) return accept_another(ctx);
  u32 found = wanted_request(find_request(PROBE(req, opcode)));
  if (!found) return 0;
  struct request_key key = key_of_request(req);
  struct scratch *s = take_request(&key, (u64)req, found >> 16, 1);
  if (!s) return 0;
  // What a thread of the kernel ends is what a process that is gone had begun.
  if (!(READ(current_task(), flags) & PF_KTHREAD)) tell_request(ctx, s, found, PROBE(req, file), (s64)PROBE(req, cqe.res));
  s->busy = 0;
  return 0;
}

// The end of a request that found no room. Whose it is the number tells, and perhaps wrongly, so nothing else of it is believed.
REQUEST_HOOK("io_uring_cqe_overflow")
int io_uring_cqe_overflow(u64 *ctx) {
  struct request_key key = { .ring = OVERFLOWN_RING, .user_data = OVERFLOWN_NUMBER };
  struct request *request = bpf_map_lookup_elem(&requests, &key);
  if (!request || !FIELD_EXISTS(struct io_kiocb, cmd)) return 0;
  u32 found = wanted_request(request->found);
  if (!found) return 0;
  struct scratch *s = take_request(&key, 0, found >> 16, 1);
  if (!s) return 0;
  if (!(READ(current_task(), flags) & PF_KTHREAD)) tell_unfinished(ctx, s, found);
  s->busy = 0;
  return 0;
}

#define REQUEST_CHAIN REQUEST_HOOK("io_uring_complete")
#define REQUEST_LINK(name, next, ...) LINK_PARAMETERS(REQUEST_CHAIN, name, SCRATCH_REQUEST, request_handlers, next, __VA_ARGS__)
#define REQUEST_HANDLER(name, ...) REQUEST_LINK(name, HANDLER_SECTIONS, __VA_ARGS__)

LINK_CGROUP(REQUEST_CHAIN, request_cgroup, SCRATCH_REQUEST, request_handlers)
REQUEST_LINK(request_simple, next_of_simple(s), put_simple(s))
REQUEST_LINK(request_open, HANDLER_OPENED, put_open(s))
LINK_ASK_FILE(REQUEST_CHAIN, request_ask_file, SCRATCH_REQUEST, hand_over_request)
REQUEST_HANDLER(request_opened, append_resolved(s))
REQUEST_HANDLER(request_network, put_network(s))
LINK_SECTIONS(REQUEST_CHAIN, request_sections, SCRATCH_REQUEST)
