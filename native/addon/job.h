#ifndef FORGE_JOB_H
#define FORGE_JOB_H

#include <node_api.h>
#include <stddef.h>

#include "control.h"
#include "failure.h"
#include "values.h"

/**
 * An asynchronous verb. It runs on a thread of its own (never libuv's pool, which has four threads
 * for all of Node) and settles a promise.
 */
struct job_type {
  const char *name;
  /** Size of the verb's state, zeroed before `read`. */
  size_t state_size;
  /** On JavaScript's thread: copies the arguments into the state. Failing rejects the promise. */
  int (*read)(struct reader *reader, void *state);
  /** On the job's thread, with all signals blocked. Must not touch JavaScript. */
  int (*run)(void *state, const struct control *control, struct failure *failure);
  /** On JavaScript's thread, after success: what the promise resolves to. NULL: undefined. */
  napi_value (*result)(napi_env env, const void *state);
  /** Frees what the state holds; called once, on whichever thread has it last. May be NULL. */
  void (*release)(void *state);
};

/**
 * Starts a job with the arguments of the call; its `control` comes from the property of that name
 * of the first argument. Returns the promise.
 */
napi_value job_start(napi_env env, napi_callback_info info, const struct job_type *type);

/** Fills `reader->arguments` for a synchronous verb. */
void read_arguments(struct reader *reader, napi_callback_info info);

/** Throws the failure as an Error with code, syscall and path; returns NULL for the verb to return. */
napi_value throw_failure(napi_env env, const struct failure *failure);

#endif
