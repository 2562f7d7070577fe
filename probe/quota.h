// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// quotactl: what it asks for, and the structures that it passes (include/uapi/linux/quota.h).
#pragma once
#include "files.h"
#include "flags.h"
#include "syscalls.h"

struct disk_quota {
  u64 block_hard, block_soft, space, inode_hard, inode_soft, inodes, block_time, inode_time;
  u32 valid;
};
enum { QIF_BLIMITS = 1, QIF_SPACE = 2, QIF_ILIMITS = 4, QIF_BTIME = 16, QIF_ITIME = 32 };

struct quota_info {
  u64 block_grace, inode_grace;
  u32 flags, valid;
};
enum { IIF_BGRACE = 1, IIF_IGRACE = 2, IIF_FLAGS = 4 };

INLINE u64 if_valid(u32 is_valid, u64 value) {
  return is_valid ? value : 0;
}

INLINE void put_disk_quota(struct scratch *s, u32 command, u64 at) {
  struct disk_quota quota = {};
  if (command == QUOTA_GETQUOTA || command == QUOTA_SETQUOTA) bpf_probe_read_user(&quota, sizeof(quota), (void *)at);
  put_u64(s, if_valid(quota.valid & QIF_BLIMITS, quota.block_hard));
  put_u64(s, if_valid(quota.valid & QIF_BLIMITS, quota.block_soft));
  put_u64(s, if_valid(quota.valid & QIF_SPACE, quota.space));
  put_u64(s, if_valid(quota.valid & QIF_ILIMITS, quota.inode_hard));
  put_u64(s, if_valid(quota.valid & QIF_ILIMITS, quota.inode_soft));
  put_u64(s, if_valid(quota.valid & QIF_BTIME, quota.block_time));
  put_u64(s, if_valid(quota.valid & QIF_ITIME, quota.inode_time));
}

INLINE void put_quota_info(struct scratch *s, u32 command, u64 at) {
  struct quota_info info = {};
  if (command == QUOTA_GETINFO || command == QUOTA_SETINFO) bpf_probe_read_user(&info, sizeof(info), (void *)at);
  put_u64(s, if_valid(info.valid & IIF_BGRACE, info.block_grace));
  put_u64(s, if_valid(info.valid & IIF_IGRACE, info.inode_grace));
  put_u8(s, if_valid(info.valid & IIF_FLAGS, info.flags));
}

INLINE u32 is_about_one(u32 command) {
  return command == QUOTA_GETQUOTA || command == QUOTA_SETQUOTA || command == QUOTA_XGETQUOTA || command == QUOTA_XSETQLIM;
}

INLINE void put_quotactl(struct scratch *s) {
  u32 passed = s->args[0], command = quota_command(passed >> 8), type = passed & 0xff, format = 0;
  u64 at = s->args[3];
  begin(s, s->code, 18);
  put_u64(s, s->args[ARG_RESULT]);
  put_user_text(s, s->args[1]);
  if (command == QUOTA_ON) put_user_text(s, at);
  else put_nothing(s);
  put_disk_quota(s, command, at);
  put_quota_info(s, command, at);
  if (command == QUOTA_GETFMT) bpf_probe_read_user(&format, sizeof(format), (void *)at);
  put_u8(s, quota_format(format));
  put_u16(s, command);
  put_u8(s, type < 2 ? type + 1 : 0);
  put_u32(s, is_about_one(command) ? s->args[2] : 0);
  put_u8(s, command == QUOTA_ON ? quota_format(s->args[2]) : 1);
}
