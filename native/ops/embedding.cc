#include "native/ops/embedding.h"

#include <algorithm>
#include <cstdint>
#include <string>

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

TouchedRows touched_rows(Queue& queue, const std::vector<Tensor>& ids,
                         const std::vector<int64_t>& none, const Tensor& dy, int64_t vocabulary) {
  const Checker check("touched_rows", dy.device);
  check.real("dy", dy);
  if (dy.shape.dims() != 2) {
    check.fail("ERR_SHAPE", "dy: expected [N, E], got " + dy.shape.to_string());
  }
  if (none.size() != ids.size()) check.fail("ERR_ARGUMENT", "none: expected one for each list");
  Op op("touched_rows", dy.device);
  int64_t rows = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    check.ints("ids[" + std::to_string(i) + "]", ids[i]);
    rows += ids[i].elements();
    op.reads(ids[i]);
  }
  check.shape("dy", dy, Shape{rows, dy.shape[1]});
  // Backends number them by int32.
  if (rows > INT32_MAX) check.fail("ERR_SHAPE", "ids: too many");
  const int64_t capacity = std::min(rows, vocabulary);
  const TouchedRows made = {check.make(Shape{capacity}, DType::kI32),
                            check.make(Shape{capacity, dy.shape[1]})};
  queue.submit(std::move(op.reads(dy).writes(made.touched).writes(made.sums)),
               [=](OpRun& run) -> int32_t {
                 if (rows == 0) return RN_OK;
                 std::vector<RnIds> lists;
                 for (size_t i = 0; i < ids.size(); ++i) {
                   lists.push_back(
                       {static_cast<const int32_t*>(run.data(ids[i])), ids[i].elements(), none[i]});
                 }
                 const RnTouchedRows args = {static_cast<int32_t>(lists.size()),
                                             lists.data(),
                                             rows,
                                             vocabulary,
                                             dy.shape[1],
                                             capacity,
                                             run.data(dy),
                                             static_cast<int32_t*>(run.data(made.touched)),
                                             run.data(made.sums)};
                 return run.backend().touched_rows(run.context(), &args);
               });
  return made;
}

}  // namespace rnnative
