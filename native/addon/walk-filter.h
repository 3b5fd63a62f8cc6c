#ifndef FORGE_WALK_FILTER_H
#define FORGE_WALK_FILTER_H

#include "values.h"
#include "walk.h"

/** The `ignore`, `include` and `exclude` options of verbs that walk. */
struct walk_filter {
  struct patterns ignore;
  struct patterns include;
  struct patterns exclude;
  bool has_ignore;
  bool has_include;
  bool has_exclude;
};

/** Reads those of the three properties that are there. Free also after a failure. */
int walk_filter_read(struct reader *reader, napi_value options, struct walk_filter *filter);
void walk_filter_free(struct walk_filter *filter);
/** Sets the walk's filters; `filter` must outlive it. */
void walk_filter_use(const struct walk_filter *filter, struct walk *walk);

#endif
