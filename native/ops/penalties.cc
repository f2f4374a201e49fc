#include "native/ops/penalties.h"

#include <limits>
#include <string>

namespace rnnative {

void check_logits(const Checker& check, const Tensor& logits) {
  check.real("logits", logits);
  const Shape& shape = logits.shape;
  if (shape.dims() != 2 || shape[1] < 1)
    check.fail("ERR_SHAPE", "logits: expected [rows, vocabulary], got " + shape.to_string());
}

void check_penalties(const Checker& check, const Penalties& penalties) {
  const auto& [rows, tokens, values] = penalties;
  if (!rows) {
    if (tokens || values)
      check.fail("ERR_ARGUMENT", "penaltyTokens, penaltyValues: expected null without penaltyRows");
    return;
  }
  check.ints("penaltyRows", rows);
  const int64_t count = rows.elements();
  if (count > std::numeric_limits<int32_t>::max())
    check.fail("ERR_SHAPE", "penaltyRows: too many, got " + std::to_string(count));
  check.shape("penaltyRows", rows, Shape{count});
  check.ints("penaltyTokens", tokens, Shape{count});
  check.real("penaltyValues", values, Shape{count});
}

Op& read_penalties(Op& op, const Penalties& penalties) {
  return op.reads(penalties.rows).reads(penalties.tokens).reads(penalties.values);
}

RnPenalties penalties_of(OpRun& run, const Penalties& penalties) {
  RnPenalties p = {};
  if (!penalties.rows) return p;
  p.count = penalties.rows.elements();
  p.rows = static_cast<const int32_t*>(run.data(penalties.rows));
  p.tokens = static_cast<const int32_t*>(run.data(penalties.tokens));
  p.values = run.data(penalties.values);
  return p;
}

}  // namespace rnnative
