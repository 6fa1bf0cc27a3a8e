/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does the steps in the environment variable RF_STEPS: one a line, words separated by tabs. Its own
 * arguments mean nothing to it, so that a test is free to choose them. See steps.ts, which writes the lines.
 *
 *     call32 NR WORD...          the same as a 32-bit program does it; of texts, addresses and bytes there are 64 KiB
 *     call NR WORD...            a system call; a word is iNUMBER, sTEXT, bHEX, @STEP (the result of an earlier
 *                                call), nothing (NULL), or 4A:P / 6A,P / uPATH, which stand for address and length
 *     spawn PATH LINK ARGV0 USER ARG...
 *                                goes on in a child that runs a copy of this program at PATH, through the
 *                                symbolic link LINK if there is one, as USER
 *     exec PATH ARG...           goes on in this process as a copy of this program at PATH
 *     memfd NAME ARG...          goes on in this process as a copy of this program in memory
 *     run FILE ARG...            runs another program and waits for it
 *     vfork PATH ARG...          goes on as a copy of this program at PATH in a child that the caller stands still for
 *     uring PATH                 opens a file by io_uring
 *     fork | orphan | thread     goes on in a child, in a child whose parent ended, in another thread
 *     sleep MS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_WORDS 64
#define MAX_CALLS 64

extern char **environ;
static long results[MAX_CALLS];
static int calls;

static void steps(char *text);

static void die(const char *what)
{
	perror(what);
	_exit(3);
}

static int split(char *line, char **words)
{
	int n = 0;

	while (line && n < MAX_WORDS - 1)
		words[n++] = strsep(&line, "\t");
	words[n] = NULL;
	return n;
}

static char *unhex(const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *out = calloc(1, n + 1);

	for (size_t i = 0; i < n; i++)
		sscanf(hex + 2 * i, "%2hhx", (unsigned char *)out + i);
	return out;
}

/* The words of an address: where it is, how long it is. */
static int address(const char *word, long *arg)
{
	struct sockaddr_storage *to = calloc(1, sizeof(*to));
	char *text = strdup(word + 1);
	char *port = strrchr(text, *word == '4' ? ':' : ',');

	if (*word == 'u') {
		struct sockaddr_un *un = (void *)to;

		un->sun_family = AF_UNIX;
		strncpy(un->sun_path, text, sizeof(un->sun_path) - 1);
		if (*un->sun_path == '@')
			*un->sun_path = 0;
		arg[1] = offsetof(struct sockaddr_un, sun_path) + strlen(text) + (*text != '@');
	} else {
		*port++ = 0;
		if (*word == '4') {
			struct sockaddr_in *in = (void *)to;

			in->sin_family = AF_INET;
			in->sin_port = htons(atoi(port));
			inet_pton(AF_INET, text, &in->sin_addr);
			arg[1] = sizeof(*in);
		} else {
			struct sockaddr_in6 *in = (void *)to;

			in->sin6_family = AF_INET6;
			in->sin6_port = htons(atoi(port));
			inet_pton(AF_INET6, text, &in->sin6_addr);
			arg[1] = sizeof(*in);
		}
	}
	arg[0] = (long)to;
	return 2;
}

/* Where 32-bit calls can read. */
static char *low;

static long in_low(const void *from, size_t n)
{
	char *to = low;

	memcpy(to, from, n);
	low += (n + 7) & ~7UL;
	return (long)to;
}

/* By its number in the 32-bit table; five arguments at most. */
static long call32(long nr, long *arg)
{
#ifdef __x86_64__
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(nr), "b"(arg[0]), "c"(arg[1]), "d"(arg[2]), "S"(arg[3]), "D"(arg[4])
		     : "memory", "r8", "r9", "r10", "r11");
	if ((int)result < 0 && (int)result >= -4095) {
		errno = -(int)result;
		return -1;
	}
	return (int)result;
#else
	die("call32");
	return -1;
#endif
}

static void call(char **words, int n)
{
	int compat = !strcmp(words[0], "call32");
	long arg[8] = {};
	int at = 0;

	if (compat && !low)
		low = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	for (int i = 2; i < n && at < 6; i++) {
		char *word = words[i];

		switch (*word) {
		case 'i':
			arg[at++] = strtol(word + 1, NULL, 0);
			break;
		case 's':
			arg[at++] = compat ? in_low(word + 1, strlen(word)) : (long)(word + 1);
			break;
		case 'b':
			arg[at] = (long)unhex(word + 1);
			if (compat)
				arg[at] = in_low((void *)arg[at], strlen(word + 1) / 2);
			at++;
			break;
		case '@':
			arg[at++] = results[atoi(word + 1)];
			break;
		case '4':
		case '6':
		case 'u':
			address(word, arg + at);
			if (compat)
				arg[at] = in_low((void *)arg[at], arg[at + 1]);
			at += 2;
			break;
		default:
			arg[at++] = 0;
		}
	}
	long nr = atol(words[1]);
	long result = compat ? call32(nr, arg) : syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);

	if (getenv("RF_SHOW"))
		fprintf(stderr, "%ld (%s)\n", result, result < 0 ? strerror(errno) : "");
	if (calls < MAX_CALLS)
		results[calls++] = result;
}

static void copy(const char *from, const char *to)
{
	static char bytes[1 << 20];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		die(to);
	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, n) != n)
			die(to);
	fchmod(out, 0755);
	close(in);
	close(out);
}

static void go_on(const char *path, char **argv, char *rest)
{
	setenv("RF_STEPS", rest ? rest : "", 1);
	execve(path, argv, environ);
	die(path);
}

static void become(const char *user)
{
	unsigned id = atoi(user);

	if (!*user)
		return;
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id))
		die("user");
}

static void from_memory(char **words, char *rest)
{
	static char bytes[1 << 20];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = memfd_create(words[1], MFD_CLOEXEC);
	ssize_t n;

	while ((n = read(in, bytes, sizeof(bytes))) > 0)
		if (write(out, bytes, n) != n)
			die("memfd");
	setenv("RF_STEPS", rest ? rest : "", 1);
	syscall(SYS_execveat, out, "", words + 2, environ, AT_EMPTY_PATH);
	die("execveat");
}

/* The status of the child is ours: a step that could not be done fails the whole act. */
static void await(pid_t child)
{
	int status = 0;

	if (child < 0)
		die("fork");
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
		_exit(3);
}

static void spawn(char **words, char *rest)
{
	char *path = words[1], *link = words[2];
	pid_t child;

	copy("/proc/self/exe", path);
	if (*link && symlink(path, link))
		die(link);
	child = fork();
	if (child == 0) {
		become(words[4]);
		words[4] = words[3];
		go_on(*link ? link : path, words + 4, rest);
	}
	await(child);
	unlink(path);
	if (*link)
		unlink(link);
}

static void from_vfork(char **words, char *rest)
{
	pid_t child;

	copy("/proc/self/exe", words[1]);
	setenv("RF_STEPS", rest ? rest : "", 1);
	child = vfork();
	if (child == 0) {
		execve(words[1], words + 2, environ);
		_exit(3);
	}
	await(child);
	unlink(words[1]);
}

static void open_by_uring(const char *path)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 1, &params);
	size_t size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
	char *sq = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	struct io_uring_sqe *op = mmap(0, sizeof(*op), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);

	if (ring < 0 || sq == MAP_FAILED || op == MAP_FAILED)
		die("io_uring");
	*op = (struct io_uring_sqe){.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (long)path};
	*(unsigned *)(sq + params.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring");
}

static void *in_thread(void *rest)
{
	steps(rest);
	return NULL;
}

static void steps(char *text)
{
	char *words[MAX_WORDS];
	char *line, *rest = text;
	pthread_t thread;
	pid_t child;

	while (rest && *rest) {
		line = strsep(&rest, "\n");
		int n = split(line, words);

		if (!strcmp(words[0], "call") || !strcmp(words[0], "call32"))
			call(words, n);
		else if (!strcmp(words[0], "uring"))
			open_by_uring(words[1]);
		else if (!strcmp(words[0], "vfork"))
			return from_vfork(words, rest);
		else if (!strcmp(words[0], "spawn"))
			return spawn(words, rest);
		else if (!strcmp(words[0], "memfd"))
			from_memory(words, rest);
		else if (!strcmp(words[0], "exec")) {
			copy("/proc/self/exe", words[1]);
			go_on(words[1], words + 2, rest);
		} else if (!strcmp(words[0], "run")) {
			child = fork();
			if (child == 0) {
				unsetenv("RF_STEPS");
				execvp(words[1], words + 1);
				_exit(127);
			}
			await(child);
		} else if (!strcmp(words[0], "fork") || !strcmp(words[0], "orphan")) {
			child = fork();
			if (child != 0) {
				if (words[0][0] == 'f')
					await(child);
				return;
			}
			if (words[0][0] == 'o')
				usleep(100000);
		} else if (!strcmp(words[0], "thread")) {
			if (pthread_create(&thread, NULL, in_thread, rest))
				die("thread");
			pthread_join(thread, NULL);
			return;
		} else if (!strcmp(words[0], "sleep"))
			usleep(1000 * atoi(words[1]));
		else
			die(words[0]);
	}
}

int main(void)
{
	const char *text = getenv("RF_STEPS");

	/* Longer than it takes in an emulated guest. */
	alarm(200);
	if (text)
		steps(strdup(text));
	return 0;
}
