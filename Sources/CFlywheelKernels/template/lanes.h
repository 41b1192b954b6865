// Eight doubles at a time, on every CPU: the width is part of the order of a sum.

enum { lane_count = 8 };
typedef double lanes __attribute__((ext_vector_type(8)));
typedef int64_t mask __attribute__((ext_vector_type(8)));

FW_INLINE double sum_of_lanes(lanes v) {
  return ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]));
}

FW_INLINE int64_t count_of_lanes(mask v) {
  int64_t count = 0;
  for (int i = 0; i < lane_count; i++) count -= v[i];
  return count;
}
