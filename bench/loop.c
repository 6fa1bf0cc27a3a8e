/* Opens and closes a file (or calls getppid) for so many ms, and prints ns per round, rounds, and
 * ns of CPU time per round: loop MS PATH|getppid */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID),
	       end = start + atof(argv[1]) * 1e6, t;
	int plain = !strcmp(argv[2], "getppid");
	long n = 0;

	do {
		for (int i = 0; i < 500; i++, n++) {
			int fd =
			    plain ? (int)syscall(SYS_getppid) * 0 - 1 : open(argv[2], O_RDONLY);

			if (fd >= 0)
				close(fd);
		}
	} while ((t = now(CLOCK_MONOTONIC)) < end);
	printf("%.1f %ld %.1f\n", (t - start) / n, n, (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / n);
	return 0;
}
