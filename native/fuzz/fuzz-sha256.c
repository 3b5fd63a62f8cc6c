/* The portable SHA-256 against the one with this CPU's instructions. */
#include <string.h>

#include "../addon/sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  uint32_t plain[8] = {0}, fast[8];
  sha256_blocks *accelerated = sha256_accelerated();
  if (accelerated == NULL || size < sizeof plain) return 0;
  memcpy(plain, bytes, sizeof plain);
  memcpy(fast, plain, sizeof plain);
  size_t count = (size - sizeof plain) / 64;
  sha256_portable(plain, bytes + sizeof plain, count);
  accelerated(fast, bytes + sizeof plain, count);
  if (memcmp(plain, fast, sizeof plain) != 0) __builtin_trap();
  return 0;
}
