/* Wide maps, 128 x 128 down to 16 x 16: lanes are pixels, weights are broadcast.

   With 8 to 64 channels only this way are vectors full. A map lies as [row][channel][column], a
   row of all channels at a time: with a plane for each channel, their distances were powers of two
   and fell on the same places of the caches. */
#pragma once
#include "lanes.h"

/* Accumulators stay in registers: R outputs by V vectors of pixels. */
#define POINTWISE(R, V)                                                                \
    static inline void pointwise_##R##x##V(const layer *l, const float *in, int width, \
                                           const float *add, float *out, int pitch) {  \
        for (int m = 0; m < l->outputs; m += R)                                        \
            for (int x = 0; x < width; x += V * W) {                                   \
                vf a[R][V];                                                            \
                ALL(r, R) ALL(v, V) a[r][v] = all(l->bias[m + r]);                     \
                const float *w = l->weights + m, *p = in + x;                          \
                for (int k = 0; k < l->inputs; k++, w += l->outputs, p += width) {     \
                    vf q[V];                                                           \
                    ALL(v, V) q[v] = load(p + v * W);                                  \
                    ALL(r, R) ALL(v, V) a[r][v] += q[v] * w[r];                        \
                }                                                                      \
                ALL(r, R) ALL(v, V) {                                                  \
                    vf y = a[r][v];                                                    \
                    if (add) y += load(add + (m + r) * width + x + v * W);             \
                    if (l->slope) y = prelu(y, all(l->slope[m + r]));                  \
                    store(out + (m + r) * pitch + x + v * W, y);                       \
                }                                                                      \
            }                                                                          \
    }
#if W == 16
POINTWISE(4, 4)
POINTWISE(8, 2)
POINTWISE(16, 1)
#else
POINTWISE(4, 2)
#endif

/* A 1 x 1 convolution of one row, [channel][width] to [channel][pitch]; `add` lies as `in` does. */
static inline void pointwise(const layer *l, const float *in, int width, const float *add,
                             float *out, int pitch) {
#if W == 16
    if (width >= 64 && l->outputs % 4 == 0) pointwise_4x4(l, in, width, add, out, pitch);
    else if (width == 32) pointwise_8x2(l, in, width, add, out, pitch);
    else pointwise_16x1(l, in, width, add, out, pitch);
#else
    pointwise_4x2(l, in, width, add, out, pitch);
#endif
}

/* A depthwise 3 x 3 convolution: one row of three. The rows lie in a ring with W zeros between
   channels, so that a neighbour beyond the border is a zero. */
static inline void depthwise_row(const float *weights, const float *bias, int channels, int width,
                          const float *const rows[3], float *out) {
    for (int m = 0; m < channels; m++) {
        vf w[9], b = all(bias[m]);
        ALL(i, 9) w[i] = all(weights[m * 9 + i]);
        const float *above = rows[0] + m * (width + W) + W, *here = rows[1] + m * (width + W) + W,
                    *below = rows[2] + m * (width + W) + W;
        for (int x = 0; x < width; x += W) {
            vf y = b;
            ALL(i, 3) y += load(above + x + i - 1) * w[i];
            ALL(i, 3) y += load(here + x + i - 1) * w[3 + i];
            ALL(i, 3) y += load(below + x + i - 1) * w[6 + i];
            store(out + m * width + x, y);
        }
    }
}

/* What a block needs: reduce to `middle` channels, depthwise, widen. */
typedef struct {
    layer reduce, widen;
    const float *weights, *bias;
} block;

/* Three rows of the middle channels, each with W zeros before every channel and behind the last. */
typedef struct {
    float rows[3][64 * (16 + W) + W];
} ring;

typedef struct {
    ring rings[5];
    float row[64 * 32], planes[512 * 16];
} scratch;

INLINE float *slot(ring *r, int y) { return r->rows[(y + 3) % 3]; }

/* The output row y of a block, once the reduced rows around it are there. */
static inline void finish(const block *b, ring *r, float *row, int width, int y, float *out) {
    const float *rows[3] = {slot(r, y - 1), slot(r, y), slot(r, y + 1)};
    depthwise_row(b->weights, b->bias, b->widen.inputs, width, rows, row);
    pointwise(&b->widen, row, width, out, out, width);
}

/* One step of a pass, in place: row y of the map is reduced before row y - 1 is overwritten, and
   what lies between never leaves the first cache. There are width + 1 steps. `last` is the mask of
   a map that holds but its latest rows. */
static inline void step(const block *b, scratch *s, int i, int width, float *map, int last, int y) {
    ring *r = &s->rings[i];
    int size = b->reduce.inputs * width;
    if (y == 0) memset(r, 0, sizeof *r);
    float *to = slot(r, y) + W;
    if (y < width) pointwise(&b->reduce, map + (y & last) * size, width, 0, to, width + W);
    else memset(slot(r, y), 0, sizeof r->rows[0]);
    if (y > 0) finish(b, r, s->row, width, y - 1, map + ((y - 1) & last) * size);
}

#if W == 16
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif W == 8
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#else
#define EVEN 0, 2, 4, 6
#define ODD 1, 3, 5, 7
#endif

/* The 2 x 2 pixels under each of `count` pixels of a map half as wide, from its row y on: four
   planes for each channel, [2 x 2][channel][count], and their maximum, [channel][count]. `count`
   may span several rows, where one is shorter than a vector. */
static inline void quarters(const float *map, int channels, int width, int y, int count,
                            float *planes, float *largest) {
    int half = width / 2;
    for (int c = 0; c < channels; c++)
        for (int q = 0; q < count; q += W) {
            vf top = all(0);
            for (int dy = 0; dy < 2; dy++) {
                int p = q + W / 2; /* where the second half of the lanes begins */
                const float *first = map + ((2 * (y + q / half) + dy) * channels + c) * width;
                const float *second = map + ((2 * (y + p / half) + dy) * channels + c) * width;
                vf a = load(first + q % half * 2), b = load(second + p % half * 2);
                vf even = __builtin_shufflevector(a, b, EVEN);
                vf odd = __builtin_shufflevector(a, b, ODD);
                store(planes + ((2 * dy) * channels + c) * count + q, even);
                store(planes + ((2 * dy + 1) * channels + c) * count + q, odd);
                top = dy ? larger(top, larger(even, odd)) : larger(even, odd);
            }
            store(largest + c * count + q, top);
        }
}

/* One step of the first block of a level: half the width, twice the channels, the new ones from
   zero. `from` is where the two rows of the level above lie. */
static inline void halve(const block *b, scratch *s, const float *from, int width, float *map,
                         int y) {
    ring *r = &s->rings[4];
    int channels = b->reduce.inputs / 4, size = b->widen.outputs * width;
    if (y == 0) memset(r, 0, sizeof *r);
    if (y < width) {
        memset(map + y * size, 0, sizeof(float) * size);
        quarters(from, channels, 2 * width, 0, width, s->planes, map + y * size);
        pointwise(&b->reduce, s->planes, width, 0, slot(r, y) + W, width + W);
    } else memset(slot(r, y), 0, sizeof r->rows[0]);
    if (y > 0) finish(b, r, s->row, width, y - 1, map + (y - 1) * size);
}

/* A row of bytes as even columns, odd columns, and even columns one further on. */
static inline void columns(const uint8_t *row, float *planes, int apart) {
    for (int x = 0; x < 128; x += W) {
        vi pair = __builtin_convertvector(*(const vh *)(row + 2 * x), vi);
        store(planes + x, __builtin_convertvector(pair & 255, vf));
        store(planes + apart + x, __builtin_convertvector(pair >> 8, vf));
    }
    memcpy(planes + 2 * apart, planes + 1, 127 * sizeof(float));
    planes[2 * apart + 127] = 0;
}

/* A row of the stem: 3 x 3, stride 2, over planes of bytes, [3][256][256]. The padding is right and
   below only; 1/255 is in the weights. `planes` keeps what the next row needs again. */
static inline void stem(const layer *l, float *planes, const uint8_t *picture, int y, float *out) {
    if (y) memcpy(planes, planes + 18 * 128, 9 * 128 * sizeof(float));
    for (int dy = y ? 1 : 0; dy < 3; dy++)
        for (int c = 0; c < 3; c++) {
            float *to = planes + (dy * 9 + c) * 128;
            if (2 * y + dy < 256) columns(picture + (c * 256 + 2 * y + dy) * 256, to, 3 * 128);
            else ALL(dx, 3) memset(to + dx * 3 * 128, 0, 128 * sizeof(float));
        }
    pointwise(l, planes, 128, 0, out, 128);
}
