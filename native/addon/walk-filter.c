#include "walk-filter.h"

static int read_one(struct reader *reader, napi_value options, const char *name, struct patterns *patterns,
                    bool *has) {
  napi_value value;
  struct bytes program = {0};
  int present = get_optional(reader, options, name, &value);
  if (present <= 0) return present;
  *has = true;
  if (read_bytes(reader, value, name, &program) < 0) return -1;
  return patterns_load(patterns, &program, reader->failure);
}

int walk_filter_read(struct reader *reader, napi_value options, struct walk_filter *filter) {
  if (read_one(reader, options, "ignore", &filter->ignore, &filter->has_ignore) < 0) return -1;
  if (read_one(reader, options, "include", &filter->include, &filter->has_include) < 0) return -1;
  return read_one(reader, options, "exclude", &filter->exclude, &filter->has_exclude);
}

void walk_filter_free(struct walk_filter *filter) {
  patterns_free(&filter->ignore);
  patterns_free(&filter->include);
  patterns_free(&filter->exclude);
}

void walk_filter_use(const struct walk_filter *filter, struct walk *walk) {
  walk->ignore = filter->has_ignore ? &filter->ignore : NULL;
  walk->include = filter->has_include ? &filter->include : NULL;
  walk->exclude = filter->has_exclude ? &filter->exclude : NULL;
}
