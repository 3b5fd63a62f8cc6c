#include "values.h"

#include <stdlib.h>
#include <string.h>

static int wrong(struct reader *reader, const char *name, const char *expected) {
  return fail_code(reader->failure, "ERR_INVALID_ARG_TYPE", NULL, "%s must be %s", name, expected);
}

void strings_free(struct strings *strings) {
  for (size_t i = 0; i < strings->count; i++) free(strings->items[i]);
  free(strings->items);
  *strings = (struct strings){0};
}

int read_string(struct reader *reader, napi_value value, const char *name, char **out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(reader->env, value, NULL, 0, &length) != napi_ok) {
    return wrong(reader, name, "a string");
  }
  char *text = malloc(length + 1);
  if (text == NULL) return fail_memory(reader->failure);
  napi_get_value_string_utf8(reader->env, value, text, length + 1, &length);
  if (strlen(text) != length) {
    free(text);
    return wrong(reader, name, "a string without NUL characters");
  }
  *out = text;
  return 0;
}

int read_strings(struct reader *reader, napi_value value, const char *name, struct strings *out) {
  uint32_t length = 0;
  if (napi_get_array_length(reader->env, value, &length) != napi_ok) {
    return wrong(reader, name, "an array of strings");
  }
  struct strings strings = {.items = calloc(length + 1, sizeof(char *))};
  if (strings.items == NULL) return fail_memory(reader->failure);
  while (strings.count < length) {
    napi_value item = NULL;
    napi_get_element(reader->env, value, (uint32_t)strings.count, &item);
    if (read_string(reader, item, name, &strings.items[strings.count]) < 0) {
      strings_free(&strings);
      return -1;
    }
    strings.count++;
  }
  *out = strings;
  return 0;
}

int read_int64(struct reader *reader, napi_value value, const char *name, int64_t *out) {
  napi_valuetype type = napi_undefined;
  napi_typeof(reader->env, value, &type);
  if (type == napi_bigint) {
    bool lossless = false;
    napi_get_value_bigint_int64(reader->env, value, out, &lossless);
    return lossless ? 0 : wrong(reader, name, "an integer of 64 bits");
  }
  double number = 0;
  if (type != napi_number || napi_get_value_double(reader->env, value, &number) != napi_ok ||
      !(number >= -9007199254740992.0 && number <= 9007199254740992.0) || number != (double)(int64_t)number) {
    return wrong(reader, name, "an integer");
  }
  *out = (int64_t)number;
  return 0;
}

int read_bool(struct reader *reader, napi_value value, const char *name, bool *out) {
  return napi_get_value_bool(reader->env, value, out) == napi_ok ? 0 : wrong(reader, name, "a boolean");
}

int read_bytes(struct reader *reader, napi_value value, const char *name, struct bytes *out) {
  bool typed = false;
  napi_typedarray_type type = napi_int8_array;
  size_t size = 0;
  void *data = NULL;
  napi_is_typedarray(reader->env, value, &typed);
  if (!typed || napi_get_typedarray_info(reader->env, value, &type, &size, &data, NULL, NULL) != napi_ok ||
      type != napi_uint8_array) {
    return wrong(reader, name, "a Uint8Array");
  }
  uint8_t *copy = malloc(size + 1);
  if (copy == NULL) return fail_memory(reader->failure);
  if (size > 0) memcpy(copy, data, size);
  *out = (struct bytes){.data = copy, .size = size};
  return 0;
}

int get_optional(struct reader *reader, napi_value object, const char *name, napi_value *out) {
  napi_valuetype type = napi_undefined;
  napi_typeof(reader->env, object, &type);
  if (type != napi_object) return wrong(reader, "options", "an object");
  if (napi_get_named_property(reader->env, object, name, out) != napi_ok) return wrong(reader, name, "readable");
  napi_typeof(reader->env, *out, &type);
  return type == napi_undefined ? 0 : 1;
}

static int get_required(struct reader *reader, napi_value object, const char *name, napi_value *out) {
  int present = get_optional(reader, object, name, out);
  return present == 0 ? wrong(reader, name, "given") : present;
}

int get_string(struct reader *reader, napi_value object, const char *name, char **out) {
  napi_value value;
  return get_required(reader, object, name, &value) < 0 ? -1 : read_string(reader, value, name, out);
}

int get_strings(struct reader *reader, napi_value object, const char *name, struct strings *out) {
  napi_value value;
  return get_required(reader, object, name, &value) < 0 ? -1 : read_strings(reader, value, name, out);
}

int get_int64(struct reader *reader, napi_value object, const char *name, int64_t *out) {
  napi_value value;
  return get_required(reader, object, name, &value) < 0 ? -1 : read_int64(reader, value, name, out);
}

int get_bool(struct reader *reader, napi_value object, const char *name, bool *out) {
  napi_value value;
  return get_required(reader, object, name, &value) < 0 ? -1 : read_bool(reader, value, name, out);
}

int get_uint(struct reader *reader, napi_value object, const char *name, uint64_t max, uint64_t *out) {
  int64_t number = 0;
  if (get_int64(reader, object, name, &number) < 0) return -1;
  if (number < 0 || (uint64_t)number > max) return wrong(reader, name, "in its range");
  *out = (uint64_t)number;
  return 0;
}

int get_optional_string(struct reader *reader, napi_value object, const char *name, char **out) {
  napi_value value;
  int present = get_optional(reader, object, name, &value);
  return present <= 0 ? present : read_string(reader, value, name, out);
}

napi_value make_object(napi_env env) {
  napi_value object = NULL;
  napi_create_object(env, &object);
  return object;
}

void set_string(napi_env env, napi_value object, const char *name, const char *value) {
  napi_value text = NULL;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &text);
  napi_set_named_property(env, object, name, text);
}

void set_number(napi_env env, napi_value object, const char *name, uint64_t value) {
  napi_value number = NULL;
  napi_create_double(env, (double)value, &number);
  napi_set_named_property(env, object, name, number);
}
