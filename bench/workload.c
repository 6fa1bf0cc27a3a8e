/* One workload, so many times; prints ns per round: workload open PATH N | exec N | connect N |
 * getppid N */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void round_of(const char *what, const char *path)
{
	if (!strcmp(what, "open")) {
		close(open(path, O_RDONLY));
	} else if (!strcmp(what, "exec")) {
		pid_t pid = fork();

		if (pid == 0) {
			execl("/bin/true", "true", (char *)0);
			_exit(127);
		}
		waitpid(pid, 0, 0);
	} else if (!strcmp(what, "connect")) {
		struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
		int fd = socket(AF_INET, SOCK_DGRAM, 0);

		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		connect(fd, (struct sockaddr *)&to, sizeof(to));
		close(fd);
	} else {
		syscall(SYS_getppid);
	}
}

int main(int argc, char **argv)
{
	const char *path = argc == 4 ? argv[2] : "";
	long n = atol(argv[argc - 1]);
	double start = now();

	for (long i = 0; i < n; i++)
		round_of(argv[1], path);
	printf("%.1f\n", (now() - start) / n);
	return 0;
}
