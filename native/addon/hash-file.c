#include <errno.h>
#include <fcntl.h>

#include "cleanup.h"
#include "sha256.h"
#include "verbs.h"

#define CHUNK_BYTES (256 * 1024)

struct hash_file {
  char *path;
  uint64_t size;
  char digest[SHA256_HEX_SIZE];
};

static int hash_file_read(struct reader *reader, void *state) {
  struct hash_file *job = state;
  return read_string(reader, reader->arguments[0], "path", &job->path);
}

static int hash_file_run(void *state, const struct control *control, struct failure *failure) {
  struct hash_file *job = state;
  struct sha256 hash;
  autofree char *chunk = malloc(CHUNK_BYTES);
  autofd int fd = open(job->path, O_RDONLY | O_CLOEXEC);
  if (chunk == NULL) return fail_memory(failure);
  if (fd < 0) return fail_errno(failure, errno, "open", job->path);
  sha256_start(&hash);
  for (;;) {
    ssize_t count = read(fd, chunk, CHUNK_BYTES);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "read", job->path);
    if (count == 0) break;
    if (control_check(control, failure) < 0) return -1;
    sha256_add(&hash, chunk, (size_t)count);
    job->size += (uint64_t)count;
  }
  sha256_finish_hex(&hash, job->digest);
  return 0;
}

static napi_value hash_file_result(napi_env env, const void *state) {
  const struct hash_file *job = state;
  napi_value result = make_object(env);
  set_string(env, result, "digest", job->digest);
  set_number(env, result, "sizeBytes", job->size);
  return result;
}

static void hash_file_release(void *state) {
  struct hash_file *job = state;
  free(job->path);
}

/** hashFile(path): sha256 of a file and its size. */
const struct job_type hash_file_job = {
    .name = "hashFile",
    .state_size = sizeof(struct hash_file),
    .read = hash_file_read,
    .run = hash_file_run,
    .result = hash_file_result,
    .release = hash_file_release,
};
