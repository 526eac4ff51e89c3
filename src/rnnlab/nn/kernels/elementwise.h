/* Vectors of one floating type REAL, whose integer INT and constants are defined by the file that
 * includes this, and exp, sigmoid and tanh of them.
 */

#include <string.h>

#include "vectors.h"

typedef REAL VEC __attribute__((vector_size(VEC_BYTES), aligned(sizeof(REAL)), may_alias));
typedef INT MASK __attribute__((vector_size(VEC_BYTES), aligned(sizeof(REAL)), may_alias));

enum { LANES = VEC_BYTES / sizeof(REAL), SIDE_BY_SIDE = MAX_ROWS > 4 ? MAX_ROWS : 4 };

#define AT(pointer) (*(VEC *)(pointer))
#define READ(pointer) (*(const VEC *)(pointer))

/* A vector of the first `count` numbers there, with the rest set to `fill`. */
INLINE VEC read_part(const REAL *from, int64_t count, REAL fill) {
    VEC x = (VEC){} + fill;
    memcpy(&x, from, sizeof(REAL) * count);
    return x;
}

/* --- elementwise functions ---------------------------------------------------------------- */

INLINE VEC select_(MASK mask, VEC yes, VEC no) {
    return (VEC)(((MASK)yes & mask) | ((MASK)no & ~mask));
}

/* A NaN passes through: the instructions return their second operand where either is one. */
INLINE VEC clamp(VEC x, REAL limit) {
    VEC high = (VEC){} + limit;
#ifdef MINIMUM
    return (VEC)MAXIMUM(-high, (VEC)MINIMUM(high, x));
#else
    x = select_((MASK)(x > high), high, x);
    return select_((MASK)(x < -high), -high, x);
#endif
}

/* 1 / x for finite x > 0 to within rounding or nearly so. */
INLINE VEC reciprocal(VEC x) {
#ifdef RECIPROCAL_GUESS
    VEC guess = (VEC)RECIPROCAL_GUESS(x); /* 14 bits; one Newton step doubles them */
    return guess + guess * (1 - x * guess);
#else
    return 1 / x;
#endif
}

/* exp(x) - 1 in place without cancellation: x = n ln 2 + r, |r| <= ln 2 / 2; the result is
 * 2^n (exp(r) - 1) + (2^n - 1). Several vectors go side by side, since one waits for itself. */
INLINE void expm1_(VEC *x, int count) {
    VEC scale[SIDE_BY_SIDE], p[SIDE_BY_SIDE];
    EACH(i, count) scale[i] = x[i] * (REAL)1.4426950408889634 + ROUND_MAGIC;
    EACH(i, count) p[i] = scale[i] - ROUND_MAGIC;
    EACH(i, count) x[i] -= p[i] * LN2_HIGH;
    EACH(i, count) x[i] -= p[i] * LN2_LOW;
    EACH(i, count) p[i] = (VEC){} + (REAL)1 / FACTORIALS[0];
    _Pragma("GCC unroll 16") for (int k = 1; k < (int)(sizeof FACTORIALS / sizeof *FACTORIALS); k++)
        EACH(i, count) p[i] = p[i] * x[i] + (REAL)1 / FACTORIALS[k];
    EACH(i, count) p[i] *= x[i];
    EACH(i, count) p[i] = p[i] * x[i] + x[i];
    EACH(i, count) scale[i] = (VEC)(((MASK)scale[i] << MANTISSA_BITS) + ONE_BITS);
    EACH(i, count) x[i] = scale[i] * p[i] + (scale[i] - 1);
}

/* With e = exp(inner x) - 1: (constant + slope e) / (e + 2). */
typedef struct {
    REAL inner, constant, slope;
} CURVE;

static const CURVE SIGMOID_CURVE = {-1, 1, 0}, TANH_CURVE = {2, 0, 1};

INLINE CURVE curve_of(int64_t activation) {
    return activation == TANH ? TANH_CURVE : SIGMOID_CURVE;
}

/* Apply one curve to each vector. */
INLINE void bend(VEC *x, const CURVE *curve, int same, int count) {
    VEC e[SIDE_BY_SIDE];
    EACH(i, count) e[i] = clamp(x[i] * curve[same ? 0 : i].inner, EXP_LIMIT);
    expm1_(e, count);
    EACH(i, count) x[i] = reciprocal(e[i] + 2);
    EACH(i, count) x[i] *= e[i] * curve[same ? 0 : i].slope + curve[same ? 0 : i].constant;
}
