// Data from JavaScript on its way to a tensor.
#ifndef RNNATIVE_ADDON_UPLOAD_H_
#define RNNATIVE_ADDON_UPLOAD_H_

#include "native/addon/typed_array.h"
#include "native/runtime/queue.h"

namespace rnnative::addon {

// Copies `data` now, and into `y` when the turn of `op`, which writes it, comes. Queued ops may
// hold the memory that is missing until they have run, so a first refusal waits for them.
void submit_upload(EngineQueue& queue, Op op, const Tensor& y, const Elements& data);

}  // namespace rnnative::addon

#endif  // RNNATIVE_ADDON_UPLOAD_H_
