#include "blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "crew.h"

/** Lets the threads through in the order of their blocks. */
struct turnstile {
  pthread_mutex_t mutex;
  pthread_cond_t moved;
  uint64_t next;
};

struct run {
  const struct block_source *source;
  const struct block_options *options;
  const struct control *control;
  int fd;
  uint64_t count;
  /** The next block that nobody works on yet. */
  uint64_t claimed;
  struct turnstile plain_turn, output_turn;
  struct sha256 plain_hash, output_hash;
  uint64_t written;
  /** Set once something failed: everybody stops. */
  bool failed;
  pthread_mutex_t failure_mutex;
  struct failure *failure;
};

struct worker {
  struct run *run;
  void *state;
  struct squeezer *squeezer;
  uint8_t *plain, *output;
  struct failure failure;
};

static bool has_failed(const struct run *run) { return __atomic_load_n(&run->failed, __ATOMIC_ACQUIRE); }

/** Keeps the first failure and wakes everybody who waits for a turn that will not come. */
static void fail_run(struct run *run, const struct failure *failure) {
  struct turnstile *const turnstiles[] = {&run->plain_turn, &run->output_turn};
  pthread_mutex_lock(&run->failure_mutex);
  if (!has_failed(run)) *run->failure = *failure;
  __atomic_store_n(&run->failed, true, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&run->failure_mutex);
  for (int i = 0; i < 2; i++) {
    pthread_mutex_lock(&turnstiles[i]->mutex);
    pthread_cond_broadcast(&turnstiles[i]->moved);
    pthread_mutex_unlock(&turnstiles[i]->mutex);
  }
}

/** Waits until it is `block`'s turn; false when the run failed meanwhile. */
static bool take_turn(struct run *run, struct turnstile *turnstile, uint64_t block) {
  pthread_mutex_lock(&turnstile->mutex);
  while (turnstile->next != block && !has_failed(run)) pthread_cond_wait(&turnstile->moved, &turnstile->mutex);
  pthread_mutex_unlock(&turnstile->mutex);
  return !has_failed(run);
}

static void pass_turn(struct turnstile *turnstile) {
  pthread_mutex_lock(&turnstile->mutex);
  turnstile->next++;
  pthread_cond_broadcast(&turnstile->moved);
  pthread_mutex_unlock(&turnstile->mutex);
}

static int write_all(struct run *run, const uint8_t *data, size_t size, struct failure *failure) {
  while (size > 0) {
    ssize_t count = write(run->fd, data, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "write", run->options->destination);
    data += count;
    size -= (size_t)count;
  }
  return 0;
}

/** Compresses, then hashes and writes when it is the block's turn. */
static int put_block(struct worker *worker, uint64_t block, size_t size) {
  struct run *run = worker->run;
  const uint8_t *data = worker->plain;
  if (run->options->compression != COMPRESSION_NONE) {
    size = squeeze(worker->squeezer, worker->plain, size, worker->output);
    data = worker->output;
  }
  if (!take_turn(run, &run->output_turn, block)) return 0;
  if (run->options->compression != COMPRESSION_NONE) sha256_add(&run->output_hash, data, size);
  if (write_all(run, data, size, &worker->failure) < 0) return -1;
  run->written += size;
  pass_turn(&run->output_turn);
  return 0;
}

static int do_block(struct worker *worker, uint64_t block) {
  struct run *run = worker->run;
  uint64_t offset = block * BLOCK_BYTES, left = run->source->size - offset;
  size_t size = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
  if (control_check(run->control, &worker->failure) < 0) return -1;
  if (run->source->fill(worker->state, offset, worker->plain, size, &worker->failure) < 0) return -1;
  if (!take_turn(run, &run->plain_turn, block)) return 0;
  sha256_add(&run->plain_hash, worker->plain, size);
  pass_turn(&run->plain_turn);
  control_add(run->control, CONTROL_BYTES, size);
  return run->fd < 0 ? 0 : put_block(worker, block, size);
}

static int open_worker(struct worker *worker) {
  struct run *run = worker->run;
  worker->squeezer = squeezer_open(run->options->compression, run->options->level, &worker->failure);
  if (worker->squeezer == NULL) return -1;
  worker->plain = malloc(BLOCK_BYTES);
  worker->output = malloc(squeeze_bound(worker->squeezer, BLOCK_BYTES));
  if (worker->plain == NULL || worker->output == NULL) return fail_memory(&worker->failure);
  worker->state = run->source->open(run->source->context, &worker->failure);
  return worker->state == NULL ? -1 : 0;
}

static void work(void *argument, unsigned index) {
  struct run *run = argument;
  struct worker worker = {.run = run};
  (void)index;
  int status = open_worker(&worker);
  while (status == 0 && !has_failed(run)) {
    uint64_t block = __atomic_fetch_add(&run->claimed, 1, __ATOMIC_RELAXED);
    if (block >= run->count) break;
    status = do_block(&worker, block);
  }
  if (status < 0) fail_run(run, &worker.failure);
  if (worker.state != NULL) run->source->close(worker.state);
  squeezer_close(worker.squeezer);
  free(worker.plain);
  free(worker.output);
}

static int run_all(struct run *run, struct block_result *result) {
  pthread_mutex_init(&run->failure_mutex, NULL);
  pthread_mutex_init(&run->plain_turn.mutex, NULL);
  pthread_mutex_init(&run->output_turn.mutex, NULL);
  pthread_cond_init(&run->plain_turn.moved, NULL);
  pthread_cond_init(&run->output_turn.moved, NULL);
  sha256_start(&run->plain_hash);
  sha256_start(&run->output_hash);
  uint64_t threads = run->options->threads;
  crew_run((unsigned)(threads < run->count ? threads : run->count), work, run);
  pthread_mutex_destroy(&run->failure_mutex);
  pthread_mutex_destroy(&run->plain_turn.mutex);
  pthread_mutex_destroy(&run->output_turn.mutex);
  pthread_cond_destroy(&run->plain_turn.moved);
  pthread_cond_destroy(&run->output_turn.moved);
  if (run->failed) return -1;
  bool compressed = run->fd >= 0 && run->options->compression != COMPRESSION_NONE;
  if (!compressed) run->output_hash = run->plain_hash;
  sha256_finish_hex(&run->plain_hash, result->diff_id);
  sha256_finish_hex(&run->output_hash, result->digest);
  result->written = run->fd < 0 ? run->source->size : run->written;
  return 0;
}

int blocks_run(const struct block_source *source, const struct block_options *options, const struct control *control,
               struct block_result *result, struct failure *failure) {
  autofd int fd = -1;
  if (options->destination != NULL) {
    fd = open(options->destination, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return fail_errno(failure, errno, "open", options->destination);
  }
  struct run run = {
      .source = source,
      .options = options,
      .control = control,
      .fd = fd,
      .count = source->size == 0 ? 1 : (source->size + BLOCK_BYTES - 1) / BLOCK_BYTES,
      .failure = failure,
  };
  control_set(control, CONTROL_TOTAL_BYTES, source->size);
  int status = run_all(&run, result);
  if (status < 0 && fd >= 0) unlink(options->destination);
  return status;
}
