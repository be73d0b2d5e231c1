/* Runs the kernel on buffers of exactly the sizes that it may touch, for sanitizers to watch.

   Arguments: a file of weights for each network (mesh, its head, detector, blendshapes). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void omote_crop(const uint8_t *, int, int, const double *, uint8_t *);
int omote_mesh_workspace(void);
int omote_detector_workspace(void);
int omote_blendshapes_workspace(void);
void omote_mesh(const uint8_t *, const float *, const uint16_t *, void *, float *);
void omote_detector(const float *, const float *, void *, float *, float *);
void omote_blendshapes(const float *, const float *, void *, float *);

static void *read_all(const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file) exit(2);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    void *data = malloc(size);
    if (!data || fread(data, 1, size, file) != (size_t)size) exit(2);
    fclose(file);
    return data;
}

static float *noise(int count) {
    float *data = malloc(count * sizeof(float));
    for (int i = 0; i < count; i++) data[i] = rand() / (float)RAND_MAX - 0.5f;
    return data;
}

int main(int count, char **names) {
    if (count != 5) return 2;
    void *weights[4];
    for (int i = 0; i < 4; i++) weights[i] = read_all(names[i + 1]);
    uint8_t *picture = malloc(3 * 256 * 256);
    for (int i = 0; i < 3 * 256 * 256; i++) picture[i] = rand();
    float *framed = noise(131 * 131 * 3), *points = noise(2 * 146);
    float *mesh = malloc(1435 * sizeof(float)), *scores = malloc(896 * sizeof(float));
    float *boxes = malloc(896 * 16 * sizeof(float)), *logits = malloc(64 * sizeof(float));
    void *memory[3] = {malloc(omote_mesh_workspace()), malloc(omote_detector_workspace()),
                       malloc(omote_blendshapes_workspace())};
    for (int i = 0; i < 2; i++) { /* the second time over what the first left */
        double matrix[6] = {0.1, -0.02, -9, 0.02, 0.1, -9}; /* reaches over every border */
        uint8_t *small = calloc(7 * 5, 3);
        omote_crop(small, 7, 5, matrix, picture);
        free(small);
        omote_mesh(picture, weights[0], weights[1], memory[0], mesh);
        omote_detector(framed, weights[2], memory[1], boxes, scores);
        omote_blendshapes(points, weights[3], memory[2], logits);
    }
    printf("%g %g %g\n", mesh[1434], scores[895], logits[51]);
    for (int i = 0; i < 4; i++) free(weights[i]);
    for (int i = 0; i < 3; i++) free(memory[i]);
    free(picture), free(framed), free(points), free(mesh), free(scores), free(boxes), free(logits);
    return 0;
}
