// Which copies of the cpu backend this build has and this machine can run.
#ifndef RNNATIVE_RUNTIME_ISA_H_
#define RNNATIVE_RUNTIME_ISA_H_

#include <string>
#include <vector>

#include "native/abi/backend.h"

namespace rnnative {

// Names, slowest first.
const std::vector<std::string>& available_isas();
// Throws ERR_ARGUMENT, naming `source` and the choices, for one that is unknown or unavailable.
const RnBackend& cpu_backend(const std::string& isa, const char* source);
// RNNATIVE_ISA, else the fastest. Throws as cpu_backend does.
const RnBackend& default_cpu_backend();

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_ISA_H_
