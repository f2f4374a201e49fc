// Why a tensor has no value.
#ifndef RNNATIVE_RUNTIME_FAILURE_H_
#define RNNATIVE_RUNTIME_FAILURE_H_

#include <cstdint>
#include <memory>
#include <string>

namespace rnnative {

// The first error of a chain of dependent ops. Touched by the engine thread only until a completed
// request hands it to JavaScript, which reads `code` and `message`.
struct Failure {
  const char* code;       // a string literal
  std::string message;    // "[op] ..."
  bool reported = false;  // a read has rejected with it, so synchronize() need not
};
using FailurePtr = std::shared_ptr<Failure>;

// `text` gets "[op] " in front unless it names an op itself. `code` is a string literal.
FailurePtr make_failure(const char* op, const char* code, const std::string& text);
// That of an RnStatus other than RN_OK; `text` is what the backend said, perhaps nothing.
FailurePtr status_failure(const char* op, int32_t status, const std::string& text);

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_FAILURE_H_
