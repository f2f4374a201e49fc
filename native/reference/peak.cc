// The reference defines results, not speeds.
#include <cstdio>

#include "native/abi/backend.h"

namespace rnnative::reference {

int32_t peak(RnContext* context, const RnPeak*) {
  std::snprintf(context->error, sizeof context->error, "not measured on the reference backend");
  return RN_ERR_UNSUPPORTED;
}

}  // namespace rnnative::reference
