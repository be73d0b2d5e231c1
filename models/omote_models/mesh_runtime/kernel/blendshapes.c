/* The blendshape network: an MLP-Mixer over 96 tokens of 64 channels and one that learns. */
#include <math.h>

#include "channels.h"
#include "pixels.h"

enum { POINTS = 146, TOKENS = 97, FILLED = 100, CHANNELS = 64, MIXERS = 4 };

typedef struct {
    float tokens[FILLED * CHANNELS], normal[FILLED * CHANNELS], middle[FILLED * 256];
} workspace;

static const float ZEROS[384]; /* slopes of a ramp */

int omote_blendshapes_workspace(void) { return sizeof(workspace) + 64; }

static layer take(const float **at, int inputs, int outputs) {
    layer l = {*at, *at + inputs * outputs, 0, inputs, outputs};
    *at += (inputs + 1) * outputs;
    return l;
}

/* Each token to mean 0 and variance 1, times a gain. */
static void normalise(const float **weights, const float *tokens, float *out) {
    const float *gain = *weights;
    *weights += CHANNELS + 1;
    for (int t = 0; t < TOKENS; t++) {
        vf total = all(0), squares = all(0);
        const float *at = tokens + t * CHANNELS;
        for (int c = 0; c < CHANNELS; c += W) total += load(at + c);
        float mean = sum(total) / CHANNELS;
        for (int c = 0; c < CHANNELS; c += W) {
            vf off = load(at + c) - mean;
            squares += off * off;
        }
        float scale = 1 / sqrtf(sum(squares) / CHANNELS + gain[CHANNELS]);
        for (int c = 0; c < CHANNELS; c += W)
            store(out + t * CHANNELS + c, (load(at + c) - mean) * (load(gain + c) * scale));
    }
}

/* Between tokens: they are the planes of a map that is 64 channels wide. */
static void mix_tokens(const float **weights, workspace *s) {
    layer first = take(weights, TOKENS, 384), second = take(weights, 384, FILLED);
    first.slope = ZEROS;
    pointwise(&first, s->normal, CHANNELS, 0, s->middle, CHANNELS);
    pointwise(&second, s->middle, CHANNELS, s->tokens, s->tokens, CHANNELS);
}

/* Between the channels of each token. */
static void mix_channels(const float **weights, workspace *s) {
    layer first = take(weights, CHANNELS, 256), second = take(weights, 256, CHANNELS);
    first.slope = ZEROS;
    grid normal = {s->normal, TOKENS, 0, CHANNELS}, tokens = {s->tokens, TOKENS, 0, CHANNELS};
    grid middle = {s->middle, TOKENS, 0, 256};
    dense(&first, &normal, TOKENS, 0, &middle);
    dense(&second, &middle, TOKENS, &tokens, &tokens);
}

/* points: [2][146], centred, of mean distance 1, times the network's scale. out: 64 logits, of
   which 52 count. */
void omote_blendshapes(const float *points, const float *weights, void *memory, float *out) {
    workspace *s = (workspace *)(((uintptr_t)memory + 63) & ~(uintptr_t)63);
    float pairs[2 * 96];
    layer l = take(&weights, POINTS, 96);
    memcpy(s->normal, points, sizeof(float) * 2 * POINTS);
    grid in = {s->normal, 2, 0, POINTS}, two = {pairs, 2, 0, 96};
    dense(&l, &in, 2, 0, &two);
    for (int t = 0; t < 96; t++) ALL(i, 2) s->middle[2 * t + i] = pairs[96 * i + t];
    l = take(&weights, 2, CHANNELS);
    memcpy(s->tokens, weights, sizeof(float) * CHANNELS); /* the token that learns */
    weights += CHANNELS;
    grid flat = {s->middle, 96, 0, 2}, rest = {s->tokens + CHANNELS, 96, 0, CHANNELS};
    dense(&l, &flat, 96, 0, &rest);
    for (int i = 0; i < MIXERS; i++) {
        normalise(&weights, s->tokens, s->normal);
        mix_tokens(&weights, s);
        normalise(&weights, s->tokens, s->normal);
        mix_channels(&weights, s);
    }
    l = take(&weights, CHANNELS, 64);
    grid first = {s->tokens, 1, 0, 0}, logits = {out, 1, 0, 0};
    dense(&l, &first, 1, 0, &logits);
}
