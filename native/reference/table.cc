// The reference backend: every op of RnBackend in double precision, as plain loops in the order of
// its formula. It defines what is right: the other backends are tested against it, and it is itself
// tested against finite differences and PyTorch. So nothing here is done for speed.
#include "native/abi/backends.h"

namespace rnnative::reference {

RN_DECLARE_OPS

}  // namespace rnnative::reference

extern "C" const RnBackend* rn_backend_reference() {
  using namespace rnnative::reference;
  static constexpr RnBackend table = RN_TABLE("reference", sizeof(double));
  return &table;
}
