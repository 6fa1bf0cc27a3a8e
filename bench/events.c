/* One kind of call in a loop for so many ms; prints ns per call (the call alone is timed) and
 * calls: events NAME MS FOLDER */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CALLS 1000000

static double times[MAX_CALLS];
static long calls;
static int listener, client, udp, file;
static struct sockaddr_in tcp_to, udp_to;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double begun;

static void took(double ns)
{
	if (calls < MAX_CALLS)
		times[calls++] = ns;
}

#define TIMED(call)                                                                                \
	({                                                                                         \
		begun = now();                                                                     \
		long timed = (long)(call);                                                         \
		took(now() - begun);                                                               \
		timed;                                                                             \
	})

static int bound(int type, struct sockaddr_in *to)
{
	int fd = socket(AF_INET, type, 0);
	socklen_t size = sizeof(*to);

	*to = (struct sockaddr_in){.sin_family = AF_INET};
	to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)to, sizeof(*to)) ||
	    getsockname(fd, (struct sockaddr *)to, &size))
		exit(1);
	return fd;
}

static void do_openat(void)
{
	close(TIMED(open("file", O_RDONLY)));
}
static void do_openat2(void)
{
	struct open_how how = {.flags = O_RDONLY};

	close(TIMED(syscall(SYS_openat2, AT_FDCWD, "file", &how, sizeof(how))));
}
static void do_close(void)
{
	int fd = open("file", O_RDONLY);

	TIMED(close(fd));
}
static void do_socket(void)
{
	close(TIMED(socket(AF_INET, SOCK_DGRAM, 0)));
}
static void do_connect(void)
{
	TIMED(connect(client, (struct sockaddr *)&udp_to, sizeof(udp_to)));
}
static void do_bind(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	TIMED(bind(fd, (struct sockaddr *)&any, sizeof(any)));
	close(fd);
}
static void do_listen(void)
{
	TIMED(listen(listener, 64));
}
static void do_accept4(void)
{
	struct linger gone = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	connect(fd, (struct sockaddr *)&tcp_to, sizeof(tcp_to));
	int got = TIMED(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone));
	close(fd);
	close(got);
}
static void do_sendto(void)
{
	char text[64] = "text";

	TIMED(sendto(client, text, 64, MSG_DONTWAIT, (struct sockaddr *)&udp_to, sizeof(udp_to)));
	recv(udp, text, 64, MSG_DONTWAIT);
}
static void do_recvfrom(void)
{
	char text[64] = "text";

	sendto(client, text, 64, MSG_DONTWAIT, (struct sockaddr *)&udp_to, sizeof(udp_to));
	TIMED(recvfrom(udp, text, 64, MSG_DONTWAIT, NULL, NULL));
}
static void do_dup(void)
{
	close(TIMED(dup(file)));
}
static void do_pipe2(void)
{
	int ends[2];

	TIMED(pipe2(ends, O_CLOEXEC));
	close(ends[0]);
	close(ends[1]);
}
static void do_memfd_create(void)
{
	close(TIMED(memfd_create("memory", MFD_CLOEXEC)));
}
static void do_rename(void)
{
	static int turn;

	turn = !turn;
	TIMED(turn ? rename("a", "b") : rename("b", "a"));
}
static void do_unlink(void)
{
	close(open("gone", O_CREAT | O_WRONLY, 0600));
	TIMED(unlink("gone"));
}
static void do_mkdir(void)
{
	TIMED(mkdir("folder", 0700));
	rmdir("folder");
}
static void do_link(void)
{
	TIMED(link("file", "hard"));
	unlink("hard");
}
static void do_symlink(void)
{
	TIMED(symlink("file", "soft"));
	unlink("soft");
}
static void do_chmod(void)
{
	TIMED(chmod("file", 0600));
}
static void do_fchmod(void)
{
	TIMED(fchmod(file, 0600));
}
static void do_chdir(void)
{
	TIMED(chdir("."));
}
static void do_setuid(void)
{
	TIMED(setuid(geteuid()));
}
static void do_kill(void)
{
	TIMED(kill(getpid(), 0));
}
static void do_ptrace(void)
{
	TIMED(ptrace(PTRACE_CONT, getpid(), 0, 0));
}
static void do_unshare(void)
{
	TIMED(unshare(CLONE_FILES));
}
static void do_setns(void)
{
	TIMED(setns(file, 0));
}
static void do_io_uring_setup(void)
{
	struct io_uring_params params = {};
	int fd = TIMED(syscall(SYS_io_uring_setup, 1, &params));

	if (fd >= 0)
		close(fd);
}
static void do_clone(void)
{
	pid_t pid = TIMED(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}
/* An exec does not return: what is timed is a fork, an exec and the end. */
static void do_execve(void)
{
	begun = now();
	pid_t pid = vfork();

	if (pid == 0) {
		execl("/bin/true", "true", "some", "arguments", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	took(now() - begun);
}

#define KIND(name)                                                                                 \
	{                                                                                          \
#name, do_##name                                                                   \
	}
static const struct {
	const char *name;
	void (*call)(void);
} kinds[] = {
    KIND(openat),	  KIND(openat2),      KIND(close),   KIND(dup),
    KIND(pipe2),	  KIND(memfd_create), KIND(rename),  KIND(unlink),
    KIND(mkdir),	  KIND(link),	      KIND(symlink), KIND(chmod),
    KIND(fchmod),	  KIND(chdir),	      KIND(socket),  KIND(connect),
    KIND(bind),		  KIND(listen),	      KIND(accept4), KIND(sendto),
    KIND(recvfrom),	  KIND(setuid),	      KIND(kill),    KIND(ptrace),
    KIND(unshare),	  KIND(setns),	      KIND(clone),   KIND(execve),
    KIND(io_uring_setup),
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double end;

	if (argc != 4 || chdir(argv[3]))
		return 1;
	close(open("a", O_CREAT | O_WRONLY, 0600));
	file = open("file", O_CREAT | O_RDWR, 0600);
	listener = bound(SOCK_STREAM, &tcp_to);
	listen(listener, 64);
	udp = bound(SOCK_DGRAM, &udp_to);
	client = socket(AF_INET, SOCK_DGRAM, 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, argv[1]))
			continue;
		for (end = now() + atof(argv[2]) * 1e6; now() < end && calls < MAX_CALLS;)
			kinds[i].call();
	}
	unlink("a");
	unlink("b");
	if (calls == 0)
		return 1;
	qsort(times, calls, sizeof(*times), by_size);
	printf("%.1f %ld\n", times[calls / 2], calls);
	return 0;
}
