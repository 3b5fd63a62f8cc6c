#ifndef FORGE_SHA256_H
#define FORGE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65

/** A running SHA-256 (FIPS 180-4). Uses the CPU's instructions (SHA-NI, ARMv8) where it has them. */
struct sha256 {
  uint32_t state[8];
  uint64_t size;
  uint8_t pending[64];
};

void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

/** Finishes and writes 64 lower-case hexadecimal digits and a NUL. */
void sha256_finish_hex(struct sha256 *hash, char hex[SHA256_HEX_SIZE]);

/** Advances `state` over `count` blocks of 64 bytes; one function per kind of CPU. */
typedef void sha256_blocks(uint32_t state[8], const uint8_t *data, size_t count);

/** The portable one, which runs everywhere. */
sha256_blocks sha256_portable;
/** The one with this CPU's instructions; NULL when it has none. */
sha256_blocks *sha256_accelerated(void);

#endif
