/* The short-range face detector: a picture of 128 x 128 to boxes and scores for 896 anchors.

   Its channels are filled up to multiples of 16 by weights of zero. A map has a border of zeros. */
#include "channels.h"

enum { TALL = 66 * 66 * 32 };

/* What each block gives: width, stride of its depthwise convolution, channels in and out. */
static const struct { int width, stride, inputs, outputs; } BLOCKS[] = {
    {64, 1, 32, 32}, {64, 1, 32, 32}, {32, 2, 32, 32}, {32, 1, 32, 48}, {32, 1, 48, 48},
    {16, 2, 48, 48}, {16, 1, 48, 64}, {16, 1, 64, 64}, {16, 1, 64, 80}, {16, 1, 80, 80},
    {16, 1, 80, 96}, {8, 2, 96, 96},  {8, 1, 96, 96},  {8, 1, 96, 96},  {8, 1, 96, 96},
    {8, 1, 96, 96},
};
enum { COUNT = sizeof BLOCKS / sizeof *BLOCKS, LAST_OF_16 = 10 };

typedef struct {
    float maps[2][TALL], spread[64 * 64 * 32], rows[64 * 75];
} workspace;

int omote_detector_workspace(void) { return sizeof(workspace) + 64; }

static layer take(const float **at, int inputs, int outputs) {
    layer l = {*at, *at + inputs * outputs, 0, inputs, outputs};
    *at += (inputs + 1) * outputs;
    return l;
}

static grid inside(float *map, int width, int channels) {
    return (grid){map + (width + 3) * channels, width, (width + 2) * channels, channels};
}

/* What the block's result is added to: the map as it was, or the largest of each 2 x 2. */
static void carry(const grid *from, int inputs, int stride, const grid *to, int outputs) {
    for (int p = 0; p < to->width * to->width; p++) {
        const float *at = from->start + p / to->width * stride * from->pitch +
                          p % to->width * stride * from->step;
        float *out = pixel(to, p);
        memset(out + inputs, 0, sizeof(float) * (outputs - inputs));
        for (int c = 0; c < inputs; c += W) {
            vf top = load(at + c);
            if (stride == 2) {
                const float *below = at + from->pitch;
                top = larger(larger(top, load(at + from->step + c)),
                             larger(load(below + c), load(below + from->step + c)));
            }
            store(out + c, top);
        }
    }
}

/* 5 x 5, stride 2; the picture lies as [131][131][3], from -1 to 1, one pixel of zeros before it
   and two behind. */
static void stem(const layer *l, workspace *s, const float *picture) {
    grid out = inside(s->maps[0], 64, 32);
    for (int y = 0; y < 64; y++) {
        for (int x = 0; x < 64; x++)
            for (int dy = 0; dy < 5; dy++)
                memcpy(s->rows + x * 75 + dy * 15, picture + ((2 * y + dy) * 131 + 2 * x) * 3,
                       15 * sizeof(float));
        grid in = {s->rows, 64, 0, 75}, row = {out.start + y * out.pitch, 64, 0, 32};
        dense(l, &in, 64, 0, &row);
    }
}

static void head(const float **weights, const grid *in, int inputs, int outputs, int used,
                 float *out) {
    layer l = take(weights, inputs, outputs);
    for (int p = 0; p < in->width * in->width; p++) {
        float row[96];
        grid from = {pixel(in, p), 1, 0, 0}, to = {row, 1, 0, 0};
        dense(&l, &from, 1, 0, &to);
        memcpy(out + p * used, row, used * sizeof(float));
    }
}

/* boxes: [896][16]; scores: [896]. */
void omote_detector(const float *picture, const float *weights, void *memory, float *boxes,
                    float *scores) {
    static const float zeros[96];
    workspace *s = (workspace *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    layer first = take(&weights, 75, 32);
    first.slope = zeros;
    memset(s->maps[0], 0, sizeof s->maps[0]);
    stem(&first, s, picture);
    float *map = s->maps[0];
    for (int i = 0, before = 64; i < COUNT; i++) {
        int width = BLOCKS[i].width, stride = BLOCKS[i].stride;
        int inputs = BLOCKS[i].inputs, outputs = BLOCKS[i].outputs;
        float *next = map == s->maps[0] ? s->maps[1] : s->maps[0];
        grid from = inside(map, before, inputs), to = inside(next, width, outputs);
        const float *taps = weights, *bias = weights + 9 * inputs;
        weights += 10 * inputs;
        layer widen = take(&weights, inputs, outputs);
        widen.slope = zeros;
        memset(next, 0, sizeof(float) * (width + 2) * (width + 2) * outputs);
        carry(&from, inputs, stride, &to, outputs);
        depthwise(taps, bias, inputs, 3, stride, stride == 2 ? from.start : map, from.pitch, width,
                  s->spread);
        grid in = {s->spread, width * width, 0, inputs};
        dense(&widen, &in, width * width, &to, &to);
        map = next, before = width;
        if (i == LAST_OF_16) {
            head(&weights, &to, outputs, 16, 2, scores);
            head(&weights, &to, outputs, 32, 32, boxes);
        }
    }
    grid last = inside(map, 8, 96);
    head(&weights, &last, 96, 16, 6, scores + 512);
    head(&weights, &last, 96, 96, 96, boxes + 512 * 16);
}
