#include "native/ops/embedding.h"

#include <cstdint>

#include "native/ops/check.h"
#include "native/ops/strided.h"

namespace rnnative {

namespace {

void check_table(const Checker& check, const char* name, const Tensor& table) {
  check.real(name, table);
  if (table.shape.dims() != 2) {
    check.fail("ERR_SHAPE",
               std::string(name) + ": expected [V, E], got " + table.shape.to_string());
  }
}

}  // namespace

Tensor embedding(Queue& queue, const Tensor& ids, const Tensor& table) {
  const Checker check("embedding", table.device);
  check_table(check, "table", table);
  check.ints("ids", ids);
  const Tensor y = check.make(appended(ids.shape, table.shape[1]));
  queue.submit(
      Op("embedding", table.device).reads(ids).reads(table).writes(y), [=](OpRun& run) -> int32_t {
        if (y.elements() == 0) return RN_OK;
        const RnEmbedding args = {ids.elements(),  table.shape[0],
                                  table.shape[1],  static_cast<const int32_t*>(run.data(ids)),
                                  run.data(table), run.data(y)};
        return run.backend().embedding(run.context(), &args);
      });
  return y;
}

void embedding_backward(Queue& queue, const Tensor& ids, const Tensor& dy, const Sink& dtable) {
  const Checker check("embedding_backward", dy.device);
  check.ints("ids", ids);
  check.real("dy", dy);
  if (!dtable.tensor) return;
  check_table(check, "dtable", dtable.tensor);
  const Shape table = dtable.tensor.shape;
  check.shape("dy", dy, appended(ids.shape, table[1]));
  // Backends number them by int32.
  if (ids.elements() > INT32_MAX) check.fail("ERR_SHAPE", "ids: too many");
  queue.submit(
      Op("embedding_backward", dy.device).reads(ids).reads(dy).sink(dtable.tensor, dtable.add),
      [=](OpRun& run) -> int32_t {
        if (dy.elements() == 0) return zero(run, dtable);
        const RnEmbeddingBackward args = {
            ids.elements(), table[0],
            table[1],       static_cast<const int32_t*>(run.data(ids)),
            run.data(dy),   run.grad(dtable.tensor, dtable.add)};
        return run.backend().embedding_backward(run.context(), &args);
      });
}

}  // namespace rnnative
