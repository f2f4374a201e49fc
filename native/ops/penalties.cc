#include "native/ops/penalties.h"

#include <limits>
#include <string>

namespace rnnative {

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
