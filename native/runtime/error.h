// The one exception type of native code. It crosses into JavaScript as an Error with a `code`.
#ifndef RNNATIVE_RUNTIME_ERROR_H_
#define RNNATIVE_RUNTIME_ERROR_H_

#include <stdexcept>
#include <string>

namespace rnnative {

// Codes: ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_INDEX, ERR_ARGUMENT, ERR_DISPOSED,
// ERR_OUT_OF_MEMORY, ERR_UNSUPPORTED, ERR_UNINITIALIZED, ERR_NONFINITE, ERR_INTERNAL. `message` has
// the form
// "[lstm] weight_hh_l0: expected [2048, 512], got [2048, 256]".
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;  // a string literal
};

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_ERROR_H_
