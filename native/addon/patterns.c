#include "patterns.h"

#include <stdlib.h>
#include <string.h>

#define MAGIC 0x31505046u
#define LAST_CODE_POINT 0x10ffff
#define NOTHING UINT32_MAX

enum kind { KIND_EXACT, KIND_PREFIX, KIND_SUFFIX, KIND_STEPS };

enum opcode {
  OP_CHAR,
  OP_CLASS,
  OP_REPEAT_CLASS,
  OP_ANY,
  OP_DIRECTORIES,
  OP_DIRECTORIES_LOOP,
  OP_BEGIN,
  OP_END,
  OP_WORD_BOUNDARY,
  OP_NO_WORD_BOUNDARY,
  OP_COUNT,
};

struct step {
  uint8_t opcode;
  uint16_t range_count;
  uint32_t point;
  /** Pairs of low and high, unaligned. */
  const uint8_t *ranges;
};

struct pattern {
  bool exception;
  uint8_t kind;
  /** Compared as bytes; for KIND_STEPS what a match must end with, to say no quickly. */
  const char *text;
  size_t size;
  struct step *steps;
  size_t step_count;
  char *own_text;
};

static uint32_t get32(const uint8_t *from) {
  uint32_t value;
  memcpy(&value, from, sizeof value);
  return value;
}

static uint16_t get16(const uint8_t *from) {
  uint16_t value;
  memcpy(&value, from, sizeof value);
  return value;
}

static size_t encode(uint32_t point, char *to) {
  if (point < 0x80) return to[0] = (char)point, 1;
  size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; i--, point >>= 6) to[i] = (char)(0x80 | (point & 0x3f));
  to[0] = (char)((0xf00 >> size & 0xff) | point);
  return size;
}

/* Decodes as Go does: a byte that is not part of valid UTF-8 is U+FFFD. */
static uint32_t decode(const char *path, size_t left, size_t *used) {
  const uint8_t *at = (const uint8_t *)path;
  static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  *used = 1;
  if (at[0] < 0x80) return at[0];
  size_t size = at[0] < 0xc0 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf8 ? 4 : 0;
  if (size == 0 || size > left) return 0xfffd;
  uint32_t point = at[0] & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0xfffd;
    point = point << 6 | (at[i] & 0x3f);
  }
  if (point < smallest[size] || point > LAST_CODE_POINT || (point >= 0xd800 && point < 0xe000)) return 0xfffd;
  *used = size;
  return point;
}

static bool is_member(const struct step *step, uint32_t point) {
  for (size_t i = 0; i < step->range_count; i++) {
    if (get32(step->ranges + i * 8) <= point && point <= get32(step->ranges + i * 8 + 4)) return true;
  }
  return false;
}

static bool is_word(uint32_t point) {
  return (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') || (point >= 'a' && point <= 'z') ||
         point == '_';
}

/* Whether a step can be passed between these two characters without consuming anything. */
static bool passes(const struct step *step, uint32_t before, uint32_t after) {
  switch (step->opcode) {
    case OP_ANY:
    case OP_REPEAT_CLASS:
    case OP_DIRECTORIES:
      return true;
    case OP_BEGIN:
      return before == NOTHING;
    case OP_END:
      return after == NOTHING;
    case OP_WORD_BOUNDARY:
      return is_word(before) != is_word(after);
    case OP_NO_WORD_BOUNDARY:
      return is_word(before) == is_word(after);
    default:
      return false;
  }
}

static void close_states(const struct pattern *pattern, uint8_t *states, uint32_t before, uint32_t after) {
  for (size_t i = 0; i < pattern->step_count; i++) {
    if (!states[i]) continue;
    if (passes(&pattern->steps[i], before, after)) states[i + 1] = 1;
    if (pattern->steps[i].opcode == OP_DIRECTORIES) states[i + 2] = 1;
  }
}

/* Moves the states over one character; false when none is left. */
static bool consume(const struct pattern *pattern, const uint8_t *states, uint8_t *next, uint32_t point) {
  bool alive = false;
  memset(next, 0, pattern->step_count + 2);
  for (size_t i = 0; i < pattern->step_count; i++) {
    const struct step *step = &pattern->steps[i];
    if (!states[i]) continue;
    bool moves = false, stays = false;
    if (step->opcode == OP_CHAR) moves = step->point == point;
    else if (step->opcode == OP_CLASS) moves = is_member(step, point);
    else if (step->opcode == OP_REPEAT_CLASS) stays = is_member(step, point);
    else if (step->opcode == OP_ANY) stays = point != '\n';
    else if (step->opcode == OP_DIRECTORIES_LOOP) {
      stays = point != '\n';
      moves = point == '/';
    }
    if (moves) next[i + 1] = 1;
    if (stays) next[i] = 1;
    alive = alive || moves || stays;
  }
  return alive;
}

/* Runs the automaton. `whole`: does it match; else: could more text still make it match. */
static bool run_steps(const struct pattern *pattern, const char *path, size_t size, bool whole) {
  uint8_t sets[2][pattern->step_count + 2];
  uint32_t before = NOTHING;
  int now = 0;
  memset(sets[now], 0, pattern->step_count + 2);
  sets[now][0] = 1;
  for (size_t at = 0, used; at < size; at += used) {
    uint32_t point = decode(path + at, size - at, &used);
    close_states(pattern, sets[now], before, point);
    if (!consume(pattern, sets[now], sets[!now], point)) return false;
    now = !now;
    before = point;
  }
  if (!whole) return true;
  close_states(pattern, sets[now], before, NOTHING);
  return sets[now][pattern->step_count];
}

static bool ends_with(const char *path, size_t size, const char *text, size_t text_size) {
  return size >= text_size && memcmp(path + size - text_size, text, text_size) == 0;
}

static bool starts_with(const char *path, size_t size, const char *text, size_t text_size) {
  return size >= text_size && memcmp(path, text, text_size) == 0;
}

static bool pattern_match(const struct pattern *pattern, const char *path, size_t size) {
  const char *text = pattern->text;
  size_t text_size = pattern->size;
  switch (pattern->kind) {
    case KIND_EXACT:
      return size == text_size && memcmp(path, text, size) == 0;
    case KIND_PREFIX:
      return starts_with(path, size, text, text_size);
    case KIND_SUFFIX:
      if (ends_with(path, size, text, text_size)) return true;
      return text_size > 0 && text[0] == '/' && size == text_size - 1 && memcmp(path, text + 1, size) == 0;
    default:
      return ends_with(path, size, text, text_size) && run_steps(pattern, path, size, true);
  }
}

bool patterns_match(const struct patterns *patterns, const char *path, size_t size, const uint8_t *parent,
                    uint8_t *each) {
  bool matched = false;
  for (size_t i = 0; i < patterns->count; i++) {
    const struct pattern *pattern = &patterns->items[i];
    bool hit = parent[i];
    if (!hit && pattern->exception == matched) hit = pattern_match(pattern, path, size);
    if (hit) matched = !pattern->exception;
    if (each != NULL) each[i] = hit;
  }
  return matched;
}

/* `start` ends in a slash. */
static bool may_match_below(const struct pattern *pattern, const char *start, size_t size) {
  switch (pattern->kind) {
    case KIND_SUFFIX:
      return true;
    case KIND_EXACT:
      return starts_with(pattern->text, pattern->size, start, size);
    case KIND_PREFIX:
      return starts_with(pattern->text, pattern->size, start, size) ||
             starts_with(start, size, pattern->text, pattern->size);
    default:
      return run_steps(pattern, start, size, false);
  }
}

static bool any_below(const struct patterns *patterns, const char *directory, size_t size, bool exception) {
  char start[size + 1];
  memcpy(start, directory, size);
  start[size] = '/';
  for (size_t i = 0; i < patterns->count; i++) {
    const struct pattern *pattern = &patterns->items[i];
    if (pattern->exception == exception && may_match_below(pattern, start, size + 1)) return true;
  }
  return false;
}

bool patterns_may_except_below(const struct patterns *patterns, const char *directory, size_t size) {
  return any_below(patterns, directory, size, true);
}

bool patterns_may_match_below(const struct patterns *patterns, const char *directory, size_t size) {
  return any_below(patterns, directory, size, false);
}

static int malformed(struct failure *failure) {
  return fail_code(failure, "ERR_INVALID_ARG_VALUE", NULL, "malformed pattern program");
}

static int load_steps(struct pattern *pattern, const uint8_t *at, const uint8_t *end, struct failure *failure) {
  pattern->steps = calloc(pattern->step_count + 1, sizeof *pattern->steps);
  if (pattern->steps == NULL) return fail_memory(failure);
  for (size_t i = 0; i < pattern->step_count; i++) {
    if (end - at < 8) return malformed(failure);
    struct step *step = &pattern->steps[i];
    *step = (struct step){.opcode = at[0], .range_count = get16(at + 2), .point = get32(at + 4), .ranges = at + 8};
    if (step->opcode >= OP_COUNT || end - at < 8 + step->range_count * 8) return malformed(failure);
    if (step->opcode == OP_DIRECTORIES && i + 1 == pattern->step_count) return malformed(failure);
    at += 8 + step->range_count * 8;
  }
  return at == end ? 0 : malformed(failure);
}

/* What every match ends with: the trailing characters, if the pattern ends in some. */
static int load_ending(struct pattern *pattern, struct failure *failure) {
  size_t first = pattern->step_count;
  while (first > 0 && pattern->steps[first - 1].opcode == OP_CHAR) first--;
  pattern->own_text = malloc((pattern->step_count - first) * 4 + 1);
  if (pattern->own_text == NULL) return fail_memory(failure);
  for (size_t i = first; i < pattern->step_count; i++) {
    /* U+FFFD also stands for bytes that are not UTF-8: nothing can be said about it here. */
    if (pattern->steps[i].point == 0xfffd) pattern->size = 0;
    else pattern->size += encode(pattern->steps[i].point, pattern->own_text + pattern->size);
  }
  pattern->text = pattern->own_text;
  return 0;
}

static int load_pattern(struct pattern *pattern, const uint8_t *at, size_t size, struct failure *failure) {
  if (size < 4 || at[1] > KIND_STEPS) return malformed(failure);
  *pattern = (struct pattern){.exception = at[0] & 1, .kind = at[1], .step_count = get16(at + 2)};
  if (pattern->kind != KIND_STEPS) {
    pattern->text = (const char *)at + 4;
    pattern->size = size - 4;
    return 0;
  }
  return load_steps(pattern, at + 4, at + size, failure) < 0 ? -1 : load_ending(pattern, failure);
}

int patterns_load(struct patterns *patterns, struct bytes *program, struct failure *failure) {
  const uint8_t *at = program->data + 8, *end = program->data + program->size;
  patterns->bytes = program->data;
  program->data = NULL;
  if (program->size < 8 || get32(patterns->bytes) != MAGIC) return malformed(failure);
  size_t count = get32(patterns->bytes + 4);
  if (count > program->size / 8) return malformed(failure);
  patterns->items = calloc(count + 1, sizeof *patterns->items);
  if (patterns->items == NULL) return fail_memory(failure);
  for (; patterns->count < count; patterns->count++) {
    if (end - at < 4 || get32(at) > (size_t)(end - at - 4)) return malformed(failure);
    if (load_pattern(&patterns->items[patterns->count], at + 4, get32(at), failure) < 0) {
      patterns->count++;
      return -1;
    }
    at += 4 + get32(at);
  }
  return at == end ? 0 : malformed(failure);
}

void patterns_free(struct patterns *patterns) {
  for (size_t i = 0; i < patterns->count; i++) {
    free(patterns->items[i].steps);
    free(patterns->items[i].own_text);
  }
  free(patterns->items);
  free(patterns->bytes);
  *patterns = (struct patterns){0};
}
