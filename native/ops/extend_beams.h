// The next rows of a beam search: see RnExtendBeams in backend.h.
#ifndef RNNATIVE_OPS_EXTEND_BEAMS_H_
#define RNNATIVE_OPS_EXTEND_BEAMS_H_

#include <cstdint>

#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

struct ExtendBeamsArgs {
  Tensor indices;  // i32 [groups, k]
  Tensor best;     // [groups, k]
  int64_t beams = 1, vocabulary = 1;
  int64_t end = 0;
  int64_t known = 1, unknown = 0;
};
// All [groups * k].
struct ExtendedBeams {
  Tensor tokens, rows;  // i32
  Tensor scores;
};
ExtendedBeams extend_beams(Queue& queue, const ExtendBeamsArgs& args);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_EXTEND_BEAMS_H_
