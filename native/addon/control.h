#ifndef FORGE_CONTROL_H
#define FORGE_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/** The words shared with JavaScript while a verb runs (`Control` in src/native/types.ts). */
struct control {
  int64_t *words;
};

enum control_word { CONTROL_CANCEL, CONTROL_BYTES, CONTROL_ENTRIES, CONTROL_TOTAL_BYTES, CONTROL_WORDS };

/** -1 with EFORGE_CANCELLED once JavaScript asked to stop, else 0. Cheap: call it per block or entry. */
static inline int control_check(const struct control *control, struct failure *failure) {
  if (__atomic_load_n(&control->words[CONTROL_CANCEL], __ATOMIC_RELAXED) == 0) return 0;
  return fail_code(failure, "EFORGE_CANCELLED", NULL, "cancelled");
}

static inline void control_add(const struct control *control, enum control_word word, uint64_t amount) {
  __atomic_fetch_add(&control->words[word], (int64_t)amount, __ATOMIC_RELAXED);
}

static inline void control_set(const struct control *control, enum control_word word, uint64_t amount) {
  __atomic_store_n(&control->words[word], (int64_t)amount, __ATOMIC_RELAXED);
}

#endif
