#include "tar-sparse.h"

#include "tar-field.h"

/** A map of this many extents is 16 MiB of memory. */
#define MAX_EXTENTS (1024 * 1024)

static int malformed(struct failure *failure) {
  return fail_code(failure, "EFORGE_ARCHIVE", NULL, "malformed archive: bad sparse map");
}

static bool is(const char *text, const char *expected) { return text != NULL && strcmp(text, expected) == 0; }

enum sparse_form sparse_form(const struct pax *pax) {
  if (is(pax->sparse_major, "1") && is(pax->sparse_minor, "0")) return SPARSE_IN_DATA;
  bool old = is(pax->sparse_major, "0") && (is(pax->sparse_minor, "0") || is(pax->sparse_minor, "1"));
  if (!old && (pax->sparse_major != NULL || pax->sparse_minor != NULL)) return SPARSE_NONE;
  return old || pax->sparse_map != NULL || pax->sparse_pairs.size > 0 ? SPARSE_IN_HEADER : SPARSE_NONE;
}

static int add(struct buffer *extents, int64_t offset, int64_t size, struct failure *failure) {
  struct tar_extent extent = {.offset = (uint64_t)offset, .size = (uint64_t)size};
  if (offset < 0 || size < 0 || extents->size / sizeof extent >= MAX_EXTENTS) return malformed(failure);
  return buffer_add(extents, &extent, sizeof extent, failure);
}

int sparse_from_pax(const struct pax *pax, struct buffer *extents, struct failure *failure) {
  if (pax->sparse_map == NULL) {
    return buffer_add(extents, pax->sparse_pairs.data, pax->sparse_pairs.size, failure);
  }
  int64_t numbers[2];
  int count = 0;
  for (const char *at = pax->sparse_map; *at != '\0';) {
    const char *end = at + strcspn(at, ",");
    if (!decimal(at, end, &numbers[count++ % 2])) return malformed(failure);
    if (count % 2 == 0 && add(extents, numbers[0], numbers[1], failure) < 0) return -1;
    at = *end == ',' ? end + 1 : end;
  }
  return count % 2 == 0 ? 0 : malformed(failure);
}

int sparse_from_fields(const uint8_t *pairs, int count, struct buffer *extents, struct failure *failure) {
  for (int i = 0; i < count; i++, pairs += 24) {
    int64_t offset = 0, size = 0;
    if (pairs[0] == '\0') return 0;
    if (!field_number(pairs, 12, &offset) || !field_number(pairs + 12, 12, &size)) return malformed(failure);
    if (add(extents, offset, size, failure) < 0) return -1;
  }
  return 0;
}

/** A number of the text is complete: the count, then offsets and sizes in turn. */
static int take_number(struct sparse_text *text, struct buffer *extents, struct failure *failure) {
  int64_t index = text->seen++;
  if (index == 0) {
    text->wanted = 1 + 2 * text->number;
    return text->number > MAX_EXTENTS ? malformed(failure) : 0;
  }
  if (index % 2 == 1) return add(extents, text->number, 0, failure);
  struct tar_extent *last = (void *)(extents->data + extents->size);
  last[-1].size = (uint64_t)text->number;
  return 0;
}

int sparse_from_text(struct sparse_text *text, const uint8_t block[512], struct buffer *extents,
                     struct failure *failure) {
  for (int i = 0; i < 512; i++) {
    if (block[i] >= '0' && block[i] <= '9') {
      if (text->number > INT64_MAX / 10 - 1) return malformed(failure);
      text->number = text->number * 10 + (block[i] - '0');
      text->has_digit = true;
      continue;
    }
    if (block[i] != '\n' || !text->has_digit) return malformed(failure);
    if (take_number(text, extents, failure) < 0) return -1;
    text->number = 0;
    text->has_digit = false;
    if (text->seen == text->wanted) return 0;
  }
  return 1;
}

int sparse_check(const struct buffer *extents, uint64_t size, uint64_t data_size, struct failure *failure) {
  const struct tar_extent *extent = (const void *)extents->data;
  uint64_t end = 0, sum = 0;
  for (size_t i = 0; i < extents->size / sizeof *extent; i++) {
    if (extent[i].offset < end || __builtin_add_overflow(extent[i].offset, extent[i].size, &end) || end > size) {
      return malformed(failure);
    }
    sum += extent[i].size;
  }
  return sum == data_size ? 0 : malformed(failure);
}
