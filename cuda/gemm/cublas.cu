// Large products by cuBLAS, whose kernels come closer to a device's peak than ours. Its prototypes
// are our own: no headers, no link dependency. Its matrices are column-major, so c = a b is asked
// for as c^T = b^T a^T. Sums and f32 operands stay f32: TF32 is never asked for.
#include "cuda/gemm/cublas.cuh"

#include <dlfcn.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include "cuda/core/device.cuh"
#include "cuda/core/elements.cuh"
#include "cuda/core/program.cuh"

namespace rnnative::cuda {
namespace {

// Of cublas_api.h and library_types.h.
using Handle = struct cublasContext*;
constexpr int kSuccess = 0, kAsIs = 0, kTransposed = 1, kFloat = 0, kBf16 = 14, kCompute32F = 68;
constexpr int kDefaultAlgorithm = -1;
constexpr int kDefaultMath = 0, kNoReducedPrecisionReduction = 16;
// What NVIDIA recommends for compute capability 9.0. Given once, so that it is the same memory for
// every product: then results are the same at every run.
constexpr size_t kWorkspace = size_t{32} << 20;

struct Functions {
  int (*create)(Handle*);
  int (*set_stream)(Handle, cudaStream_t);
  int (*set_workspace)(Handle, void*, size_t);
  int (*set_math_mode)(Handle, int);
  int (*gemm)(Handle, int trans_a, int trans_b, int m, int n, int k, const void* alpha,
              const void* a, int a_type, int lda, const void* b, int b_type, int ldb,
              const void* beta, void* c, int c_type, int ldc, int compute, int algorithm);
  int (*gemm_strided)(Handle, int trans_a, int trans_b, int m, int n, int k, const void* alpha,
                      const void* a, int a_type, int lda, long long stride_a, const void* b,
                      int b_type, int ldb, long long stride_b, const void* beta, void* c,
                      int c_type, int ldc, long long stride_c, int groups, int compute,
                      int algorithm);
};
Functions functions;
Handle handle = nullptr;

template <class Function>
bool look_up(void* library, const char* name, Function** function) {
  *function = reinterpret_cast<Function*>(dlsym(library, name));
  return *function != nullptr;
}

bool look_up_all(void* library) {
  return look_up(library, "cublasCreate_v2", &functions.create) &&
         look_up(library, "cublasSetStream_v2", &functions.set_stream) &&
         look_up(library, "cublasSetWorkspace_v2", &functions.set_workspace) &&
         look_up(library, "cublasSetMathMode", &functions.set_math_mode) &&
         look_up(library, "cublasGemmEx", &functions.gemm) &&
         look_up(library, "cublasGemmStridedBatchedEx", &functions.gemm_strided);
}

// Keeps the first path that opens, and the loader's last word if none does.
void* try_open(Cublas* found, const char* directory, const char* name) {
  std::snprintf(found->path, sizeof found->path, "%s%s%s", directory, *directory != '\0' ? "/" : "",
                name);
  void* library = dlopen(found->path, RTLD_NOW | RTLD_LOCAL);
  const char* error = library != nullptr ? nullptr : dlerror();
  if (error != nullptr) std::snprintf(found->reason, sizeof found->reason, "%s", error);
  return library;
}

void* open_library(Cublas* found) {
  if (const char* path = std::getenv("RNNATIVE_CUBLAS_PATH")) {
    found->asked_for = *path != '\0';
    if (found->asked_for) return try_open(found, "", path);
    std::snprintf(found->reason, sizeof found->reason, "RNNATIVE_CUBLAS_PATH is empty");
    return nullptr;
  }
  char home[200] = "";
  if (const char* set = std::getenv("CUDA_HOME"); set != nullptr && *set != '\0')
    std::snprintf(home, sizeof home, "%s/lib64", set);
  for (const char* directory : {"", static_cast<const char*>(home), "/usr/local/cuda/lib64"})
    for (const char* name : {"libcublas.so.13", "libcublas.so.12"})
      if (void* library = try_open(found, directory, name)) return library;
  return nullptr;
}

bool start(Cublas* found) {
  int status = functions.create(&handle);
  if (status == kSuccess) status = functions.set_stream(handle, device().stream);
  void* workspace = nullptr;
  if (status == kSuccess && cudaMalloc(&workspace, kWorkspace) != cudaSuccess) {
    // Left to itself it allocates while steps are recorded, and sums in another order at every run.
    cudaGetLastError();
    std::snprintf(found->reason, sizeof found->reason, "no memory for cuBLAS's workspace");
    return false;
  }
  if (status == kSuccess) status = functions.set_workspace(handle, workspace, kWorkspace);
  if (status == kSuccess)
    status = functions.set_math_mode(handle, kDefaultMath | kNoReducedPrecisionReduction);
  if (status != kSuccess)
    std::snprintf(found->reason, sizeof found->reason, "cuBLAS does not start: status %d", status);
  return status == kSuccess;
}

Cublas open_cublas() {
  Cublas found = {};
  void* library = open_library(&found);
  if (library == nullptr) {
    found.path[0] = '\0';
    return found;
  }
  found.reason[0] = '\0';
  found.available = look_up_all(library);
  if (!found.available)
    std::snprintf(found.reason, sizeof found.reason, "a function is missing from the library");
  return found;
}

Cublas open_and_start() {
  Cublas found = find_cublas();
  found.available = found.available && start(&found);
  return found;
}

// c = bias, or c += bias, in every row.
__global__ void put_bias_kernel(Gemm p) {
  each_element(p.groups * p.m, p.n, [&](int64_t row, int64_t column) {
    const int64_t group = p.groups == 1 ? 0 : row / p.m;
    float* c = p.c + group * p.stride_c + (row - group * p.m) * p.ldc + column;
    *c = p.add ? *c + p.bias[column] : p.bias[column];
  });
}

}  // namespace

const Cublas& find_cublas() {
  static const Cublas found = open_cublas();
  return found;
}

const Cublas& start_cublas() {
  static const Cublas started = open_and_start();
  return started;
}

static const BeforeRecording kStart([] { start_cublas(); });

int32_t gemm_cublas(RnContext* ctx, const Gemm& product, bool bf16) {
  Gemm p = product;
  int32_t status = RN_OK;
  if (bf16) status = round_operand(ctx, &p, false);
  if (bf16 && status == RN_OK) status = round_operand(ctx, &p, true);
  for (const int64_t size : {p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.groups})
    if (size > INT_MAX) return fail(ctx, RN_ERR_UNSUPPORTED, "a matrix too large for cuBLAS");
  if (status == RN_OK && p.bias != nullptr)
    status = launch(ctx, over_elements(p.groups * p.m, p.n), put_bias_kernel, p);
  if (status != RN_OK) return status;

  const float one = 1, beta = p.add || p.bias != nullptr ? 1 : 0;
  const auto narrow = [](int64_t size) { return static_cast<int>(size); };
  const int op_a = p.trans_a ? kTransposed : kAsIs, op_b = p.trans_b ? kTransposed : kAsIs;
  const int m = narrow(p.n), n = narrow(p.m), k = narrow(p.k), type = bf16 ? kBf16 : kFloat;
  const int lda = narrow(p.lda), ldb = narrow(p.ldb), ldc = narrow(p.ldc);
  // Groups may lie in any order; nothing says that cuBLAS takes negative strides.
  const bool strided = p.groups > 1 && p.stride_a >= 0 && p.stride_b >= 0;
  const int64_t size = bf16 ? sizeof(uint16_t) : sizeof(float);
  const auto part = [=](const void* data, int64_t stride, int64_t group) {
    return static_cast<const char*>(data) + group * stride * size;
  };
  int answer = kSuccess;
  if (strided)
    answer = functions.gemm_strided(handle, op_b, op_a, m, n, k, &one, p.b, type, ldb, p.stride_b,
                                    p.a, type, lda, p.stride_a, &beta, p.c, kFloat, ldc, p.stride_c,
                                    narrow(p.groups), kCompute32F, kDefaultAlgorithm);
  for (int64_t g = 0; !strided && g < p.groups && answer == kSuccess; ++g)
    answer = functions.gemm(handle, op_b, op_a, m, n, k, &one, part(p.b, p.stride_b, g), type, ldb,
                            part(p.a, p.stride_a, g), type, lda, &beta, p.c + g * p.stride_c,
                            kFloat, ldc, kCompute32F, kDefaultAlgorithm);
  if (answer == kSuccess) return RN_OK;
  return fail(ctx, RN_ERR_DEVICE, "cuBLAS: status %d", answer);
}

}  // namespace rnnative::cuda
