#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "block-values.h"
#include "cleanup.h"
#include "fill.h"
#include "verbs.h"

struct compress {
  char *source, *destination;
  struct block_options options;
  struct block_result result;
};

static int compress_read(struct reader *reader, void *state) {
  struct compress *compress = state;
  napi_value object = reader->arguments[0];
  if (get_string(reader, object, "source", &compress->source) < 0 ||
      get_string(reader, object, "destination", &compress->destination) < 0) {
    return -1;
  }
  return get_block_options(reader, object, &compress->options);
}

static int compress_run(void *state, const struct control *control, struct failure *failure) {
  struct compress *compress = state;
  struct stat status;
  autofd int fd = open(compress->source, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno(failure, errno, "open", compress->source);
  if (fstat(fd, &status) < 0) return fail_errno(failure, errno, "fstat", compress->source);
  const struct file_source file = {.fd = fd, .path = compress->source, .size = (uint64_t)status.st_size};
  const struct block_source source = file_blocks(&file);
  compress->options.destination = compress->destination;
  return blocks_run(&source, &compress->options, control, &compress->result, failure);
}

static napi_value compress_result(napi_env env, const void *state) {
  const struct compress *compress = state;
  napi_value result = make_object(env);
  set_string(env, result, "digest", compress->result.digest);
  set_string(env, result, "diffId", compress->result.diff_id);
  set_number(env, result, "sizeBytes", compress->result.written);
  return result;
}

static void compress_release(void *state) {
  struct compress *compress = state;
  free(compress->source);
  free(compress->destination);
}

/** compress(options): an uncompressed blob to the bytes that pack makes of the same tar. */
const struct job_type compress_job = {
    .name = "compress",
    .state_size = sizeof(struct compress),
    .read = compress_read,
    .run = compress_run,
    .result = compress_result,
    .release = compress_release,
};
