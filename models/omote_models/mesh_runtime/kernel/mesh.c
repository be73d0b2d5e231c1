/* The face landmark network of MediaPipe's face mesh, with its own weights, fused.

   A picture of 256 x 256 in planes of bytes goes in; 478 points and a logit come out. Nothing is
   allocated and nothing is kept: weights are shared, the workspace is one thread's. The weights
   lie in the order in which they are read here; `weights.py` packs them. */
#include "channels.h"
#include "pixels.h"

enum { POINTS = 1434, FEATURES = 512, BLOCKS = 5 };

typedef struct {
    float rows128[8 * 16 * 128], planes[27 * 128];
    float map64[32 * 64 * 64], map32[64 * 32 * 32], map16[128 * 16 * 16];
    scratch pixels;
    float middle[10 * 10 * 64], spread[8 * 8 * 64], wide[8 * 8 * 128], gathered[16 * 512];
    float next[4 * 4 * 128];
} workspace;

/* The next `count` floats. */
static const float *take(const float **at, int count) {
    const float *here = *at;
    *at += count;
    return here;
}

static layer read_layer(const float **at, int inputs, int outputs, int sloped) {
    layer l = {.inputs = inputs, .outputs = outputs};
    l.weights = take(at, inputs * outputs);
    l.bias = take(at, outputs);
    l.slope = sloped ? take(at, outputs) : 0;
    return l;
}

static block read_block(const float **at, int inputs, int middle, int outputs) {
    block b;
    b.reduce = read_layer(at, inputs, middle, 1);
    b.weights = take(at, 9 * middle);
    b.bias = take(at, middle);
    b.widen = read_layer(at, middle, outputs, 1);
    return b;
}

/* The blocks of a level after the first, one pass each. */
static void passes(const float **at, workspace *s, int width, int channels, float *map) {
    for (int i = 1; i < BLOCKS; i++) {
        block b = read_block(at, channels, channels / 2, channels);
        for (int y = 0; y <= width; y++) step(&b, &s->pixels, 0, width, map, -1, y);
    }
}

/* Stem, the level of 128, and the first block below it, as one wave: each block works a row behind
   the one before, so that of the largest map there are never more than eight rows. */
static void wide(const float **at, workspace *s, const uint8_t *picture) {
    enum { ROW = 16 * 128, LAST = 7 };
    layer first = read_layer(at, 27, 16, 1);
    block b[4];
    for (int i = 0; i < 4; i++) b[i] = read_block(at, 16, 8, 16);
    block below = read_block(at, 4 * 16, 16, 32);
    for (int y = 0; y < 128 + 4; y++) {
        if (y < 128) stem(&first, s->planes, picture, y, s->rows128 + (y & LAST) * ROW);
        for (int i = 0; i < 4; i++)
            if (y >= i && y - i <= 128) step(&b[i], &s->pixels, i, 128, s->rows128, LAST, y - i);
        int done = y - 4; /* the last of them has finished this row */
        if (done > 0 && done % 2)
            halve(&below, &s->pixels, s->rows128 + ((done - 1) & LAST) * ROW, 64, s->map64,
                  done / 2);
    }
    halve(&below, &s->pixels, 0, 64, s->map64, 64);
    passes(at, s, 64, 32, s->map64);
}

/* From one level to the next, of half the width. */
static void level(const float **at, workspace *s, const float *from, int width, float *map) {
    int channels = 2048 / width;
    block b = read_block(at, 2 * channels, channels / 2, channels);
    for (int y = 0; y <= width; y++)
        halve(&b, &s->pixels, from + 2 * y * width * channels, width, map, y);
    passes(at, s, width, channels, map);
}

/* The second half of a block on a small map: the middle lies with its border already. */
static void spread(const block *b, workspace *s, int width, float *map) {
    depthwise(b->weights, b->bias, 64, 3, 1, s->middle, (width + 2) * 64, width, s->spread);
    grid in = {s->spread, width * width, 0, 64}, out = {map, width * width, 0, 128};
    dense(&b->widen, &in, width * width, &out, &out);
}

static grid bordered(workspace *s, int width) {
    return (grid){s->middle + (width + 3) * 64, width, (width + 2) * 64, 64};
}

/* From 16 x 16, lanes of pixels, to 8 x 8, lanes of channels: two rows fill a vector. */
static void turn(const block *b, workspace *s, float *map) {
    float largest[128 * 16], reduced[64 * 16];
    grid middle = bordered(s, 8);
    for (int y = 0; y < 8; y += 2) {
        quarters(s->map16, 128, 16, y, 16, s->pixels.planes, largest);
        pointwise(&b->reduce, s->pixels.planes, 16, 0, reduced, 16);
        for (int p = 0; p < 16; p++) {
            float *to = pixel(&middle, y * 8 + p);
            for (int c = 0; c < 64; c++) to[c] = reduced[c * 16 + p];
            for (int c = 0; c < 128; c++) map[(y * 8 + p) * 128 + c] = largest[c * 16 + p];
        }
    }
    spread(b, s, 8, map);
}

/* From a small map to one half as wide. */
static void shrink(const block *b, workspace *s, const float *from, int width, float *map) {
    for (int p = 0; p < width * width; p++) {
        const float *corner = from + (p / width * 4 * width + p % width * 2) * 128;
        const float *lower = corner + 2 * width * 128;
        memcpy(s->gathered + p * 512, corner, 256 * sizeof(float));
        memcpy(s->gathered + p * 512 + 256, lower, 256 * sizeof(float));
        for (int c = 0; c < 128; c += W)
            store(map + p * 128 + c, larger(larger(load(corner + c), load(corner + 128 + c)),
                                            larger(load(lower + c), load(lower + 128 + c))));
    }
    grid in = {s->gathered, width * width, 0, 512}, out = bordered(s, width);
    dense(&b->reduce, &in, width * width, 0, &out);
    spread(b, s, width, map);
}

static void small_block(const block *b, workspace *s, int width, float *map) {
    grid in = {map, width * width, 0, 128}, out = bordered(s, width);
    dense(&b->reduce, &in, width * width, 0, &out);
    spread(b, s, width, map);
}

/* One number of the head: 512 products with weights as they are in the file. */
static float head(const uint16_t *weights, const float *features) {
    vf a[2] = {all(0), all(0)};
    for (int k = 0; k < FEATURES; k += 2 * W)
        ALL(i, 2) a[i] += halves(weights + k + i * W) * load(features + k + i * W);
    return sum(a[0] + a[1]);
}

int omote_mesh_workspace(void) { return sizeof(workspace) + 64; }

/* picture: [3][256][256]. head_weights: [1435][512] halves; the last row is the presence's.
   out: 1434 coordinates in pixels of the picture, then the presence's logit. */
void omote_mesh(const uint8_t *picture, const float *weights, const uint16_t *head_weights,
                void *memory, float *out) {
    workspace *s = (workspace *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    wide(&weights, s, picture);
    level(&weights, s, s->map64, 32, s->map32);
    level(&weights, s, s->map32, 16, s->map16);
    float *map = s->wide;
    for (int width = 8; width >= 2; width /= 2) {
        memset(s->middle, 0, sizeof s->middle);
        for (int i = 0; i < BLOCKS; i++) {
            block b = read_block(&weights, i ? 128 : 512, 64, 128);
            if (i) small_block(&b, s, width, map);
            else if (width == 8) turn(&b, s, map);
            else {
                float *to = map == s->wide ? s->next : s->wide;
                shrink(&b, s, map, width, to);
                map = to;
            }
        }
    }
    const float *bias = take(&weights, POINTS + 1);
    for (int i = 0; i <= POINTS; i++) out[i] = bias[i] + head(head_weights + i * FEATURES, map);
}
