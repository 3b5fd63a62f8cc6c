#include <stdlib.h>

#include "apply.h"
#include "verbs.h"

struct apply_job {
  char *blob, *root, *path, *digest, *diff_id;
  struct apply_options options;
  struct apply_result result;
};

static int get_whiteouts(struct reader *reader, napi_value object, bool *out) {
  napi_value value;
  int present = get_optional(reader, object, "whiteouts", &value);
  *out = true;
  return present <= 0 ? present : read_bool(reader, value, "whiteouts", out);
}

static int get_owner(struct reader *reader, napi_value object, struct extract_options *options) {
  napi_value owner;
  uint64_t uid = 0, gid = 0;
  int present = get_optional(reader, object, "owner", &owner);
  if (present <= 0) return present;
  if (get_uint(reader, owner, "uid", UINT32_MAX - 1, &uid) < 0) return -1;
  if (get_uint(reader, owner, "gid", UINT32_MAX - 1, &gid) < 0) return -1;
  options->sets_owner = true;
  options->uid = (uid_t)uid;
  options->gid = (gid_t)gid;
  return 0;
}

static int apply_read(struct reader *reader, void *state) {
  struct apply_job *job = state;
  struct apply_options *options = &job->options;
  napi_value object = reader->arguments[0];
  if (get_string(reader, object, "blob", &job->blob) < 0 ||
      get_string(reader, object, "destinationRoot", &job->root) < 0 ||
      get_optional_string(reader, object, "destinationPath", &job->path) < 0 ||
      get_whiteouts(reader, object, &options->extract.whiteouts) < 0 ||
      get_owner(reader, object, &options->extract) < 0 ||
      get_optional_string(reader, object, "expectedDigest", &job->digest) < 0 ||
      get_optional_string(reader, object, "expectedDiffId", &job->diff_id) < 0 ||
      get_uint(reader, object, "maxBytes", INT64_MAX, &options->extract.max_bytes) < 0 ||
      get_uint(reader, object, "maxEntries", INT64_MAX, &options->extract.max_entries) < 0 ||
      get_bool(reader, object, "skipDevices", &options->extract.skip_forbidden) < 0) {
    return -1;
  }
  options->blob = job->blob;
  options->extract.root = job->root;
  options->extract.path = job->path == NULL ? "" : job->path;
  options->expected_digest = job->digest;
  options->expected_diff_id = job->diff_id;
  return 0;
}

static int apply_run(void *state, const struct control *control, struct failure *failure) {
  struct apply_job *job = state;
  return apply_layer(&job->options, control, &job->result, failure);
}

static napi_value apply_result(napi_env env, const void *state) {
  const struct apply_job *job = state;
  napi_value result = make_object(env);
  set_string(env, result, "digest", job->result.digest);
  set_string(env, result, "diffId", job->result.diff_id);
  set_number(env, result, "uncompressedBytes", job->result.uncompressed);
  set_number(env, result, "entries", job->result.entries);
  set_number(env, result, "skippedDevices", job->result.skipped);
  return result;
}

static void apply_release(void *state) {
  struct apply_job *job = state;
  free(job->blob);
  free(job->root);
  free(job->path);
  free(job->digest);
  free(job->diff_id);
}

/** apply(options): verifies, decompresses and extracts a layer. */
const struct job_type apply_job = {
    .name = "apply",
    .state_size = sizeof(struct apply_job),
    .read = apply_read,
    .run = apply_run,
    .result = apply_result,
    .release = apply_release,
};
