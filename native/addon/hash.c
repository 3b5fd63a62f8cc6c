#include "beneath.h"
#include "cleanup.h"
#include "crew.h"
#include "hash-job.h"
#include "verbs.h"

static int hash_run(void *state, const struct control *control, struct failure *failure) {
  struct hash_job *job = state;
  struct sha256 hash;
  job->control = control;
  job->failure = failure;
  job->source = open_root(job->source_root, failure);
  if (job->source < 0 || stat_index_open(&job->index, job->index_file, failure) < 0) return -1;
  for (size_t i = 0; i < job->selection_count; i++) {
    if (hash_selection(job, &job->selections[i]) < 0) return -1;
  }
  if (hash_contents(job) < 0) return -1;
  sha256_start(&hash);
  sha256_add(&hash, job->transcript.bytes, job->transcript.size);
  sha256_finish_hex(&hash, job->digest);
  return 0;
}

static int read_selections(struct reader *reader, napi_value options, struct hash_job *job) {
  napi_value list;
  uint32_t count = 0;
  int present = get_optional(reader, options, "selections", &list);
  if (present < 0) return -1;
  if (!present || napi_get_array_length(reader->env, list, &count) != napi_ok) {
    return fail_code(reader->failure, "ERR_INVALID_ARG_TYPE", NULL, "selections must be an array");
  }
  job->selections = calloc(count + 1, sizeof *job->selections);
  if (job->selections == NULL) return fail_memory(reader->failure);
  for (; job->selection_count < count; job->selection_count++) {
    napi_value item = NULL;
    struct selection *selection = &job->selections[job->selection_count];
    napi_get_element(reader->env, list, (uint32_t)job->selection_count, &item);
    if (get_string(reader, item, "path", &selection->path) < 0) return -1;
    if (get_string(reader, item, "name", &selection->name) < 0) return -1;
  }
  return 0;
}

static int hash_read(struct reader *reader, void *state) {
  struct hash_job *job = state;
  napi_value options = reader->arguments[0];
  job->source = -1;
  if (get_string(reader, options, "sourceRoot", &job->source_root) < 0 ||
      get_optional_string(reader, options, "indexFile", &job->index_file) < 0 ||
      get_bool(reader, options, "withOwner", &job->with_owner) < 0 ||
      get_uint(reader, options, "threads", CREW_MAX, &job->threads) < 0 ||
      read_selections(reader, options, job) < 0) {
    return -1;
  }
  return walk_filter_read(reader, options, &job->filter);
}

static napi_value hash_result(napi_env env, const void *state) {
  const struct hash_job *job = state;
  napi_value result = make_object(env);
  set_string(env, result, "digest", job->digest);
  set_number(env, result, "files", job->files);
  set_number(env, result, "bytes", job->bytes);
  return result;
}

static void hash_release(void *state) {
  struct hash_job *job = state;
  for (size_t i = 0; job->selections != NULL && i < job->selection_count + 1; i++) {
    free(job->selections[i].path);
    free(job->selections[i].name);
  }
  free(job->selections);
  free(job->source_root);
  free(job->index_file);
  free(job->transcript.bytes);
  free(job->paths.bytes);
  free(job->pending);
  free(job->learnt);
  walk_filter_free(&job->filter);
  stat_index_close(&job->index);
  cleanup_fd(&job->source);
}

/** hash(options): the content key of what a COPY would copy. */
const struct job_type hash_job = {
    .name = "hash",
    .state_size = sizeof(struct hash_job),
    .read = hash_read,
    .run = hash_run,
    .result = hash_result,
    .release = hash_release,
};
