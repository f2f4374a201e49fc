// What this process may use of the machine: CPUs and memory, as affinity and cgroups allow.
#ifndef RNNATIVE_RUNTIME_MACHINE_H_
#define RNNATIVE_RUNTIME_MACHINE_H_

#include <cstddef>

namespace rnnative {

// CPUs in this process's affinity mask, as it was when first asked.
int affinity_cpus();
// The tightest CPU quota of this process's cgroup and its ancestors, in CPUs; 0: none.
double cpu_quota();
// OMP_NUM_THREADS, else the CPUs that affinity and quota allow; at least 1.
int default_threads();
// Bytes that can still be taken: what the system calls available, less if a cgroup allows less.
size_t available_memory();

}  // namespace rnnative

#endif  // RNNATIVE_RUNTIME_MACHINE_H_
