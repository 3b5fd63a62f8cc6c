#ifndef FORGE_BLOCK_VALUES_H
#define FORGE_BLOCK_VALUES_H

#include "blocks.h"
#include "values.h"

/** Reads `compression`, `level` and `threads` of an options object. */
int get_block_options(struct reader *reader, napi_value object, struct block_options *out);

#endif
