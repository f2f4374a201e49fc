#include "native/runtime/failure.h"

#include "native/abi/backend.h"

namespace rnnative {

FailurePtr make_failure(const char* op, const char* code, const std::string& text) {
  const bool named = !text.empty() && text[0] == '[';
  return std::make_shared<Failure>(
      Failure{code, named ? text : "[" + std::string(op) + "] " + text});
}

FailurePtr status_failure(const char* op, int32_t status, const std::string& text) {
  const auto or_else = [&](const char* fallback) { return text.empty() ? fallback : text; };
  switch (status) {
    case RN_ERR_INDEX:
      return make_failure(op, "ERR_INDEX", or_else("index out of range"));
    case RN_ERR_OUT_OF_MEMORY:
      return make_failure(op, "ERR_OUT_OF_MEMORY", or_else("out of memory"));
    case RN_ERR_NONFINITE:
      return make_failure(op, "ERR_NONFINITE", or_else("numbers that are not finite"));
    case RN_ERR_DEVICE:
      return make_failure(op, "ERR_DEVICE", "at or before this op: " + text);
    case RN_ERR_UNSUPPORTED:
      return make_failure(op, "ERR_UNSUPPORTED", or_else("not supported by this backend"));
    default:
      return make_failure(op, "ERR_INTERNAL", or_else("the kernel failed"));
  }
}

}  // namespace rnnative
