// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The kernel's structures, reduced to the fields that the probe reads. The loader finds the true offsets in the running
// kernel's BTF (CO-RE), so order and gaps do not matter here; names do. `___x` marks another kernel version's shape.
#pragma once
#include "bpf.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x64)
struct pt_regs {
  unsigned long bx, bp, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};
struct thread_info {
  u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs {
  u64 regs[31];
  u64 orig_x0;
  s32 syscallno;
};
struct thread_info {
  unsigned long flags;
};
#else
#error "unknown architecture"
#endif

typedef struct { u32 val; } kuid_t;
typedef struct { u32 val; } kgid_t;
typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;

struct ns_common { u32 inum; };
struct mnt_namespace { struct ns_common ns; };
struct net { struct ns_common ns; };
struct task_struct;
struct pid_namespace { struct task_struct *child_reaper; struct ns_common ns; };
struct ipc_namespace;
struct uts_namespace;
struct cgroup_namespace;
struct nsproxy {
  struct uts_namespace *uts_ns;
  struct ipc_namespace *ipc_ns;
  struct mnt_namespace *mnt_ns;
  struct pid_namespace *pid_ns_for_children;
  struct net *net_ns;
  struct cgroup_namespace *cgroup_ns;
};
struct upid { int nr; struct pid_namespace *ns; };
struct pid { u32 level; struct upid numbers[1]; };

struct qstr { u64 hash_len; const unsigned char *name; };
struct hlist_node { struct hlist_node *next; };
struct hlist_head { struct hlist_node *first; };
struct super_block { u32 s_dev; unsigned long s_flags; unsigned long s_magic; void *s_fs_info; };
struct timespec64 { s64 tv_sec; long tv_nsec; };
struct inode {
  u16 i_mode;
  kuid_t i_uid;
  kgid_t i_gid;
  struct super_block *i_sb;
  unsigned long i_ino;
  s64 i_mtime_sec;
  s64 i_ctime_sec;
  u32 i_mtime_nsec;
  u32 i_ctime_nsec;
  struct hlist_head i_dentry;
};
struct inode___before_6_6 { struct timespec64 i_mtime, i_ctime; };
struct inode___from_6_6 { struct timespec64 i_mtime, __i_ctime; };
struct inode___from_6_7 { struct timespec64 __i_mtime, __i_ctime; };
struct dentry {
  struct dentry *d_parent;
  struct qstr d_name;
  struct inode *d_inode;
  union { struct hlist_node d_alias; } d_u;
};
struct dentry___from_7 { struct hlist_node d_alias; };
struct vfsmount { struct dentry *mnt_root; struct super_block *mnt_sb; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
struct path { struct vfsmount *mnt; struct dentry *dentry; };
/** overlayfs: the first layer is the one that is written to */
struct ovl_layer { struct vfsmount *mnt; };
struct ovl_fs { struct ovl_layer *layers; };
struct file { u32 f_mode; void *private_data; struct inode *f_inode; struct path f_path; };
struct fdtable { u32 max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fs_struct { struct path root, pwd; };

struct percpu_counter { s64 count; };
struct mm_struct {
  unsigned long total_vm;
  unsigned long arg_start, arg_end, env_start, env_end;
  struct file *exe_file;
  struct percpu_counter rss_stat[4];
};
typedef struct { s64 counter; } atomic_long_t;
struct mm_rss_stat { atomic_long_t count[4]; };
struct mm_struct___before_6_2 { struct mm_rss_stat rss_stat; };

// 5.8 to 6.2: two u32; from 6.3: one u64. Both are the same eight bytes.
struct kernel_cap_struct { u32 any; };
typedef struct kernel_cap_struct kernel_cap_t;
struct user_namespace;
struct cred {
  kuid_t uid;
  kgid_t gid;
  kuid_t euid;
  kgid_t egid;
  kuid_t fsuid;
  kgid_t fsgid;
  kernel_cap_t cap_inheritable, cap_permitted, cap_effective;
  struct user_namespace *user_ns;
};

struct tty_driver { int major, minor_start; };
struct tty_struct { int index; struct tty_driver *driver; };
struct rlimit { unsigned long rlim_cur; };
struct signal_struct {
  atomic_t live;
  int group_exit_code;
  u32 flags;
  struct pid *pids[4];
  struct tty_struct *tty;
  struct rlimit rlim[16];
};

struct kernfs_node { u64 id; const char *name; struct kernfs_node *parent; };
struct kernfs_node___from_6_15 { struct kernfs_node *__parent; };
struct cgroup;
struct cgroup_root { int hierarchy_id; };
struct cgroup_subsys_state { struct cgroup *cgroup; };
struct cgroup {
  int level;
  struct kernfs_node *kn;
  struct cgroup_subsys_state *subsys[1];
  struct cgroup_root *root;
};
struct css_set { struct cgroup_subsys_state *subsys[1]; struct cgroup *dfl_cgrp; };
enum cgroup_subsys_id { pids_cgrp_id = 11 };

struct list_head { struct list_head *next, *prev; };
struct task_struct {
  struct thread_info thread_info;
  void *stack;
  u32 flags;
  int exit_code;
  int pid, tgid;
  struct task_struct *real_parent, *group_leader;
  struct list_head children, sibling;
  struct pid *thread_pid;
  u64 start_boottime;
  unsigned long min_flt, maj_flt;
  struct cred *cred;
  char comm[16];
  struct fs_struct *fs;
  struct files_struct *files;
  struct nsproxy *nsproxy;
  struct signal_struct *signal;
  struct mm_struct *mm;
  kuid_t loginuid;
  struct css_set *cgroups;
  void *worker_private;
};
struct linux_binprm { const char *filename, *interp; struct file *file; };

struct in6_addr { u8 bytes[16]; };
typedef struct { struct net *net; } possible_net_t;
struct sock_common {
  /** skc_daddr, then skc_rcv_saddr */
  u64 skc_addrpair;
  /** skc_dport, in network order, then skc_num */
  u32 skc_portpair;
  u16 skc_dport;
  u16 skc_num;
  u16 skc_family;
  u8 skc_state;
  possible_net_t skc_net;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct socket;
struct sock {
  struct sock_common __sk_common;
  u32 sk_ack_backlog, sk_max_ack_backlog;
  u16 sk_type, sk_protocol;
  struct socket *sk_socket;
};
struct inet_sock { u16 inet_sport; };
struct socket { struct sock *sk; };
struct socket_alloc { struct socket socket; struct inode vfs_inode; };
struct sockaddr_un { u16 sun_family; char sun_path[108]; };
struct unix_address { int len; struct sockaddr_un name[1]; };
struct unix_sock { struct unix_address *addr; struct sock *peer; };

// io_uring (io_uring/*.h): a request, and what each kind of request keeps of its own.
struct open_how { u64 flags, mode, resolve; };
struct filename { const char *name; };
struct io_cqe { u64 user_data; s32 res; int fd; };
struct io_uring_cqe { u64 user_data; s32 res; };
struct io_ring_ctx;
struct io_cmd_data { struct file *file; };
struct io_wq_work { int cancel_seq; };
struct io_kiocb {
  struct file *file;
  struct io_cmd_data cmd;
  u8 opcode;
  u32 flags;
  struct io_cqe cqe;
  struct io_ring_ctx *ctx;
  struct io_wq_work work;
};
/** A thread of the kernel that acts for a process, and the request that it is at. */
struct io_worker { struct io_wq_work *cur_work; };
struct io_open { int dfd; u32 file_slot; struct filename *filename; struct open_how how; };
struct io_connect { void *addr; int addr_len; };
struct io_socket { int domain, type, protocol; u32 file_slot; };
struct io_accept { int flags; u32 file_slot; };
struct io_rename { int old_dfd, new_dfd; struct filename *oldpath, *newpath; int flags; };
struct io_unlink { int dfd, flags; struct filename *filename; };
struct io_mkdir { int dfd; u16 mode; struct filename *filename; };
struct io_link { int old_dfd, new_dfd; struct filename *oldpath, *newpath; int flags; };
// From 7.0 on names are structures with nothing but the pointer in them.
struct delayed_filename { struct filename *__incomplete_filename; };
struct io_open___from_7 { struct delayed_filename filename; };
struct io_rename___from_7 { struct delayed_filename oldpath, newpath; };
struct io_unlink___from_7 { struct delayed_filename filename; };
struct io_mkdir___from_7 { struct delayed_filename filename; };
struct io_link___from_7 { struct delayed_filename oldpath, newpath; };

enum bpf_func_id { BPF_FUNC_task_pt_regs = 175 };

#pragma clang attribute pop

enum {
  PF_KTHREAD = 0x00200000,
  PF_IO_WORKER = 0x00000010,
  PF_USER_WORKER = 0x00004000,
  SIGNAL_GROUP_EXIT = 4,
  FMODE_CREATED = 0x100000,
  OVERLAYFS_MAGIC = 0x794c7630,
  PIDFS_MAGIC = 0x50494446,
  SB_RDONLY = 1,
  RLIMIT_NOFILE = 7,
  PIDTYPE_PGID = 2,
  CAP_DAC_OVERRIDE = 1,
  S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFREG = 0100000, S_IFDIR = 0040000, S_IFIFO = 0010000,
  AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16,
  TCP_CLOSE = 7, TCP_LISTEN = 10,
  IPPROTO_TCP = 6, IPPROTO_MPTCP = 262,
  AT_FDCWD = -100,
};

// "memfd:", the first six bytes of a memfd's name
#define MEMFD_PREFIX 0x3a64666d656dULL
