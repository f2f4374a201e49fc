// The parameters of a recurrent stack, for the ops that run one: checks, versions and sinks.
#ifndef RNNATIVE_OPS_RECURRENT_PARAMETERS_H_
#define RNNATIVE_OPS_RECURRENT_PARAMETERS_H_

#include <limits>
#include <string>
#include <vector>

#include "native/ops/check.h"
#include "native/ops/recurrent/recurrent.h"

namespace rnnative {

// No extent of a recurrent op's tensors may be larger.
inline constexpr int64_t kMaxExtent = std::numeric_limits<int32_t>::max();

RnRecurrentDesc describe_stack(const RecurrentOptions& options, int64_t time, int64_t batch,
                               int64_t input);

// Each throws in the op's name; parameters are named as PyTorch names them.
void check_options(const Checker& check, const RecurrentOptions& options);
// `projected`: without the first layer's input weights, whose products are x.
void check_parameters(const Checker& check, const RecurrentOptions& options,
                      const RnRecurrentDesc& desc,
                      const std::vector<RecurrentParameters>& parameters, bool projected = false);
// Whether every direction of the first layer lacks its input weight.
bool is_projected(const RnRecurrentDesc& desc, const std::vector<RecurrentParameters>& parameters);
void check_parameter_sinks(const Checker& check, const RecurrentOptions& options,
                           const RnRecurrentDesc& desc,
                           const std::vector<RecurrentParameters>& parameters,
                           const std::vector<RecurrentSinks>& sinks);

// Last thing before submit, after every check: the queue keeps versions for the op submitted next.
std::vector<RnRecurrentSlots> capture_slots(Queue& queue,
                                            const std::vector<RecurrentParameters>& parameters);
// On the engine: the same with their data.
std::vector<RnRecurrentSlots> open_slots(OpRun& run, std::vector<RnRecurrentSlots> slots,
                                         const std::vector<RecurrentParameters>& parameters);
std::vector<RnRecurrentSlotGrads> open_sinks(OpRun& run, const std::vector<RecurrentSinks>& sinks);

// No steps: a state goes (or its gradient comes) through unchanged, zero where there is none.
int32_t pass_state(OpRun& run, const Tensor& from, const Sink& to);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_RECURRENT_PARAMETERS_H_
