#include "apply.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "decode.h"

/** Bytes read from the blob at a time. */
#define READ_BYTES (512 * 1024)

enum { READER_HASH, READER_EXTRACT };

struct apply {
  const struct apply_options *options;
  const struct control *control;
  int fd;
  enum encoding encoding;
  /** Compressed bytes, and the tar. A plain tar goes into `plain` at once. */
  struct ring compressed, plain;
  struct sha256 blob_hash, plain_hash;
  uint64_t plain_size;
  pthread_mutex_t failure_mutex;
  bool failed;
  struct failure *failure;
};

/** Keeps the first failure and stops everybody. */
static void fail_apply(struct apply *apply, const struct failure *failure) {
  pthread_mutex_lock(&apply->failure_mutex);
  if (!apply->failed) *apply->failure = *failure;
  apply->failed = true;
  pthread_mutex_unlock(&apply->failure_mutex);
  ring_stop(&apply->compressed);
  ring_stop(&apply->plain);
}

static int load(struct apply *apply, struct ring *to, size_t size, struct failure *failure) {
  for (;;) {
    uint8_t *slot = ring_reserve(to);
    if (slot == NULL) return 0;
    ssize_t count = read(apply->fd, slot, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(failure, errno, "read", apply->options->blob);
    if (count == 0) break;
    if (control_check(apply->control, failure) < 0) return -1;
    sha256_add(&apply->blob_hash, slot, (size_t)count);
    control_add(apply->control, CONTROL_BYTES, (uint64_t)count);
    ring_publish(to, slot, (size_t)count);
  }
  ring_end(to);
  return 0;
}

/** Reads and hashes the blob. */
static void *loader(void *argument) {
  struct apply *apply = argument;
  struct failure failure;
  bool plain = apply->encoding == ENCODING_PLAIN;
  struct ring *to = plain ? &apply->plain : &apply->compressed;
  if (load(apply, to, plain ? DECODE_DATA : READ_BYTES, &failure) < 0) fail_apply(apply, &failure);
  return NULL;
}

static void *decoder(void *argument) {
  struct apply *apply = argument;
  struct failure failure = {0};
  int status = apply->encoding == ENCODING_GZIP ? decode_gzip(&apply->compressed, &apply->plain, &failure)
                                                : decode_zstd(&apply->compressed, &apply->plain, &failure);
  if (status == 0) ring_end(&apply->plain);
  else if (failure.code[0] != '\0') fail_apply(apply, &failure);
  return NULL;
}

/** Hashes and counts the tar. */
static void *hasher(void *argument) {
  struct apply *apply = argument;
  struct failure failure;
  const uint8_t *data;
  size_t size;
  while (ring_next(&apply->plain, READER_HASH, &data, &size) == 1) {
    apply->plain_size += size;
    if (apply->plain_size > apply->options->extract.max_bytes) {
      fail_code(&failure, "EFORGE_LIMIT", apply->options->blob, "the archive has more than %llu bytes",
                (unsigned long long)apply->options->extract.max_bytes);
      fail_apply(apply, &failure);
      break;
    }
    if (apply->encoding != ENCODING_PLAIN) sha256_add(&apply->plain_hash, data, size);
  }
  return NULL;
}

static int next_piece(void *context, const uint8_t **data, size_t *size, struct failure *failure) {
  struct apply *apply = context;
  (void)failure;
  return ring_next(&apply->plain, READER_EXTRACT, data, size);
}

/** Reads the first header, then stops everybody. */
static void prober(struct apply *apply, struct apply_result *result) {
  struct failure failure = {0};
  struct tar_entry entry;
  const struct tar_input input = {.next = next_piece, .context = apply};
  struct tar_reader *reader = tar_open(&input, &failure);
  if (reader != NULL && tar_next(reader, &entry, &failure) == 1) result->entries = 1;
  tar_close(reader);
  ring_stop(&apply->compressed);
  ring_stop(&apply->plain);
}

/** Extracts, then passes over what follows the archive's end, which counts for the digests. */
static void extractor(struct apply *apply, struct apply_result *result) {
  struct failure failure = {0};
  struct extract extract = {0};
  const struct tar_input input = {.next = next_piece, .context = apply};
  const uint8_t *data;
  size_t size;
  struct tar_reader *reader = tar_open(&input, &failure);
  int status = -1;
  if (reader != NULL) status = extract_archive(&apply->options->extract, reader, apply->control, &extract, &failure);
  while (status == 0 && ring_next(&apply->plain, READER_EXTRACT, &data, &size) == 1) continue;
  /* Without a code, a ring was stopped by whoever has the failure. */
  if (status < 0 && failure.code[0] != '\0') fail_apply(apply, &failure);
  result->entries = extract.entries;
  result->skipped = extract.skipped;
  extract_close(&extract);
  tar_close(reader);
}

/** Runs the parts to their end: `consumer` here, the others on threads. */
static void run_parts(struct apply *apply, struct apply_result *result,
                      void (*consumer)(struct apply *apply, struct apply_result *result)) {
  void *(*const parts[])(void *) = {hasher, loader, decoder};
  pthread_t threads[3];
  int started = 0, wanted = apply->encoding == ENCODING_PLAIN ? 2 : 3;
  for (; started < wanted; started++) {
    struct failure failure;
    int err = pthread_create(&threads[started], NULL, parts[started], apply);
    if (err == 0) continue;
    fail_errno(&failure, err, "pthread_create", NULL);
    fail_apply(apply, &failure);
    break;
  }
  if (started == wanted) consumer(apply, result);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

/** A damaged blob fails somewhere on the way; that it is not what was promised says more. */
static void prefer_digest(struct apply *apply) {
  struct sha256 hash;
  char digest[SHA256_HEX_SIZE], code[32];
  autofree uint8_t *chunk = malloc(READ_BYTES);
  const char *expected = apply->options->expected_digest;
  memcpy(code, apply->failure->code, sizeof code);
  if (expected == NULL || chunk == NULL || lseek(apply->fd, 0, SEEK_SET) < 0) return;
  if (strcmp(code, "EFORGE_ARCHIVE") != 0 && strcmp(code, "EFORGE_COMPRESSION") != 0) return;
  sha256_start(&hash);
  for (;;) {
    ssize_t count = read(apply->fd, chunk, READ_BYTES);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;
    if (count == 0) break;
    sha256_add(&hash, chunk, (size_t)count);
  }
  sha256_finish_hex(&hash, digest);
  if (strcasecmp(digest, expected) != 0) {
    fail_digest(apply->failure, apply->options->blob, "blob digest", expected, digest);
  }
}

static int verify(struct apply *apply, struct apply_result *result) {
  const struct apply_options *options = apply->options;
  sha256_finish_hex(&apply->blob_hash, result->digest);
  if (apply->encoding == ENCODING_PLAIN) memcpy(result->diff_id, result->digest, sizeof result->diff_id);
  else sha256_finish_hex(&apply->plain_hash, result->diff_id);
  result->uncompressed = apply->plain_size;
  if (options->expected_digest != NULL && strcmp(options->expected_digest, result->digest) != 0) {
    return fail_digest(apply->failure, options->blob, "blob digest", options->expected_digest, result->digest);
  }
  if (options->expected_diff_id != NULL && strcmp(options->expected_diff_id, result->diff_id) != 0) {
    return fail_digest(apply->failure, options->blob, "layer diff ID", options->expected_diff_id, result->diff_id);
  }
  return 0;
}

static int open_rings(struct apply *apply, struct failure *failure) {
  if (ring_open(&apply->plain, DECODE_SLOT, 2, failure) < 0) return -1;
  if (apply->encoding == ENCODING_PLAIN) return 0;
  return ring_open(&apply->compressed, READ_BYTES, 1, failure);
}

static int open_blob(struct apply *apply, struct failure *failure) {
  uint8_t start[4];
  struct stat status;
  const char *path = apply->options->blob;
  apply->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (apply->fd < 0) return fail_errno(failure, errno, "open", path);
  if (fstat(apply->fd, &status) < 0) return fail_errno(failure, errno, "fstat", path);
  ssize_t size = pread(apply->fd, start, sizeof start, 0);
  if (size < 0) return fail_errno(failure, errno, "read", path);
  apply->encoding = encoding_of(start, (size_t)size);
  control_set(apply->control, CONTROL_TOTAL_BYTES, (uint64_t)status.st_size);
  return open_rings(apply, failure);
}

static int begin(struct apply *apply, struct failure *failure) {
  apply->fd = -1;
  apply->failure = failure;
  sha256_start(&apply->blob_hash);
  sha256_start(&apply->plain_hash);
  pthread_mutex_init(&apply->failure_mutex, NULL);
  return open_blob(apply, failure);
}

static void end(struct apply *apply) {
  ring_close(&apply->compressed);
  ring_close(&apply->plain);
  pthread_mutex_destroy(&apply->failure_mutex);
  if (apply->fd >= 0) close(apply->fd);
}

int apply_layer(const struct apply_options *options, const struct control *control, struct apply_result *result,
                struct failure *failure) {
  struct apply apply = {.options = options, .control = control};
  int status = begin(&apply, failure);
  if (status == 0) {
    run_parts(&apply, result, extractor);
    if (apply.failed) prefer_digest(&apply);
    status = apply.failed ? -1 : verify(&apply, result);
  }
  end(&apply);
  return status;
}

int probe_archive(const char *path, struct failure *failure) {
  int64_t words[CONTROL_WORDS] = {0};
  const struct control control = {.words = words};
  const struct apply_options options = {.blob = path, .extract = {.max_bytes = INT64_MAX}};
  struct apply apply = {.options = &options, .control = &control};
  struct apply_result result = {0};
  struct failure ignored = {0};
  int status = begin(&apply, failure);
  /* What cannot be decompressed or parsed is no archive; what cannot be read is a failure. */
  apply.failure = &ignored;
  if (status == 0) run_parts(&apply, &result, prober);
  end(&apply);
  if (status < 0) return -1;
  return result.entries > 0;
}
