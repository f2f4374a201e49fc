// Training vectors of words, documents and labels.
#ifndef RNNATIVE_OPS_EMBED_TRAIN_H_
#define RNNATIVE_OPS_EMBED_TRAIN_H_

#include "native/abi/backend.h"
#include "native/runtime/op.h"
#include "native/runtime/tensor.h"

namespace rnnative {

// What the members mean is at RnEmbedTrain.
struct EmbedTrainArgs {
  int32_t model = 0, loss = 0, window = 1, negative = 0, frozen = 0, threads = 1, classes = 1;
  bool shrink = false, alike = false;
  double lr_begin = 0, lr_end = 0;
  RnRandom random = {};
  Tensor table;        // [rows, features]
  Tensor output;       // [out rows, features]
  Tensor documents;    // [documents, features] or null
  Tensor tokens;       // i32 [count]
  Tensor starts;       // i32 [sentences + 1]
  Tensor labels;       // i32 [sentences] or null
  Tensor part_starts;  // i32 [words + 1] or null
  Tensor parts;        // i32, with them
  Tensor keep;         // i32 [words] or null
  Tensor choices;      // i32 [targets, 2], of negatives
  Tensor path_starts;  // i32 [targets + 1], of the hierarchical loss
  Tensor paths;        // i32, with them
};

// [2]: RnEmbedTrain's losses. The tables learn in place.
Tensor embed_train(Queue& queue, const EmbedTrainArgs& args);

}  // namespace rnnative

#endif  // RNNATIVE_OPS_EMBED_TRAIN_H_
