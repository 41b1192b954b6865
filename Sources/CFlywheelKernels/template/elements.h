// Elements as they lie in a tensor's bytes.

// A view begins anywhere in a mapped file, and elements lie in memory that had another type before.
#define ANYWHERE __attribute__((aligned(1), may_alias))
typedef int8_t int8 ANYWHERE;
typedef int16_t int16 ANYWHERE;
typedef int32_t int32 ANYWHERE;
typedef int64_t int64 ANYWHERE;
typedef uint8_t uint8 ANYWHERE;
typedef uint16_t uint16 ANYWHERE;
typedef uint32_t uint32 ANYWHERE;
typedef uint64_t uint64 ANYWHERE;
typedef float float32 ANYWHERE;
typedef double float64 ANYWHERE;
typedef struct ANYWHERE {
  float real, imaginary;
} complex64;
typedef struct ANYWHERE {
  double real, imaginary;
} complex128;

/// By the larger part, whose square may be too large for a double.
FW_INLINE double size_of_complex128(complex128 z) {
  const double real = __builtin_fabs(z.real), imaginary = __builtin_fabs(z.imaginary);
  const double larger = real > imaginary ? real : imaginary;
  const double smaller = real > imaginary ? imaginary : real;
  const double ratio = smaller / larger;
  const double size = larger * __builtin_elementwise_sqrt(1 + ratio * ratio);
  const int is_infinite = real == __builtin_inf() || imaginary == __builtin_inf();
  return is_infinite ? __builtin_inf() : larger == 0 ? smaller : size;
}
