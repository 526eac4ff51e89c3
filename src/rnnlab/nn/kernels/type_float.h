/* float: the type and the constants of its format. */

#include <stdint.h>

#define FUNCTION(name) name##_float
#define REAL float
#define INT int32_t
#define ROUND_MAGIC 12582912.0f /* 1.5 * 2^23: adding it rounds to a whole number */
#define MANTISSA_BITS 23
#define ONE_BITS 0x3F800000
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define EXP_LIMIT 87.0f
static const float FACTORIALS[] = {5040, 720, 120, 24, 6, 2};

#ifdef __AVX512F__
#include <immintrin.h>
#define MINIMUM(a, b) _mm512_min_ps((__m512)(a), (__m512)(b))
#define MAXIMUM(a, b) _mm512_max_ps((__m512)(a), (__m512)(b))
#define RECIPROCAL_GUESS(x) _mm512_rcp14_ps((__m512)(x))
#endif
#define SQUARE_ROOT __builtin_sqrtf
#define LOGARITHM __builtin_logf
