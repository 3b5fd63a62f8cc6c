#include "sha256.h"

#include <string.h>

#define ROUNDS                                                                                             \
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,         \
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,     \
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,     \
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,     \
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,     \
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,     \
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,     \
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2

static const uint32_t K[64] __attribute__((aligned(16))) = {ROUNDS};

static inline uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

static inline uint32_t big_endian(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void portable_block(uint32_t state[8], const uint8_t *data) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++) w[i] = big_endian(data + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  memcpy(v, state, sizeof v);
  for (int i = 0; i < 64; i++) {
    uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
    uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
    uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
    uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof v[0]);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) state[i] += v[i];
}

void sha256_portable(uint32_t state[8], const uint8_t *data, size_t count) {
  for (; count > 0; count--, data += 64) portable_block(state, data);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/** Four rounds with the message words `m` and the round constants from `i` on. */
#define QUAD(m, i)                                                              \
  do {                                                                          \
    __m128i sum = _mm_add_epi32(m, _mm_load_si128((const __m128i *)(K + (i)))); \
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                              \
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));     \
  } while (0)

/** Replaces the sixteen words of the schedule's oldest four by the next four. */
#define NEXT(a, b, c, d) \
  a = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(a, b), _mm_alignr_epi8(d, c, 4)), d)

__attribute__((target("sha,sse4.1,ssse3"))) static void sha_ni(uint32_t state[8], const uint8_t *data,
                                                               size_t count) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i dcba = _mm_loadu_si128((const __m128i *)state);
  __m128i hgfe = _mm_loadu_si128((const __m128i *)(state + 4));
  __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; count > 0; count--, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    const __m128i *words = (const __m128i *)data;
    __m128i m0 = _mm_shuffle_epi8(_mm_loadu_si128(words), swap);
    __m128i m1 = _mm_shuffle_epi8(_mm_loadu_si128(words + 1), swap);
    __m128i m2 = _mm_shuffle_epi8(_mm_loadu_si128(words + 2), swap);
    __m128i m3 = _mm_shuffle_epi8(_mm_loadu_si128(words + 3), swap);
    QUAD(m0, 0);
    QUAD(m1, 4);
    QUAD(m2, 8);
    QUAD(m3, 12);
    for (int i = 16; i < 64; i += 16) {
      NEXT(m0, m1, m2, m3);
      QUAD(m0, i);
      NEXT(m1, m2, m3, m0);
      QUAD(m1, i + 4);
      NEXT(m2, m3, m0, m1);
      QUAD(m2, i + 8);
      NEXT(m3, m0, m1, m2);
      QUAD(m3, i + 12);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

sha256_blocks *sha256_accelerated(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return NULL;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_SHA)) return NULL;
  return sha_ni;
}

#elif defined(__aarch64__)
#include <arm_neon.h>
#include <sys/auxv.h>

#define HWCAP_BIT_SHA2 (1UL << 6)

#define QUAD(m, i)                                    \
  do {                                                \
    uint32x4_t sum = vaddq_u32(m, vld1q_u32(K + (i))); \
    uint32x4_t old = abcd;                            \
    abcd = vsha256hq_u32(abcd, efgh, sum);            \
    efgh = vsha256h2q_u32(efgh, old, sum);            \
  } while (0)

#define NEXT(a, b, c, d) a = vsha256su1q_u32(vsha256su0q_u32(a, b), c, d)

__attribute__((target("+crypto"))) static void sha_armv8(uint32_t state[8], const uint8_t *data, size_t count) {
  uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
  for (; count > 0; count--, data += 64) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t m0 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data)));
    uint32x4_t m1 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16)));
    uint32x4_t m2 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 32)));
    uint32x4_t m3 = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 48)));
    QUAD(m0, 0);
    QUAD(m1, 4);
    QUAD(m2, 8);
    QUAD(m3, 12);
    for (int i = 16; i < 64; i += 16) {
      NEXT(m0, m1, m2, m3);
      QUAD(m0, i);
      NEXT(m1, m2, m3, m0);
      QUAD(m1, i + 4);
      NEXT(m2, m3, m0, m1);
      QUAD(m2, i + 8);
      NEXT(m3, m0, m1, m2);
      QUAD(m3, i + 12);
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}

sha256_blocks *sha256_accelerated(void) { return getauxval(AT_HWCAP) & HWCAP_BIT_SHA2 ? sha_armv8 : NULL; }

#else
sha256_blocks *sha256_accelerated(void) { return NULL; }
#endif

/* The CPU's answer is remembered: asking (cpuid) traps into the hypervisor on virtual machines. */
static sha256_blocks *chosen(void) {
  static sha256_blocks *remembered;
  sha256_blocks *blocks = __atomic_load_n(&remembered, __ATOMIC_RELAXED);
  if (blocks != NULL) return blocks;
  blocks = sha256_accelerated();
  if (blocks == NULL) blocks = sha256_portable;
  __atomic_store_n(&remembered, blocks, __ATOMIC_RELAXED);
  return blocks;
}

void sha256_start(struct sha256 *hash) {
  static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(hash->state, initial, sizeof initial);
  hash->size = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size) {
  const uint8_t *from = data;
  size_t filled = hash->size % 64;
  hash->size += size;
  if (filled > 0) {
    size_t part = size < 64 - filled ? size : 64 - filled;
    memcpy(hash->pending + filled, from, part);
    if (filled + part < 64) return;
    chosen()(hash->state, hash->pending, 1);
    from += part;
    size -= part;
  }
  if (size >= 64) chosen()(hash->state, from, size / 64);
  if (size % 64 > 0) memcpy(hash->pending, from + size / 64 * 64, size % 64);
}

void sha256_finish(struct sha256 *hash, uint8_t digest[SHA256_SIZE]) {
  static const uint8_t padding[64] = {0x80};
  uint64_t bits = hash->size * 8;
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
  sha256_add(hash, padding, 1 + (119 - hash->size % 64) % 64);
  sha256_add(hash, length, 8);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_finish_hex(struct sha256 *hash, char hex[SHA256_HEX_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  uint8_t digest[SHA256_SIZE];
  sha256_finish(hash, digest);
  for (int i = 0; i < SHA256_SIZE; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  hex[64] = '\0';
}
