// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Sockets: their ends, as parameters (sockaddr, tuple) and as a descriptor section.
#pragma once
#include "paths.h"
#include "syscalls.h"

INLINE u16 swap16(u16 value) {
  return value >> 8 | value << 8;
}

INLINE u16 family_of(struct sock *sk) {
  return PROBE(sk, __sk_common.skc_family);
}

/** As the section tells it: that of MPTCP is TCP's. */
INLINE u8 protocol_of(struct sock *sk) {
  return PROBE(sk, sk_protocol);
}

/** While a socket closes its port is gone already, but not yet the header's copy of it. */
INLINE u16 header_port(struct sock *sk) {
  return swap16(PROBE((struct inet_sock *)sk, inet_sport));
}

INLINE u16 local_port(struct sock *sk) {
  u16 port = PROBE(sk, __sk_common.skc_num);
  return port ? port : header_port(sk);
}

/** Looks at a socket, once for all that tell of it, and gives its family. */
INLINE u16 look_at_socket(struct scratch *s, struct sock *sk) {
  if (s->looked_at == (u64)sk) return s->family;
  SPAN(head, 32, sk, __sk_common.skc_addrpair, __sk_common.skc_state);
  struct end *local = &s->ends[LOCAL_END], *remote = &s->ends[REMOTE_END];
  u16 family = IN(head, sk, __sk_common.skc_family);
  s->family = family;
  s->state = IN(head, sk, __sk_common.skc_state);
  s->looked_at = (u64)sk;
  if (family == AF_INET6) {
    PROBE16(local->address, sk, __sk_common.skc_v6_rcv_saddr);
    PROBE16(remote->address, sk, __sk_common.skc_v6_daddr);
  } else if (family == AF_INET) {
    u64 addresses = IN(head, sk, __sk_common.skc_addrpair);
    local->address[0] = addresses >> 32;
    remote->address[0] = (u32)addresses;
  } else return family;
  u32 ports = IN(head, sk, __sk_common.skc_portpair);
  local->port = ports >> 16 ? ports >> 16 : header_port(sk);
  remote->port = swap16(ports);
  return family;
}

/** Appends an end: 4 or 16 bytes of address, u16 port in host order. */
INLINE void append_end(struct scratch *s, u16 family, u32 which) {
  u8 *at = position(s);
  OPAQUE(which);
  struct end *end = &s->ends[which & 1];
  if (family == AF_INET6) {
    *(u64 *)at = end->address[0];
    *(u64 *)(at + 8) = end->address[1];
    *(u16 *)(at + 16) = end->port;
    s->used += 18;
  } else {
    *(u32 *)at = end->address[0];
    *(u16 *)(at + 4) = end->port;
    s->used += 6;
  }
}

/** Appends a path that stands in sun_path form at `from` (kernel memory, `size` bytes); an abstract one gets its "@". */
INLINE u32 append_unix_path(struct scratch *s, const char *from, u32 size) {
  u8 *at = position(s);
  char first = 0;
  if (size == 0 || is_full(s)) return 0;
  bpf_probe_read_kernel(&first, 1, from);
  if (size > 108) size = 108;
  if (first) {
    long length = bpf_probe_read_kernel_str(at, 109, from);
    if (length < 1) return 0;
    return length - 1 < size ? length - 1 : size;
  }
  // By a mask: of a number that the compiler keeps in memory the verifier of Linux 6.1 forgets what it was compared with.
  OPAQUE(size);
  size &= 127;
  bpf_probe_read_kernel(at, size, from);
  *at = '@';
  return size;
}

/** The name a unix socket is bound to, or else its peer's. */
INLINE u32 append_unix_name(struct scratch *s, struct sock *sk) {
  struct unix_address *address = PROBE((struct unix_sock *)sk, addr);
  if (!address) address = PROBE((struct unix_sock *)sk, peer) ? PROBE((struct unix_sock *)PROBE((struct unix_sock *)sk, peer), addr) : NULL;
  if (!address) return 0;
  u32 length = PROBE(address, len);
  return length > 2 ? append_unix_path(s, (const char *)&address->name[0] + 2, length - 2) : 0;
}

/** A SOCKTUPLE parameter: source and destination, which are the socket's local and remote end unless `is_server`. */
INLINE void put_tuple(struct scratch *s, struct sock *sk, u32 is_server) {
  u16 family = look_at_socket(s, sk);
  u32 start = s->used;
  if (is_full(s)) return put_nothing(s);
  *position(s) = family;
  s->used += 1;
  if (family == AF_INET || family == AF_INET6) {
    append_end(s, family, is_server ? REMOTE_END : LOCAL_END);
    append_end(s, family, is_server ? LOCAL_END : REMOTE_END);
  } else if (family == AF_UNIX) {
    u64 peer = (u64)PROBE((struct unix_sock *)sk, peer);
    *(u64 *)position(s) = is_server ? peer : (u64)sk;
    s->used += 8;
    *(u64 *)position(s) = is_server ? (u64)sk : peer;
    s->used += 8;
    s->used += append_unix_name(s, sk);
    *position(s) = 0;
    s->used += 1;
  } else {
    s->used = start;
    return put_nothing(s);
  }
  u32 length = s->used - start;
  s->used = start;
  end_param(s, length);
}

/** A SOCKADDR parameter from what the process passed. */
INLINE void put_user_address(struct scratch *s, u64 from, u32 size) {
  u8 *raw = s->address;
  u32 start = s->used;
  OPAQUE(size);
  if (size > 110) size = 110;
  if (from == 0 || size < 2 || is_full(s) || read_passed(s, raw, size, from) < 0) return put_nothing(s);
  u16 family = *(u16 *)raw;
  *position(s) = family;
  s->used += 1;
  if (family == AF_INET && size >= 8) {
    *(u32 *)position(s) = *(u32 *)(raw + 4);
    s->used += 4;
    *(u16 *)position(s) = swap16(*(u16 *)(raw + 2));
    s->used += 2;
  } else if (family == AF_INET6 && size >= 24) {
    *(u64 *)position(s) = *(u64 *)(raw + 8);
    s->used += 8;
    *(u64 *)position(s) = *(u64 *)(raw + 16);
    s->used += 8;
    *(u16 *)position(s) = swap16(*(u16 *)(raw + 2));
    s->used += 2;
  } else if (family == AF_UNIX) {
    raw[size] = 0;
    s->used += append_unix_path(s, (const char *)raw + 2, size - 2);
    *position(s) = 0;
    s->used += 1;
  }
  u32 length = s->used - start;
  s->used = start;
  end_param(s, length);
}

/** A SOCKADDR parameter from the address that a socket has; nothing when it has none. */
INLINE void put_own_address(struct scratch *s, struct sock *sk) {
  u16 family = sk ? look_at_socket(s, sk) : 0;
  u32 start = s->used;
  if (is_full(s) || (family != AF_INET && family != AF_INET6 && family != AF_UNIX)) return put_nothing(s);
  *position(s) = family;
  s->used += 1;
  if (family == AF_UNIX) {
    s->used += append_unix_name(s, sk);
    *position(s) = 0;
    s->used += 1;
  } else {
    append_end(s, family, LOCAL_END);
  }
  u32 length = s->used - start;
  s->used = start;
  end_param(s, length);
}

/** True when a socket has a remote end of its own. */
INLINE u32 is_connected(struct scratch *s, struct sock *sk) {
  u16 family = look_at_socket(s, sk);
  if (family == AF_INET || family == AF_INET6) return s->ends[REMOTE_END].port != 0;
  return PROBE((struct unix_sock *)sk, peer) != NULL;
}

/** Whether a socket address of `size` bytes names an end of a socket of that family: to one of IPv6 the kernel takes IPv4's, too. */
INLINE u32 is_end_passed(u8 *raw, u32 size, u16 family) {
  u16 passed = *(u16 *)raw;
  if (passed == 0) passed = family;
  if (passed == AF_INET) return size >= 8;
  return passed == AF_INET6 && family == AF_INET6 && size >= 24;
}

/** Appends the end that a process passed as a socket address, which is in `raw` already: as append_end() does. */
INLINE void append_passed_end(struct scratch *s, u8 *raw, u16 family) {
  if (family == AF_INET) {
    *(u32 *)position(s) = *(u32 *)(raw + 4);
    s->used += 4;
  } else if (*(u16 *)raw == AF_INET) {
    // As the socket's own would be, had it connected there: ::ffff:0:0/96.
    *(u64 *)position(s) = 0;
    *(u64 *)(position(s) + 8) = (u64)*(u32 *)(raw + 4) << 32 | 0xffff0000;
    s->used += 16;
  } else {
    *(u64 *)position(s) = *(u64 *)(raw + 8);
    *(u64 *)(position(s) + 8) = *(u64 *)(raw + 16);
    s->used += 16;
  }
  *(u16 *)position(s) = swap16(*(u16 *)(raw + 2));
  s->used += 2;
}

/** The SOCKTUPLE of a message: to the socket's peer or from it (`is_received`), or else with the address that stands at `peer`. */
INLINE void put_message_tuple(struct scratch *s, struct sock *sk, u64 peer, u32 size, u32 is_received) {
  if (is_connected(s, sk) || !peer) return put_tuple(s, sk, is_received);
  u8 *raw = s->address;
  u16 family = look_at_socket(s, sk);
  u32 start = s->used;
  OPAQUE(size);
  if (size > 110) size = 110;
  if (size < 3 || is_full(s) || read_passed(s, raw, size, peer) < 0) return put_nothing(s);
  *position(s) = family;
  s->used += 1;
  if (family == AF_INET || family == AF_INET6) {
    if (!is_end_passed(raw, size, family)) {
      s->used = start;
      return put_nothing(s);
    }
    if (is_received) append_passed_end(s, raw, family);
    append_end(s, family, LOCAL_END);
    if (!is_received) append_passed_end(s, raw, family);
  } else if (family == AF_UNIX) {
    *(u64 *)position(s) = is_received ? 0 : (u64)sk;
    *(u64 *)(position(s) + 8) = is_received ? (u64)sk : 0;
    s->used += 16;
    raw[size] = 0;
    s->used += append_unix_path(s, (const char *)raw + 2, size - 2);
    *position(s) = 0;
    s->used += 1;
  } else {
    s->used = start;
    return put_nothing(s);
  }
  u32 length = s->used - start;
  s->used = start;
  end_param(s, length);
}

/** Falco's fd.typechar of a socket; 'o' for families that have none. */
INLINE u8 kind_of_socket(u16 family) {
  if (family == AF_INET) return '4';
  if (family == AF_INET6) return '6';
  if (family == AF_UNIX) return 'u';
  return family == AF_NETLINK ? 'n' : 'o';
}

/** Appends the descriptor section of a socket. */
INLINE void append_socket(struct scratch *s, struct sock *sk) {
  if (is_full(s)) return;
  u16 family = look_at_socket(s, sk);
  u32 is_found = s->found.file && s->found.sk == sk;
  struct socket *socket = is_found ? s->found.socket : PROBE(sk, sk_socket);
  struct inode *inode = (struct inode *)((u8 *)socket + FIELD_OFFSET(struct socket_alloc, vfs_inode));
  struct descriptor *head = (struct descriptor *)position(s);
  head->kind = kind_of_socket(family);
  head->state = s->next_state ? s->next_state : s->state;
  head->protocol = is_found && s->found.protocol ? s->found.protocol : protocol_of(sk);
  head->family = family;
  *(u32 *)(position(s) + 4) = 0;
  *(u64 *)(position(s) + 8) = socket ? PROBE(inode, i_ino) : 0;
  context_of(s)->descriptor = begin_section(s);
  s->used += sizeof(struct descriptor);
  if (family == AF_INET || family == AF_INET6) {
    append_end(s, family, LOCAL_END);
    // A request that was told before it was done has no peer yet.
    if (s->is_request && s->hides_result && s->code == EVENT_CONNECT && *(u16 *)s->request.bytes == family) append_passed_end(s, s->request.bytes, family);
    else append_end(s, family, REMOTE_END);
    return;
  }
  u16 *prefix = (u16 *)position(s);
  s->used += 2;
  u32 length = family == AF_UNIX ? append_unix_name(s, sk) : 0;
  *prefix = length;
  s->used += length;
}
