#ifndef FORGE_VALUES_H
#define FORGE_VALUES_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/**
 * Reading what JavaScript passed. Each function checks the type and fails with
 * `ERR_INVALID_ARG_TYPE` naming the argument; nothing is coerced. 0 on success, -1 on failure.
 */
struct reader {
  napi_env env;
  struct failure *failure;
  /** The verb's arguments; undefined where absent. */
  napi_value arguments[5];
};

struct strings {
  char **items;
  size_t count;
};

struct bytes {
  uint8_t *data;
  size_t size;
};

void strings_free(struct strings *strings);

/* A value itself (an argument, an array's element); `name` is for the message. */
/** UTF-8 without NUL, to be freed. */
int read_string(struct reader *reader, napi_value value, const char *name, char **out);
int read_strings(struct reader *reader, napi_value value, const char *name, struct strings *out);
int read_int64(struct reader *reader, napi_value value, const char *name, int64_t *out);
int read_bool(struct reader *reader, napi_value value, const char *name, bool *out);
/** A copy of a Uint8Array's bytes, to be freed. */
int read_bytes(struct reader *reader, napi_value value, const char *name, struct bytes *out);

/* A required property of an object. */
int get_string(struct reader *reader, napi_value object, const char *name, char **out);
int get_strings(struct reader *reader, napi_value object, const char *name, struct strings *out);
int get_int64(struct reader *reader, napi_value object, const char *name, int64_t *out);
int get_bool(struct reader *reader, napi_value object, const char *name, bool *out);
/** Also checks that 0 <= value <= max. */
int get_uint(struct reader *reader, napi_value object, const char *name, uint64_t max, uint64_t *out);

/** An optional property: 1 when it is there, 0 when it is undefined or absent, -1 on failure. */
int get_optional(struct reader *reader, napi_value object, const char *name, napi_value *out);
/** An optional string property: `*out` stays NULL when it is absent. */
int get_optional_string(struct reader *reader, napi_value object, const char *name, char **out);

/* Making results. NULL when JavaScript is shutting down. */
napi_value make_object(napi_env env);
void set_string(napi_env env, napi_value object, const char *name, const char *value);
void set_number(napi_env env, napi_value object, const char *name, uint64_t value);

#endif
