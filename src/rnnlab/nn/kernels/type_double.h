/* double: the type and the constants of its format. */

#include <stdint.h>

#define FUNCTION(name) name##_double
#define REAL double
#define INT int64_t
#define ROUND_MAGIC 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to a whole number */
#define MANTISSA_BITS 52
#define ONE_BITS 0x3FF0000000000000
#define LN2_HIGH 6.93145751953125e-1
#define LN2_LOW 1.42860682030941723212e-6
#define EXP_LIMIT 700.0
static const double FACTORIALS[] = {
    87178291200.0, 6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0,
    5040.0,        720.0,        120.0,       24.0,       6.0,       2.0,
};
#define SQUARE_ROOT __builtin_sqrt
#define LOGARITHM __builtin_log
