#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "beneath.h"
#include "cleanup.h"
#include "crew.h"
#include "hash-job.h"

#define CHUNK_BYTES (256 * 1024)

static bool is_unchanged(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
         memcmp(&a->st_mtim, &b->st_mtim, sizeof a->st_mtim) == 0 &&
         memcmp(&a->st_ctim, &b->st_ctim, sizeof a->st_ctim) == 0;
}

/* Reads one file. What was read is hashed; only if it held still meanwhile may the index learn it. */
static int hash_file(struct hash_job *job, const struct pending *pending, char *chunk, struct failure *failure) {
  const char *path = (const char *)job->paths.bytes + pending->path;
  struct sha256 hash;
  struct stat after;
  struct stat_index_entry learnt = {.stat = pending->stat};
  autofd int fd = open_beneath(job->source, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, BENEATH_NO_SYMLINKS);
  if (fd < 0) return fail_errno(failure, errno, "open", path);
  if (fstat(fd, &after) < 0) return fail_errno(failure, errno, "fstat", path);
  if (!S_ISREG(after.st_mode)) return fail_code(failure, "EFORGE_CHANGED", path, "%.400s changed while it was being read", path);
  sha256_start(&hash);
  for (off_t left = after.st_size; left > 0;) {
    ssize_t count = read(fd, chunk, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "read", path);
    if (count == 0) break;
    if (control_check(job->control, failure) < 0) return -1;
    sha256_add(&hash, chunk, (size_t)count);
    control_add(job->control, CONTROL_BYTES, (uint64_t)count);
    left -= count;
  }
  sha256_finish(&hash, learnt.digest);
  memcpy(job->transcript.bytes + pending->gap, learnt.digest, SHA256_SIZE);
  if (fstat(fd, &after) == 0 && is_unchanged(&pending->stat, &after)) {
    job->learnt[__atomic_fetch_add(&job->learnt_count, 1, __ATOMIC_RELAXED)] = learnt;
  }
  return 0;
}

static void hash_pending(void *argument, unsigned index) {
  struct hash_job *job = argument;
  struct failure failure;
  autofree char *chunk = malloc(CHUNK_BYTES);
  (void)index;
  for (;;) {
    size_t at = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
    if (at >= job->pending_count || __atomic_load_n(&job->failed, __ATOMIC_RELAXED)) return;
    int status = chunk == NULL ? fail_memory(&failure) : hash_file(job, &job->pending[at], chunk, &failure);
    if (status < 0) {
      if (!__atomic_exchange_n(&job->failed, 1, __ATOMIC_RELAXED)) *job->failure = failure;
      return;
    }
  }
}

int hash_contents(struct hash_job *job) {
  if (job->pending_count == 0) return 0;
  job->learnt = calloc(job->pending_count, sizeof *job->learnt);
  if (job->learnt == NULL) return fail_memory(job->failure);
  crew_run((unsigned)job->threads, hash_pending, job);
  if (job->failed) return -1;
  if (job->learnt_count > 0) stat_index_save(&job->index, job->learnt, job->learnt_count);
  return 0;
}

