/*
 * Acts for the guests' tests that no script can do: `acts uring FOLDER PORT` by io_uring, `acts async ...` by its
 * worker threads, `acts compat FOLDER PORT` by 32-bit system calls. Prints a line for each act: NAME RESULT.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ring;
static struct io_uring_params params;
static unsigned char *sq, *cq;
static struct io_uring_sqe *sqes;
static int sqe_flags;

static void ring_open(void)
{
	ring = syscall(__NR_io_uring_setup, 8, &params);
	if (ring < 0) {
		perror("io_uring_setup");
		exit(2);
	}
	sq = mmap(0, params.sq_off.array + params.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  ring, IORING_OFF_SQ_RING);
	cq = mmap(0, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	sqes = mmap(0, params.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
		    IORING_OFF_SQES);
}

static void ring_put(struct io_uring_sqe op)
{
	unsigned tail = *(unsigned *)(sq + params.sq_off.tail), mask = *(unsigned *)(sq + params.sq_off.ring_mask);

	sqes[tail & mask] = op;
	((unsigned *)(sq + params.sq_off.array))[tail & mask] = tail & mask;
	__atomic_store_n((unsigned *)(sq + params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static void ring_enter(unsigned submit, unsigned wait)
{
	if (syscall(__NR_io_uring_enter, ring, submit, wait, IORING_ENTER_GETEVENTS, 0, 0) < 0)
		perror("io_uring_enter");
}

/* The result of what ended first. */
static int ring_result(void)
{
	unsigned head = *(unsigned *)(cq + params.cq_off.head);
	struct io_uring_cqe *cqes = (void *)(cq + params.cq_off.cqes);
	int res = cqes[head & *(unsigned *)(cq + params.cq_off.ring_mask)].res;

	__atomic_store_n((unsigned *)(cq + params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return res;
}

/* One operation, to its end. */
static int ring_do(struct io_uring_sqe op)
{
	op.flags |= sqe_flags;
	ring_put(op);
	ring_enter(1, 1);
	return ring_result();
}

/* One that waits for a pipe: it is done at the end of the call that writes to it. */
static int ring_later(struct io_uring_sqe op)
{
	int ends[2];

	if (pipe(ends))
		exit(2);
	ring_put((struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = ends[0], .poll32_events = POLLIN, .flags = IOSQE_IO_LINK});
	ring_put(op);
	syscall(__NR_io_uring_enter, ring, 2, 0, 0, 0, 0);
	if (write(ends[1], "x", 1) != 1)
		exit(2);
	ring_enter(0, 2);
	ring_result();
	return ring_result();
}

static void say(const char *name, int res)
{
	printf("%s %d\n", name, res);
}

#define OP(...) ring_do((struct io_uring_sqe){__VA_ARGS__})
#define AT .fd = AT_FDCWD

static void by_uring(struct sockaddr_in *to)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	struct iovec data = {"by uring", 8};
	struct msghdr msg = {.msg_name = to, .msg_namelen = sizeof(*to), .msg_iov = &data, .msg_iovlen = 1};

	ring_open();
	say("openat", OP(.opcode = IORING_OP_OPENAT, AT, .addr = (__u64) "made", .open_flags = O_CREAT | O_RDWR,
			 .len = 0640));
	say("missing", OP(.opcode = IORING_OP_OPENAT, AT, .addr = (__u64) "missing", .open_flags = O_RDONLY));
	say("connect", OP(.opcode = IORING_OP_CONNECT, .fd = sock, .addr = (__u64)to, .off = sizeof(*to)));
	say("sendmsg", OP(.opcode = IORING_OP_SENDMSG, .fd = udp, .addr = (__u64)&msg, .len = 1));
	say("linkat", OP(.opcode = IORING_OP_LINKAT, AT, .addr = (__u64) "made", .len = AT_FDCWD,
			 .addr2 = (__u64) "hard"));
	say("symlinkat", OP(.opcode = IORING_OP_SYMLINKAT, AT, .addr = (__u64) "made", .addr2 = (__u64) "soft"));
	say("renameat2", OP(.opcode = IORING_OP_RENAMEAT, AT, .addr = (__u64) "hard", .len = AT_FDCWD,
			    .addr2 = (__u64) "moved"));
	say("mkdirat", OP(.opcode = IORING_OP_MKDIRAT, AT, .addr = (__u64) "folder", .len = 0750));
	say("unlinkat", OP(.opcode = IORING_OP_UNLINKAT, AT, .addr = (__u64) "moved"));
	say("rmdir", OP(.opcode = IORING_OP_UNLINKAT, AT, .addr = (__u64) "folder", .unlink_flags = AT_REMOVEDIR));
	close(open("later", O_CREAT | O_RDWR, 0600));
	say("later", ring_later((struct io_uring_sqe){
			     .opcode = IORING_OP_OPENAT, AT, .addr = (__u64) "later", .open_flags = O_RDONLY}));
	say("socket", OP(.opcode = 45, .fd = AF_INET, .off = SOCK_STREAM));
}

static long compat(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static void by_compat(struct sockaddr_in *to)
{
	char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	strcpy(low, "made");
	say("openat", compat(295, AT_FDCWD, (long)low, O_CREAT | O_RDWR, 0640));
	strcpy(low, "missing");
	say("missing", compat(295, AT_FDCWD, (long)low, O_RDONLY, 0));
	memcpy(low, to, sizeof(*to));
	say("connect", compat(362, sock, (long)low, sizeof(*to), 0));
	strcpy(low, "made");
	say("unlinkat", compat(301, AT_FDCWD, (long)low, 0, 0));

	/* Calls about sockets within socketcall. Its vector stands at the end of what can be read. */
	unsigned *args = (unsigned *)(low + 4096), text = (long)low + 256, header = (long)low + 512;
	int udp = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(low, to, sizeof(*to));
	strcpy(low + 256, "by socketcall");
	memcpy(args - 3, (unsigned[]){sock, (long)low, sizeof(*to)}, 12);
	say("socketcall connect", compat(102, 3, (long)(args - 3), 0, 0));
	memcpy(args - 6, (unsigned[]){udp, text, 13, 0, (long)low, sizeof(*to)}, 24);
	say("socketcall sendto", compat(102, 11, (long)(args - 6), 0, 0));
	memcpy(low + 768, (unsigned[]){text, 13}, 8);
	memcpy(low + 512, (unsigned[]){(long)low, sizeof(*to), (long)low + 768, 1, 0, 0, 0}, 28);
	say("sendmsg", compat(370, udp, header, 0, 0));
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (argc < 4 || chdir(argv[2]))
		return 2;
	to.sin_port = htons(atoi(argv[3]));
	if (!strcmp(argv[1], "compat"))
		by_compat(&to);
	else {
		sqe_flags = strcmp(argv[1], "async") ? 0 : IOSQE_ASYNC;
		by_uring(&to);
	}
	return 0;
}
