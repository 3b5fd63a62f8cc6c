#ifndef FORGE_VERBS_H
#define FORGE_VERBS_H

#include "job.h"

/* Asynchronous verbs: one job type each. */
extern const struct job_type pack_job;
extern const struct job_type compress_job;
extern const struct job_type apply_job;
extern const struct job_type is_archive_job;
extern const struct job_type copy_job;
extern const struct job_type hash_job;
extern const struct job_type scan_job;
extern const struct job_type remove_job;
extern const struct job_type usage_job;
extern const struct job_type hash_file_job;
extern const struct job_type sync_job;

/* Synchronous verbs: quick system calls. */
napi_value mount_verb(napi_env env, napi_callback_info info);
napi_value unmount_verb(napi_env env, napi_callback_info info);
napi_value mount_overlay_verb(napi_env env, napi_callback_info info);
napi_value get_xattr_verb(napi_env env, napi_callback_info info);
napi_value set_xattr_verb(napi_env env, napi_callback_info info);
napi_value list_xattrs_verb(napi_env env, napi_callback_info info);
napi_value mknod_verb(napi_env env, napi_callback_info info);
napi_value copy_times_verb(napi_env env, napi_callback_info info);
napi_value pass_output_verb(napi_env env, napi_callback_info info);
napi_value lock_verb(napi_env env, napi_callback_info info);

#endif
