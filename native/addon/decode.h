#ifndef FORGE_DECODE_H
#define FORGE_DECODE_H

#include "ring.h"

/** What a blob is, by its first bytes. */
enum encoding { ENCODING_PLAIN, ENCODING_GZIP, ENCODING_ZSTD };

enum encoding encoding_of(const uint8_t *start, size_t size);

/** Slots of the ring that decoders write into: history of the last slot, data, room to overshoot. */
#define DECODE_HISTORY (32 * 1024)
#define DECODE_DATA (1024 * 1024)
#define DECODE_SLOT (DECODE_HISTORY + DECODE_DATA + 512)

/**
 * Decompress all of `input` (its reader 0) into `output`, and check what the format lets one check
 * (CRC, size, that nothing is cut off or follows). `EFORGE_COMPRESSION` for what is malformed. A
 * stopped ring gives -1 too: whoever stopped it has the failure.
 */
int decode_gzip(struct ring *input, struct ring *output, struct failure *failure);
int decode_zstd(struct ring *input, struct ring *output, struct failure *failure);

#endif
