/* SPDX-License-Identifier: GPL-2.0 */
/* What an fd refers to: file, folder, socket, pipe, and the kernel's anonymous files. */
#include "record.h"
#include "window.h"

#define TMPFS_MAGIC 0x01021994
#define HUGETLBFS_MAGIC 0x958458f6

/* By the name that the kernel gives it. */
static __always_inline __u8 rf_anon_type(struct dentry *dentry)
{
	__u64 name = 0;

	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(dentry, d_name.name));
	switch (name) {
	case RF_NAME8('[', 'e', 'v', 'e', 'n', 't', 'f', 'd'):
		return RF_FD_EVENT;
	case RF_NAME8('[', 'e', 'v', 'e', 'n', 't', 'p', 'o'):
		return RF_FD_EVENTPOLL;
	case RF_NAME8('[', 's', 'i', 'g', 'n', 'a', 'l', 'f'):
		return RF_FD_SIGNAL;
	case RF_NAME8('[', 't', 'i', 'm', 'e', 'r', 'f', 'd'):
		return RF_FD_TIMER;
	case RF_NAME8('i', 'n', 'o', 't', 'i', 'f', 'y', 0):
		return RF_FD_INOTIFY;
	case RF_NAME8('b', 'p', 'f', '-', 'm', 'a', 'p', 0):
	case RF_NAME8('b', 'p', 'f', '-', 'p', 'r', 'o', 'g'):
	case RF_NAME8('b', 'p', 'f', '-', 'l', 'i', 'n', 'k'):
	case RF_NAME8('b', 'p', 'f', '_', 'l', 'i', 'n', 'k'):
	case RF_NAME8('b', 't', 'f', 0, 0, 0, 0, 0):
		return RF_FD_BPF;
	case RF_NAME8('[', 'u', 's', 'e', 'r', 'f', 'a', 'u'):
		return RF_FD_USERFAULT;
	case RF_NAME8('[', 'i', 'o', '_', 'u', 'r', 'i', 'n'):
		return RF_FD_IO_URING;
	case RF_NAME8('[', 'p', 'i', 'd', 'f', 'd', ']', 0):
		return RF_FD_PIDFD;
	}
	return RF_FD_UNKNOWN;
}

/* ::ffff:a.b.c.d: an IPv4 peer behind an IPv6 socket. */
static __always_inline bool rf_v4_mapped(const __u8 *addr)
{
	const __u64 *half = (const __u64 *)addr;
	const __u32 *word = (const __u32 *)addr;

	return half[0] == 0 && word[2] == bpf_htonl(0xffff);
}

static __always_inline void rf_put_inet(struct rf_fd *fd, struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	__u32 local = BPF_CORE_READ(c, skc_rcv_saddr), remote = BPF_CORE_READ(c, skc_daddr);

	fd->lport = BPF_CORE_READ(c, skc_num);
	fd->rport = bpf_ntohs(BPF_CORE_READ(c, skc_dport));
	if (BPF_CORE_READ(c, skc_state) == TCP_LISTEN)
		fd->role = 2;
	if (fd->family == AF_INET) {
		fd->type = RF_FD_IPV4;
		__builtin_memcpy(fd->laddr, &local, 4);
		__builtin_memcpy(fd->raddr, &remote, 4);
		return;
	}
	BPF_CORE_READ_INTO(&fd->laddr, c, skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&fd->raddr, c, skc_v6_daddr);
	fd->type = RF_FD_IPV6;
	if (!rf_v4_mapped(fd->raddr) && !rf_v4_mapped(fd->laddr))
		return;
	fd->type = RF_FD_IPV4;
	__builtin_memset(fd->laddr, 0, 16);
	__builtin_memset(fd->raddr, 0, 16);
	__builtin_memcpy(fd->laddr, &local, 4);
	__builtin_memcpy(fd->raddr, &remote, 4);
}

/* The name a unix socket is bound to; '@' stands for the NUL that begins an abstract one. */
static __always_inline __u32 rf_put_unix_name(__u32 slot, struct unix_sock *sk)
{
	struct unix_address *addr = BPF_CORE_READ(sk, addr);
	struct rf_slot *s = rf_slot(slot);
	__u32 off, word;
	__u64 name;
	__u8 first = 0;
	int len;

	if (!addr || !s)
		return 0;
	len = BPF_CORE_READ(addr, len) - sizeof(addr->name[0].sun_family);
	name = (__u64)addr + bpf_core_field_offset(addr->name) + sizeof(addr->name[0].sun_family);
	bpf_probe_read_kernel(&first, sizeof(first), (void *)name);
	if (len <= 0)
		return 0;
	if (first)
		return rf_put_kernel_str(slot, name);
	word = rf_put_kernel_mem(slot, name, len);
	if (!word)
		return 0;
	off = word & 0xffff;
	rf_opaque(off);
	if (off > RF_TAIL_MAX)
		return 0;
	s->rec[off] = '@';
	return word;
}

static __always_inline void rf_put_unix(__u32 slot, struct rf_fd *fd, struct sock *sk)
{
	struct unix_sock *us = (void *)sk;
	struct sock *peer = BPF_CORE_READ(us, peer);
	__u32 word;

	fd->type = RF_FD_UNIX;
	fd->sock = (__u64)sk;
	fd->peer = (__u64)peer;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN)
		fd->role = 2;
	word = rf_put_unix_name(slot, us);
	if (!word && peer)
		word = rf_put_unix_name(slot, (void *)peer);
	rf_set_str(&fd->path, word);
}

static __always_inline void rf_put_socket(__u32 slot, struct rf_fd *fd, struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);

	fd->type = RF_FD_OTHER_SOCKET;
	fd->sock_type = BPF_CORE_READ(socket, type);
	if (!sk)
		return;
	fd->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	fd->proto = BPF_CORE_READ(sk, sk_protocol);
	if (fd->family == AF_INET || fd->family == AF_INET6)
		rf_put_inet(fd, sk);
	else if (fd->family == AF_UNIX)
		rf_put_unix(slot, fd, sk);
	else if (fd->family == AF_NETLINK)
		fd->type = RF_FD_NETLINK;
}

/* One copy of each structure on the way, instead of one for each member. */
static __always_inline unsigned long rf_put_inode(struct rf_slot *s, struct rf_fd *fd,
						  struct inode *inode)
{
	struct super_block *sb;

	RF_WINDOW(s->window, struct inode, i_mode, inode);
	fd->mode = RF_PICK(s->window, struct inode, i_mode, i_mode, inode);
	fd->ino = RF_PICK(s->window, struct inode, i_mode, i_ino, inode);
	sb = RF_PICK(s->window, struct inode, i_mode, i_sb, inode);
	RF_WINDOW(s->window, struct super_block, s_dev, sb);
	fd->dev = rf_stat_dev(RF_PICK(s->window, struct super_block, s_dev, s_dev, sb));
	return RF_PICK(s->window, struct super_block, s_dev, s_magic, sb);
}

int rf_put_file(__u32 slot, __u64 ptr)
{
	struct rf_slot *s = rf_slot(slot);
	struct file *file = (void *)ptr;
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct inode *inode;
	unsigned long magic;
	struct rf_fd *fd;
	__u32 format;

	if (!s || !file)
		return 0;
	fd = &s->call.fd;
	bpf_probe_read_kernel(s->window, sizeof(s->window), file);
	inode = RF_PICK_AT(s->window, struct file, f_inode, file);
	dentry = RF_PICK_AT(s->window, struct file, f_path.dentry, file);
	mnt = RF_PICK_AT(s->window, struct file, f_path.mnt, file);
	fd->f_flags = RF_PICK_AT(s->window, struct file, f_flags, file);
	fd->f_mode = RF_PICK_AT(s->window, struct file, f_mode, file);
	magic = rf_put_inode(s, fd, inode);
	format = fd->mode & S_IFMT;
	if (format == S_IFSOCK && magic == SOCKFS_MAGIC) {
		rf_put_socket(slot, fd, file);
		return 0;
	}
	if (magic == PIPEFS_MAGIC) {
		fd->type = RF_FD_PIPE;
		return 0;
	}
	if (magic == PIDFS_MAGIC) {
		fd->type = RF_FD_PIDFD;
		return 0;
	}
	if (magic == ANON_INODE_MAGIC) {
		fd->type = rf_anon_type(dentry);
		return 0;
	}
	if (magic == OVERLAYFS_MAGIC)
		fd->layer = rf_overlay_layer(inode);
	fd->type = format == S_IFDIR ? RF_FD_DIR : format == S_IFIFO ? RF_FD_PIPE : RF_FD_FILE;
	if ((magic == TMPFS_MAGIC || magic == HUGETLBFS_MAGIC) && rf_is_memfd(dentry))
		fd->type = RF_FD_MEMFD;
	rf_set_str(&fd->path, rf_put_dentry(slot, (__u64)dentry, (__u64)mnt));
	return 0;
}
