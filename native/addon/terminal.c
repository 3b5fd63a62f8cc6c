#include <errno.h>
#include <termios.h>

#include "verbs.h"

static int pass_output(struct reader *reader) {
  int64_t fd = 0;
  struct termios mode;
  if (read_int64(reader, reader->arguments[0], "fd", &fd) < 0) return -1;
  if (tcgetattr((int)fd, &mode) < 0) return fail_errno(reader->failure, errno, "tcgetattr", NULL);
  mode.c_oflag &= ~(tcflag_t)OPOST;
  if (tcsetattr((int)fd, TCSADRAIN, &mode) == 0) return 0;
  return fail_errno(reader->failure, errno, "tcsetattr", NULL);
}

/** passOutput(fd): a terminal shows what is written to it as it is, without its own line ends. */
napi_value pass_output_verb(napi_env env, napi_callback_info info) {
  struct failure failure;
  struct reader reader = {.env = env, .failure = &failure};
  read_arguments(&reader, info);
  return pass_output(&reader) < 0 ? throw_failure(env, &failure) : NULL;
}
