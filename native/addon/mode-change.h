#ifndef FORGE_MODE_CHANGE_H
#define FORGE_MODE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "values.h"

/** How modes change (`ModeChange` in src/native/types.ts). */
struct mode_change {
  bool present;
  bool is_octal;
  mode_t octal;
  struct mode_operation *operations;
  size_t count;
};

/** Reads the optional property `mode` of `options`. */
int mode_change_read(struct reader *reader, napi_value options, struct mode_change *change);
void mode_change_free(struct mode_change *change);

/** The permission bits (07777) of something that had `mode`, after the change. */
mode_t mode_change_apply(const struct mode_change *change, mode_t mode);

#endif
