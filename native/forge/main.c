/* One binary, three faces: launcher, sandbox server, init. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "launch.h"
#include "serve.h"

int main(int count, char **arguments) {
  const char *face = count > 1 ? arguments[1] : "";
  if (strcmp(face, "launch") == 0 && count > 2) return launch(arguments + 2);
  if (strcmp(face, "serve") == 0 && count == 3) return serve(atoi(arguments[2]), -1);
  if (strcmp(face, "serve") == 0 && count == 4) return serve(atoi(arguments[2]), atoi(arguments[3]));
  if (strcmp(face, "init") == 0) return init_main(count - 2, arguments + 2);
  fprintf(stderr, "forge: this is the native part; the command is `forge`, in the package's bin directory\n");
  return 2;
}
