/*
 * Does one kind of act many times, on request: a line on stdin is
 *   connect ADDRESS N    connects a UDP socket N times; prints ns for each
 *   open PATH N          opens and closes a file N times; prints ns for each
 *   refused ADDRESS      connects until it is refused; prints CLOCK_MONOTONIC in ns before and
 *                        after the act that was, and how many went through
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

int main(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int udp, fd;
	char line[512], what[16], where[400];
	long n, start, before;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		n = 0;
		if (sscanf(line, "%15s %399s %ld", what, where, &n) < 2)
			return 2;
		inet_pton(AF_INET, where, &to.sin_addr);
		/* Made here: a socket belongs to the cgroup that its maker was in. */
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		start = now();
		if (!strcmp(what, "connect")) {
			for (long i = 0; i < n; i++)
				connect(udp, (struct sockaddr *)&to, sizeof(to));
			printf("%.2f\n", (double)(now() - start) / n);
		} else if (!strcmp(what, "open")) {
			for (long i = 0; i < n; i++) {
				fd = open(where, O_RDONLY);
				if (fd >= 0)
					close(fd);
			}
			printf("%.2f\n", (double)(now() - start) / n);
		} else {
			puts("begun");
			do {
				before = now();
				fd = connect(udp, (struct sockaddr *)&to, sizeof(to));
				n++;
			} while (!fd || errno != EPERM);
			printf("%ld %ld %ld\n", before, now(), n - 1);
		}
		close(udp);
	}
	return 0;
}
