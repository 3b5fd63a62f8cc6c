#include "launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "namespaces.h"
#include "serve.h"
#include "sys.h"

/* Node reads its own certificates at start when this is set (50 ms): forge reads them when needed. */
static void rename_variable(const char *from, const char *to) {
  const char *value = getenv(from);
  if (value) setenv(to, value, 1);
  unsetenv(from);
}

/* The sandbox server, forked while this process is still small. */
static int start_server(struct failure *failure) {
  int ends[2];
  char number[16];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return fail(failure, "socketpair", "");
  pid_t server = fork();
  if (server < 0) return fail(failure, "fork", "");
  if (server == 0) {
    close(ends[0]);
    int client = fcntl(ends[1], F_DUPFD, 3);
    _exit(client < 0 ? 1 : serve(client, -1));
  }
  close(ends[1]);
  /* Node makes what it inherits close-on-exec itself. */
  if (fcntl(ends[0], F_SETFD, 0) < 0) return fail(failure, "fcntl", "");
  snprintf(number, sizeof number, "%d", ends[0]);
  setenv("FORGE_SANDBOX_FD", number, 1);
  return 0;
}

/* What cannot be had here is no reason not to run: it is told when a container is needed. */
static void prepare(void) {
  struct failure failure;
  char message[640];
  unsetenv("FORGE_SANDBOX_FD");
  unsetenv("FORGE_SANDBOX_ERROR");
  if (enter_namespaces(&failure) == 0 && start_server(&failure) == 0) return;
  snprintf(message, sizeof message, "%s (%s): %s", failure.operation, failure.detail, strerror(failure.error));
  setenv("FORGE_SANDBOX_ERROR", message, 1);
}

int launch(char **arguments) {
  const char *chosen = getenv("FORGE_NODE"), *npm = getenv("npm_node_execpath");
  const char *node = chosen && *chosen ? chosen : "node";
  size_t count = 0;
  while (arguments[count]) count++;
  char **command = calloc(count + 2, sizeof *command);
  if (!command) return 1;
  memcpy(command + 1, arguments, count * sizeof *command);
  rename_variable("NODE_EXTRA_CA_CERTS", "FORGE_EXTRA_CA_CERTS");
  prepare();
  command[0] = (char *)(uintptr_t)node;
  execvp(node, command);
  if (errno == ENOENT && npm && node != chosen) execvp(npm, command);
  fprintf(stderr, "forge: cannot start %s: %s (Node.js 20.19 or newer is needed; FORGE_NODE names it)\n", node,
          strerror(errno));
  return 127;
}
