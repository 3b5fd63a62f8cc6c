#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "root.h"

int main(int argc, char **argv)
{
	void *plugin = dlopen("/usr/lib/greet/libroot.so.1", RTLD_NOW);
	if (plugin == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return EXIT_FAILURE;
	}
	double (*root)(double) = (double (*)(double))dlsym(plugin, "root_of");
	printf("hello %s, the root of 2 is %.6f, I am %d:%d\n", argc > 1 ? argv[1] : "nobody", root(2),
	       (int)getuid(), (int)getgid());
	return EXIT_SUCCESS;
}
