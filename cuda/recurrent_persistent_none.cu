// Until the persistent tier is there.
#include "cuda/recurrent_layer.cuh"

namespace rnnative::cuda {

__attribute__((weak)) bool persistent_forward_fits(const LayerForward&) {
  return false;
}
__attribute__((weak)) bool persistent_backward_fits(const LayerBackward&) {
  return false;
}
__attribute__((weak)) int32_t persistent_forward(RnContext*, const LayerForward&) {
  return RN_ERR_UNSUPPORTED;
}
__attribute__((weak)) int32_t persistent_backward(RnContext*, const LayerBackward&) {
  return RN_ERR_UNSUPPORTED;
}

}  // namespace rnnative::cuda
