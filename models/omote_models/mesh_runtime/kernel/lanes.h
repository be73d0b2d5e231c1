/* Vectors of floats, portable: the extensions that gcc and clang share; intrinsics for halves only.

   W lanes are what one register of the target holds. Each target is a library of its own, chosen
   when it is loaded; nothing here asks the processor. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define W 16
#elif defined(__AVX2__)
#include <immintrin.h>
#define W 8
#else
#define W 4
#endif

typedef float vf __attribute__((vector_size(4 * W), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(4 * W)));
typedef uint16_t vh __attribute__((vector_size(2 * W), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define ALL(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)

INLINE vf load(const float *at) { return *(const vf *)at; }
INLINE void store(float *at, vf v) { *(vf *)at = v; }
INLINE vf all(float v) { return (vf){0} + v; }
INLINE vf choose(vi where, vf yes, vf no) { return (vf)((where & (vi)yes) | (~where & (vi)no)); }
INLINE vf larger(vf a, vf b) { return choose(a > b, a, b); }

/* Slopes run from -5 to 20, so that max(x, slope x) would be wrong. */
INLINE vf prelu(vf x, vf slope) { return choose(x < all(0), x * slope, x); }

/* Half-precision floats, widened. */
INLINE vf halves(const uint16_t *at) {
#if defined(__AVX512F__)
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at));
#elif defined(__F16C__)
    return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at));
#else
    vi bits = __builtin_convertvector(*(const vh *)at, vi);
    vf size = (vf)((bits & 0x7fff) << 13) * all(0x1p112f); /* another bias of the exponent */
    return (vf)((vi)size | ((bits & 0x8000) << 16));
#endif
}

INLINE float sum(vf v) {
    float total = 0;
    ALL(i, W) total += v[i];
    return total;
}

/* A matrix of weights, [inputs][outputs], with what is added to the outputs and their slopes;
   no slope: the outputs stay as they are. */
typedef struct {
    const float *weights, *bias, *slope;
    int inputs, outputs;
} layer;
