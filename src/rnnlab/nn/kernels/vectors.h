/* What the kernels assume of the processor. */

#ifndef RNNLAB_VECTORS_H
#define RNNLAB_VECTORS_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define EACH(i, count) _Pragma("GCC unroll 8") for (int i = 0; i < (count); i++)

#if defined(__AVX512F__)
enum { VEC_BYTES = 64, MAX_ROWS = 6 };
#define CASES(...) CASE(1, __VA_ARGS__) CASE(2, __VA_ARGS__) CASE(3, __VA_ARGS__) \
    CASE(4, __VA_ARGS__) CASE(5, __VA_ARGS__) CASE(6, __VA_ARGS__)
#else /* 16 registers of 32 bytes, or 32 of 16 bytes */
enum { VEC_BYTES = 32, MAX_ROWS = 3 };
#define CASES(...) CASE(1, __VA_ARGS__) CASE(2, __VA_ARGS__) CASE(3, __VA_ARGS__)
#endif
enum { PANEL_VECTORS = 36 * 1024 / VEC_BYTES }; /* of weights, to fit a first-level cache */
#define CASE(count, ...) case count: { enum { M = count }; __VA_ARGS__; } break;

/* Activations, as `native.py` numbers them. */
enum { TANH, RELU, SIGMOID };

#endif
