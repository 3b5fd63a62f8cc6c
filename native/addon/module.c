#include "verbs.h"

/** A verb of `NativeAddon` (src/native/types.ts): asynchronous (`job`) or synchronous (`call`). */
struct verb {
  const char *name;
  const struct job_type *job;
  napi_callback call;
};

/* One line per verb, in the order of src/native/types.ts. */
static const struct verb VERBS[] = {
    {.name = "pack", .job = &pack_job},
    {.name = "compress", .job = &compress_job},
    {.name = "apply", .job = &apply_job},
    {.name = "isArchive", .job = &is_archive_job},
    {.name = "copy", .job = &copy_job},
    {.name = "hash", .job = &hash_job},
    {.name = "scan", .job = &scan_job},
    {.name = "remove", .job = &remove_job},
    {.name = "usage", .job = &usage_job},
    {.name = "hashFile", .job = &hash_file_job},
    {.name = "sync", .job = &sync_job},
    {.name = "mount", .call = mount_verb},
    {.name = "unmount", .call = unmount_verb},
    {.name = "mountOverlay", .call = mount_overlay_verb},
    {.name = "getXattr", .call = get_xattr_verb},
    {.name = "setXattr", .call = set_xattr_verb},
    {.name = "listXattrs", .call = list_xattrs_verb},
    {.name = "mknod", .call = mknod_verb},
    {.name = "copyTimes", .call = copy_times_verb},
    {.name = "passOutput", .call = pass_output_verb},
    {.name = "lock", .call = lock_verb},
};

static napi_value call_job(napi_env env, napi_callback_info info) {
  void *data = NULL;
  napi_get_cb_info(env, info, NULL, NULL, NULL, &data);
  return job_start(env, info, data);
}

NAPI_MODULE_INIT() {
  for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]); i++) {
    const struct verb *verb = &VERBS[i];
    napi_value function = NULL;
    napi_callback callback = verb->job == NULL ? verb->call : call_job;
    napi_create_function(env, verb->name, NAPI_AUTO_LENGTH, callback, (void *)verb->job, &function);
    napi_set_named_property(env, exports, verb->name, function);
  }
  return exports;
}
