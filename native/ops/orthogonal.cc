#include "native/ops/orthogonal.h"

#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "native/ops/check.h"
#include "native/runtime/isa.h"

namespace rnnative {

namespace {

// Scratch of the host for an op of another device.
class HostScratch {
 public:
  explicit HostScratch(const RnContext& like) : context_(like) {
    context_.threads = 1;  // the team is the CPU engine's
    context_.runtime = this;
    context_.scratch = [](void* self, size_t bytes) {
      void* data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
      static_cast<HostScratch*>(self)->blocks_.emplace_back(data, &std::free);
      return data;
    };
  }
  RnContext* context() { return &context_; }

 private:
  RnContext context_;
  std::vector<std::unique_ptr<void, decltype(&std::free)>> blocks_;
};

int32_t make_on_host(OpRun& run, const Tensor& y, RnOrthogonal args) {
  std::vector<float> values(static_cast<size_t>(y.elements()));
  args.y = values.data();
  HostScratch host(*run.context());
  const int32_t status = default_cpu_backend().orthogonal(host.context(), &args);
  return status == RN_OK ? run.upload(y, values.data()) : status;
}

}  // namespace

Tensor orthogonal(Queue& queue, Device device, int64_t rows, int64_t columns, int64_t blocks,
                  double gain, const RnRandom& random) {
  const Checker check("orthogonal", device);
  constexpr double kMax = std::numeric_limits<double>::max();
  check.in_range("gain", gain, -kMax, kMax, true);
  if (blocks < 1 || rows % blocks != 0) {
    check.fail("ERR_SHAPE", "blocks: expected a divisor of the rows " + std::to_string(rows) +
                                ", got " + std::to_string(blocks));
  }
  const Tensor y = check.make(Shape{rows, columns});
  Op op("orthogonal", device);
  op.uploads = device == Device::kCuda;
  queue.submit(std::move(op.writes(y)), [=](OpRun& run) -> int32_t {
    if (y.elements() == 0) return RN_OK;
    RnOrthogonal args = {blocks, rows / blocks, columns, gain, random, run.data(y)};
    if (device == Device::kCuda) return make_on_host(run, y, args);
    return run.backend().orthogonal(run.context(), &args);
  });
  return y;
}

}  // namespace rnnative
