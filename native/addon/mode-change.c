#include "mode-change.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define SPECIAL_ID 8
#define SPECIAL_STICKY 16

struct mode_operation {
  char operator;
  bool conditional_execute;
  /** u=4, g=2, o=1. */
  unsigned who;
  unsigned permissions;
  unsigned special;
  /** Whose present permissions are taken over, as in g=u: u=4, g=2, o=1; 0 for none. */
  unsigned copied;
};

static int read_operation(struct reader *reader, napi_value value, struct mode_operation *operation) {
  uint64_t who = 0, permissions = 0, special = 0, copied = 0;
  napi_value copied_value;
  autofree char *operator = NULL;
  if (get_uint(reader, value, "who", 7, &who) < 0 || get_string(reader, value, "operator", &operator) < 0 ||
      get_uint(reader, value, "permissions", 7, &permissions) < 0 ||
      get_uint(reader, value, "special", SPECIAL_ID | SPECIAL_STICKY, &special) < 0 ||
      get_bool(reader, value, "conditionalExecute", &operation->conditional_execute) < 0) {
    return -1;
  }
  int has_copied = get_optional(reader, value, "copied", &copied_value);
  if (has_copied < 0 || (has_copied && get_uint(reader, value, "copied", 4, &copied) < 0)) return -1;
  if (strlen(operator) != 1 || strchr("+-=", *operator) == NULL) {
    return fail_code(reader->failure, "ERR_INVALID_ARG_VALUE", NULL, "operator must be +, - or =");
  }
  operation->operator = *operator;
  operation->who = (unsigned)who;
  operation->permissions = (unsigned)permissions;
  operation->special = (unsigned)special;
  operation->copied = (unsigned)copied;
  return 0;
}

static int read_operations(struct reader *reader, napi_value list, struct mode_change *change) {
  uint32_t count = 0;
  if (napi_get_array_length(reader->env, list, &count) != napi_ok) {
    return fail_code(reader->failure, "ERR_INVALID_ARG_TYPE", NULL, "operations must be an array");
  }
  change->operations = calloc(count + 1, sizeof *change->operations);
  if (change->operations == NULL) return fail_memory(reader->failure);
  for (; change->count < count; change->count++) {
    napi_value item = NULL;
    napi_get_element(reader->env, list, (uint32_t)change->count, &item);
    if (read_operation(reader, item, &change->operations[change->count]) < 0) return -1;
  }
  return 0;
}

int mode_change_read(struct reader *reader, napi_value options, struct mode_change *change) {
  napi_value value, list;
  uint64_t octal = 0;
  int present = get_optional(reader, options, "mode", &value);
  if (present <= 0) return present;
  change->present = true;
  int has_operations = get_optional(reader, value, "operations", &list);
  if (has_operations < 0) return -1;
  if (has_operations) return read_operations(reader, list, change);
  change->is_octal = true;
  if (get_uint(reader, value, "octal", 07777, &octal) < 0) return -1;
  change->octal = (mode_t)octal;
  return 0;
}

void mode_change_free(struct mode_change *change) {
  free(change->operations);
  *change = (struct mode_change){0};
}

/* Repeats three permission bits for user, group and others. */
static mode_t for_all(unsigned bits) { return bits << 6 | bits << 3 | bits; }

static mode_t who_bits(unsigned who) {
  return (who & 4 ? S_ISUID | S_IRWXU : 0) | (who & 2 ? S_ISGID | S_IRWXG : 0) | (who & 1 ? S_IRWXO : 0);
}

static mode_t apply_one(const struct mode_operation *operation, mode_t original, mode_t mode) {
  mode_t affected = who_bits(operation->who);
  mode_t bits = for_all(operation->permissions);
  bool executable = S_ISDIR(original) || (original & 0111) != 0;
  if (operation->conditional_execute && executable) bits |= 0111;
  if (operation->copied & 4) bits |= for_all(mode >> 6 & 7);
  if (operation->copied & 2) bits |= for_all(mode >> 3 & 7);
  if (operation->copied & 1) bits |= for_all(mode & 7);
  /* For others alone, s and t mean nothing: as in BSD's setmode(3), which the reference follows. */
  if (operation->special & SPECIAL_ID && operation->who & 6) bits |= S_ISUID | S_ISGID;
  if (operation->special & SPECIAL_STICKY && operation->who & 6) {
    affected |= S_ISVTX;
    bits |= S_ISVTX;
  }
  bits &= affected;
  if (operation->operator == '+') return mode | bits;
  if (operation->operator == '-') return mode & ~bits;
  return (mode & ~affected) | bits;
}

mode_t mode_change_apply(const struct mode_change *change, mode_t mode) {
  mode_t result = mode & 07777;
  if (!change->present) return result;
  if (change->is_octal) return change->octal;
  for (size_t i = 0; i < change->count; i++) result = apply_one(&change->operations[i], mode, result);
  return result;
}
