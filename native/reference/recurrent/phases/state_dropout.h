// Variational dropout of the state (Gal & Ghahramani 2016), for every cell: R is applied to m v in
// place of v, with one mask m for all steps of a sequence. Its place and its words:
// RnRecurrentDesc.
#ifndef RNNATIVE_REFERENCE_RECURRENT_PHASES_STATE_DROPOUT_H_
#define RNNATIVE_REFERENCE_RECURRENT_PHASES_STATE_DROPOUT_H_

#include "native/abi/backend.h"
#include "native/reference/support.h"

namespace rnnative::reference {

// Of one layer and direction, `run` among all.
class StateDropout {
 public:
  StateDropout(const RnRecurrentDesc& desc, int64_t run)
      : random_(desc.random),
        p_(desc.amounts[RN_PHASE_STATE_DROPOUT]),
        width_(desc.state),
        first_(run * desc.state) {
    random_.stream += rn_phase_stream(&desc, RN_PHASE_STATE_DROPOUT);
  }
  bool present() const { return p_ > 0; }

  // What R is applied to in row b: the state itself, or that masked, in `room` [P].
  const double* operand(int64_t b, const double* state, double* room) const {
    if (!present()) return state;
    for (int64_t j = 0; j < width_; ++j) room[j] = factor(b, j) * state[j];
    return room;
  }
  // Where the gradient of the operand is summed: the state's own, or `room` [P], zeroed; and after
  // that, what the state's gains from there.
  double* open_gradient(double* dstate, double* room) const {
    if (!present()) return dstate;
    std::fill_n(room, width_, 0.0);
    return room;
  }
  void close_gradient(int64_t b, const double* doperand, double* dstate) const {
    if (!present()) return;
    for (int64_t j = 0; j < width_; ++j) dstate[j] += factor(b, j) * doperand[j];
  }

 private:
  double factor(int64_t b, int64_t unit) const {
    return dropout_factor(random_, b, first_ + unit, p_);
  }

  RnRandom random_;
  double p_;
  int64_t width_, first_;
};

}  // namespace rnnative::reference

#endif  // RNNATIVE_REFERENCE_RECURRENT_PHASES_STATE_DROPOUT_H_
