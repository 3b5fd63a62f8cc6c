#include "job.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job {
  const struct job_type *type;
  void *state;
  napi_deferred deferred;
  /** Keeps the control words' memory alive while the thread writes to them. */
  napi_ref control_reference;
  napi_threadsafe_function done;
  struct control control;
  int64_t own_words[CONTROL_WORDS];
  int status;
  struct failure failure;
};

static void job_free(struct job *job) {
  if (job->type->release != NULL) job->type->release(job->state);
  free(job->state);
  free(job);
}

static napi_value make_error(napi_env env, const struct failure *failure) {
  napi_value code, message, error = NULL;
  napi_create_string_utf8(env, failure->code, NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, failure->message, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &error);
  if (failure->syscall[0] != '\0') set_string(env, error, "syscall", failure->syscall);
  if (failure->path[0] != '\0') set_string(env, error, "path", failure->path);
  if (failure->expected[0] != '\0') set_string(env, error, "expected", failure->expected);
  if (failure->actual[0] != '\0') set_string(env, error, "actual", failure->actual);
  return error;
}

napi_value throw_failure(napi_env env, const struct failure *failure) {
  napi_throw(env, make_error(env, failure));
  return NULL;
}

void read_arguments(struct reader *reader, napi_callback_info info) {
  size_t count = sizeof reader->arguments / sizeof reader->arguments[0];
  napi_get_cb_info(reader->env, info, &count, reader->arguments, NULL, NULL);
}

static void settle(napi_env env, struct job *job) {
  napi_value value = NULL;
  if (job->status < 0) {
    napi_reject_deferred(env, job->deferred, make_error(env, &job->failure));
    return;
  }
  if (job->type->result != NULL) value = job->type->result(env, job->state);
  if (value == NULL) napi_get_undefined(env, &value);
  napi_resolve_deferred(env, job->deferred, value);
}

/* On JavaScript's thread; `env` is NULL when the environment is being torn down. */
static void on_done(napi_env env, napi_value callback, void *context, void *data) {
  struct job *job = data;
  (void)callback;
  (void)context;
  if (env != NULL) {
    settle(env, job);
    if (job->control_reference != NULL) napi_delete_reference(env, job->control_reference);
  }
  job_free(job);
}

static void *job_thread(void *argument) {
  struct job *job = argument;
  napi_threadsafe_function done = job->done;
  job->status = job->type->run(job->state, &job->control, &job->failure);
  if (napi_call_threadsafe_function(done, job, napi_tsfn_blocking) == napi_ok) {
    napi_release_threadsafe_function(done, napi_tsfn_release);
  } else {
    job_free(job); /* Node is shutting down: `done` is no longer ours to touch. */
  }
  return NULL;
}

static int read_control(struct reader *reader, struct job *job) {
  napi_valuetype type = napi_undefined;
  napi_value value;
  napi_typedarray_type element = napi_int8_array;
  size_t length = 0;
  void *data = NULL;
  job->control.words = job->own_words;
  napi_typeof(reader->env, reader->arguments[0], &type);
  if (type != napi_object) return 0;
  int present = get_optional(reader, reader->arguments[0], "control", &value);
  if (present <= 0) return present;
  bool typed = false;
  napi_is_typedarray(reader->env, value, &typed);
  if (!typed || napi_get_typedarray_info(reader->env, value, &element, &length, &data, NULL, NULL) != napi_ok ||
      element != napi_bigint64_array || length < CONTROL_WORDS) {
    return fail_code(reader->failure, "ERR_INVALID_ARG_TYPE", NULL, "control must be a BigInt64Array of 4 words");
  }
  job->control.words = data;
  napi_create_reference(reader->env, value, 1, &job->control_reference);
  return 0;
}

static int start_thread(napi_env env, struct job *job) {
  napi_value name;
  pthread_t thread;
  sigset_t all, before;
  napi_create_string_utf8(env, job->type->name, NAPI_AUTO_LENGTH, &name);
  if (napi_create_threadsafe_function(env, NULL, NULL, name, 0, 1, NULL, NULL, NULL, on_done, &job->done) != napi_ok) {
    return fail_memory(&job->failure);
  }
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int err = pthread_create(&thread, NULL, job_thread, job);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (err != 0) {
    napi_release_threadsafe_function(job->done, napi_tsfn_abort);
    return fail_errno(&job->failure, err, "pthread_create", NULL);
  }
  pthread_detach(thread);
  return 0;
}

napi_value job_start(napi_env env, napi_callback_info info, const struct job_type *type) {
  napi_value promise = NULL;
  struct job *job = calloc(1, sizeof *job);
  void *state = calloc(1, type->state_size + 1);
  if (job == NULL || state == NULL || napi_create_promise(env, &job->deferred, &promise) != napi_ok) {
    free(job);
    free(state);
    napi_throw_error(env, "ENOMEM", "out of memory");
    return NULL;
  }
  job->type = type;
  job->state = state;
  struct reader reader = {.env = env, .failure = &job->failure};
  read_arguments(&reader, info);
  /* Once the thread runs, the job is its own: nothing here may touch it any more. */
  int status = read_control(&reader, job);
  if (status == 0) status = type->read(&reader, state);
  if (status == 0) status = start_thread(env, job);
  if (status < 0) {
    job->status = status;
    on_done(env, NULL, NULL, job);
  }
  return promise;
}
