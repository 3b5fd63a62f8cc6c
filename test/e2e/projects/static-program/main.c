#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As alone as a program can be: no loader, no libc beside it, no shell. */
int main(int argc, char **argv)
{
	struct stat status;
	int has_shell = stat("/bin/sh", &status) == 0;
	printf("pid %d, %d argument%s, shell: %s\n", getpid() == 1, argc - 1, argc == 2 ? "" : "s",
	       has_shell ? "yes" : strerror(errno));
	for (int i = 1; i < argc; i++) {
		printf("%s\n", argv[i]);
	}
	return 0;
}
