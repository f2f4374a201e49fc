// Zoneout (Krueger et al. 2017), for every cell: of a state that a step has made, a part is the
// state before the step. Its place and its words: RnRecurrentDesc.
#ifndef RNNATIVE_REFERENCE_RECURRENT_PHASES_ZONEOUT_H_
#define RNNATIVE_REFERENCE_RECURRENT_PHASES_ZONEOUT_H_

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

// Of one state of one layer and direction, `run` among all.
class Zone {
 public:
  Zone(const RnRecurrentDesc& desc, int64_t run, int32_t phase)
      : desc_(desc), random_(desc.random), p_(desc.amounts[phase]), run_(run), phase_(phase) {
    random_.stream += rn_phase_stream(&desc, phase);
  }

  // The state after step t of row b, from what the cell has made and the state before: all
  // [P], or [H] of c.
  void forward(int64_t t, int64_t b, const double* before, const double* made,
               double* after) const {
    for (int64_t j = 0; j < rn_zoneout_width(&desc_, phase_); ++j) {
      const double m = kept(t, b, j);
      after[j] = m * before[j] + (1 - m) * made[j];
    }
  }
  // d: the gradient of the state after the step, becomes that of what the cell has made; what
  // passes by the cell is added to `before`.
  void backward(int64_t t, int64_t b, double* d, double* before) const {
    for (int64_t j = 0; j < rn_zoneout_width(&desc_, phase_); ++j) {
      const double m = kept(t, b, j);
      before[j] += m * d[j];
      d[j] *= 1 - m;
    }
  }

 private:
  double kept(int64_t t, int64_t b, int64_t j) const {
    if (p_ == 0 || !desc_.draws) return p_;
    return uniform(random_, b, rn_zoneout_element(&desc_, phase_, t, run_) + j) < p_ ? 1 : 0;
  }

  const RnRecurrentDesc& desc_;
  RnRandom random_;
  double p_;
  int64_t run_;
  int32_t phase_;
};

struct Zoneout {
  Zoneout(const RnRecurrentDesc& desc, int64_t run)
      : h(desc, run, RN_PHASE_ZONEOUT_HIDDEN), c(desc, run, RN_PHASE_ZONEOUT_CELL) {}
  Zone h, c;
};

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_PHASES_ZONEOUT_H_
