#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>

/* Makes in a step what busybox has no command for. */

static int set_xattr(const char *path, const char *name, const char *hex)
{
	unsigned char value[256];
	size_t size = strlen(hex) / 2;
	for (size_t i = 0; i < size; i++) {
		if (sscanf(hex + 2 * i, "%2hhx", &value[i]) != 1) {
			return -1;
		}
	}
	return lsetxattr(path, name, value, size, 0);
}

static int set_time(const char *path, const char *seconds, const char *nanoseconds)
{
	struct timespec time = {atoll(seconds), atol(nanoseconds)};
	struct timespec both[2] = {time, time};
	return utimensat(AT_FDCWD, path, both, AT_SYMLINK_NOFOLLOW);
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

int main(int argc, char **argv)
{
	int status = -1;
	if (argc == 5 && strcmp(argv[1], "xattr") == 0) {
		status = set_xattr(argv[2], argv[3], argv[4]);
	} else if (argc == 5 && strcmp(argv[1], "time") == 0) {
		status = set_time(argv[2], argv[3], argv[4]);
	} else if (argc == 3 && strcmp(argv[1], "socket") == 0) {
		status = make_socket(argv[2]);
	}
	if (status != 0) {
		perror(argv[1]);
	}
	return status != 0;
}
