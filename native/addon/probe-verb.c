#include <stdlib.h>

#include "apply.h"
#include "verbs.h"

struct probe {
  char *path;
  bool is_archive;
};

static int probe_read(struct reader *reader, void *state) {
  struct probe *probe = state;
  return read_string(reader, reader->arguments[0], "path", &probe->path);
}

static int probe_run(void *state, const struct control *control, struct failure *failure) {
  struct probe *probe = state;
  (void)control;
  int status = probe_archive(probe->path, failure);
  probe->is_archive = status == 1;
  return status < 0 ? -1 : 0;
}

static napi_value probe_result(napi_env env, const void *state) {
  const struct probe *probe = state;
  napi_value value = NULL;
  napi_get_boolean(env, probe->is_archive, &value);
  return value;
}

static void probe_release(void *state) {
  struct probe *probe = state;
  free(probe->path);
}

/** isArchive(path): whether a file is a tar that apply can read, with at least one entry. */
const struct job_type is_archive_job = {
    .name = "isArchive",
    .state_size = sizeof(struct probe),
    .read = probe_read,
    .run = probe_run,
    .result = probe_result,
    .release = probe_release,
};
