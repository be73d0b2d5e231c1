/* Small maps, 8 x 8 and below, and all other matrices: lanes are channels, pixels are broadcast.

   A map lies as [row][column][channel]; one that a depthwise convolution reads has a border of
   zeros. Channels are multiples of W. */
#pragma once
#include "lanes.h"

/* Where the pixels of a map are: pixel p is at start + p / width * pitch + p % width * step. */
typedef struct {
    float *start;
    int width, pitch, step;
} grid;

INLINE float *pixel(const grid *g, int p) {
    return g->start + (ptrdiff_t)(p / g->width) * g->pitch + (ptrdiff_t)(p % g->width) * g->step;
}

/* P pixels by V vectors of outputs stay in registers. */
#define DENSE(P, V)                                                                             \
    INLINE void dense_##P##x##V(const layer *l, const grid *in, const grid *add, const grid *out, \
                                int p, int m) {                                                 \
        vf a[P][V];                                                                             \
        const float *x[P], *w = l->weights + m;                                                 \
        ALL(i, P) x[i] = pixel(in, p + i);                                                      \
        ALL(i, P) ALL(v, V) a[i][v] = load(l->bias + m + v * W);                                \
        for (int k = 0; k < l->inputs; k++, w += l->outputs) {                                  \
            vf q[V];                                                                            \
            ALL(v, V) q[v] = load(w + v * W);                                                   \
            ALL(i, P) ALL(v, V) a[i][v] += q[v] * x[i][k];                                      \
        }                                                                                       \
        ALL(i, P) ALL(v, V) {                                                                   \
            vf y = a[i][v];                                                                     \
            if (add) y += load(pixel(add, p + i) + m + v * W);                                  \
            if (l->slope) y = prelu(y, load(l->slope + m + v * W));                             \
            store(pixel(out, p + i) + m + v * W, y);                                            \
        }                                                                                       \
    }
#if W == 16
DENSE(4, 4)
DENSE(1, 4)
#endif
DENSE(4, 2)
DENSE(1, 2)
DENSE(4, 1)
DENSE(1, 1)

/* As many strips of V vectors of outputs as there are from m on; m moves behind them. */
#define STRIPS(V)                                                               \
    for (; m + V * W <= l->outputs; m += V * W) {                               \
        int p = 0;                                                              \
        for (; p + 4 <= count; p += 4) dense_4x##V(l, in, add, out, p, m);      \
        for (; p < count; p++) dense_1x##V(l, in, add, out, p, m);              \
    }

/* A matrix over `count` pixels. */
static inline void dense(const layer *l, const grid *in, int count, const grid *add,
                         const grid *out) {
    int m = 0;
#if W == 16
    STRIPS(4)
#endif
    STRIPS(2)
    STRIPS(1)
}

/* A depthwise convolution, [size][size][channel] weights, over a map with its border; `in` starts
   at the first pixel that the first output reads. */
static inline void depthwise(const float *weights, const float *bias, int channels, int size,
                             int stride, const float *in, int in_pitch, int width, float *out) {
    for (int c = 0; c < channels; c += W)
        for (int y = 0; y < width; y++)
            for (int x = 0; x < width; x++) {
                const float *corner = in + y * stride * in_pitch + x * stride * channels + c;
                vf a = load(bias + c);
                for (int dy = 0; dy < size; dy++)
                    for (int dx = 0; dx < size; dx++)
                        a += load(corner + dy * in_pitch + dx * channels) *
                             load(weights + (dy * size + dx) * channels + c);
                store(out + (y * width + x) * channels + c, a);
            }
}
