/* A turned square of a picture, as the planes of bytes that the landmark network reads.

   Bilinear; beyond the border the picture goes on as its last pixels, which is the same as to hold
   coordinates inside. */
#include "lanes.h"

enum { SIDE = 256 };

typedef uint8_t vb __attribute__((vector_size(W), aligned(1), may_alias));

INLINE vf inside(vf at, float most) {
    at = choose(at > all(0), at, all(0));
    return choose(at < all(most), at, all(most));
}

INLINE int32_t four_bytes(const uint8_t *at) {
    int32_t bytes;
    memcpy(&bytes, at, 4);
    return bytes;
}

INLINE vf byte_of(vi bytes, int i) { return __builtin_convertvector((bytes >> (8 * i)) & 255, vf); }

/* picture: [height][width][3], both at least 2. matrix: of a pixel (u, v) here the place there,
   [2][3]. planes: [3][256][256]. */
void omote_crop(const uint8_t *picture, int height, int width, const double *matrix,
                uint8_t *planes) {
    vf lane;
    ALL(i, W) lane[i] = i;
    for (int v = 0; v < SIDE; v++) {
        float x0 = matrix[1] * v + matrix[2], y0 = matrix[4] * v + matrix[5];
        for (int u = 0; u < SIDE; u += W) {
            vf x = inside((lane + (float)u) * (float)matrix[0] + x0, width - 1);
            vf y = inside((lane + (float)u) * (float)matrix[3] + y0, height - 1);
            vi column = __builtin_convertvector(x, vi), row = __builtin_convertvector(y, vi);
            column -= (column > width - 2) & 1; /* the last pixel is the end of a pair */
            row -= (row > height - 2) & 1;
            vf right = x - __builtin_convertvector(column, vf);
            vf below = y - __builtin_convertvector(row, vf);
            vi left[2], further[2]; /* of both rows: bytes 0 to 3 and 2 to 5 of two pixels */
            ALL(i, W) {
                const uint8_t *at = picture + ((size_t)row[i] * width + column[i]) * 3;
                left[0][i] = four_bytes(at);
                further[0][i] = four_bytes(at + 2);
                left[1][i] = four_bytes(at + (size_t)width * 3);
                further[1][i] = four_bytes(at + (size_t)width * 3 + 2);
            }
            ALL(c, 3) {
                vf mixed[2];
                ALL(r, 2) {
                    vf a = byte_of(left[r], c);
                    mixed[r] = a + right * (byte_of(further[r], c + 1) - a);
                }
                vf value = mixed[0] + below * (mixed[1] - mixed[0]);
                value = (value + 0x1p23f) - 0x1p23f; /* rounds, a half to the even neighbour */
                *(vb *)(planes + (c * SIDE + v) * SIDE + u) =
                    __builtin_convertvector(__builtin_convertvector(value, vi), vb);
            }
        }
    }
}
