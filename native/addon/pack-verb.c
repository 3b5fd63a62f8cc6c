#include <stdlib.h>

#include "block-values.h"
#include "fill.h"
#include "verbs.h"
#include "layer-walk.h"

struct pack {
  char *source_root;
  struct strings lowers, omit;
  bool clamps_mtime;
  int64_t mtime_max_seconds;
  char *destination;
  struct block_options options;
  struct block_result result;
  uint64_t uncompressed, entries;
};

static int get_clamp(struct reader *reader, napi_value object, struct pack *pack) {
  napi_value value;
  int present = get_optional(reader, object, "clampMtimeSeconds", &value);
  if (present <= 0) return present;
  pack->clamps_mtime = true;
  return read_int64(reader, value, "clampMtimeSeconds", &pack->mtime_max_seconds);
}

static int pack_read(struct reader *reader, void *state) {
  struct pack *pack = state;
  napi_value object = reader->arguments[0];
  if (get_string(reader, object, "sourceRoot", &pack->source_root) < 0 ||
      get_strings(reader, object, "lowerRoots", &pack->lowers) < 0 ||
      get_strings(reader, object, "omit", &pack->omit) < 0 || get_clamp(reader, object, pack) < 0 ||
      get_optional_string(reader, object, "destination", &pack->destination) < 0) {
    return -1;
  }
  return get_block_options(reader, object, &pack->options);
}

static int pack_tree(struct pack *pack, struct tree *tree, const struct control *control, struct failure *failure) {
  const struct walk_options walk = {
      .root = pack->source_root,
      .lowers = pack->lowers.items,
      .lower_count = pack->lowers.count,
      .omit = pack->omit.items,
      .omit_count = pack->omit.count,
      .clamps_mtime = pack->clamps_mtime,
      .mtime_max_seconds = pack->mtime_max_seconds,
  };
  if (walk_layer(&walk, control, tree, failure) < 0) return -1;
  const struct tree_source files = {.tree = tree, .root = pack->source_root};
  const struct block_source source = tree_blocks(&files);
  pack->options.destination = pack->destination;
  pack->uncompressed = tree->tar_size;
  pack->entries = tree->count;
  return blocks_run(&source, &pack->options, control, &pack->result, failure);
}

static int pack_run(void *state, const struct control *control, struct failure *failure) {
  struct tree tree = {0};
  int status = pack_tree(state, &tree, control, failure);
  tree_free(&tree);
  return status;
}

static napi_value pack_result(napi_env env, const void *state) {
  const struct pack *pack = state;
  napi_value result = make_object(env);
  set_string(env, result, "diffId", pack->result.diff_id);
  set_string(env, result, "digest", pack->result.digest);
  set_number(env, result, "sizeBytes", pack->result.written);
  set_number(env, result, "uncompressedBytes", pack->uncompressed);
  set_number(env, result, "entries", pack->entries);
  return result;
}

static void pack_release(void *state) {
  struct pack *pack = state;
  free(pack->source_root);
  free(pack->destination);
  strings_free(&pack->lowers);
  strings_free(&pack->omit);
}

/** pack(options): a tree to a layer blob. */
const struct job_type pack_job = {
    .name = "pack",
    .state_size = sizeof(struct pack),
    .read = pack_read,
    .run = pack_run,
    .result = pack_result,
    .release = pack_release,
};
