# librnnative_cuda.so: a plain shared library that the addon opens at run time, from beside itself or from the package
# rnnative-cuda. Never named .node, since node-gyp-build takes the first .node it finds. The runtime is linked statically; nothing else is needed at
# load time, so the library also opens (and answers the probe) on a machine without a driver.
#
# EMULATED compiles the same sources with the host's compiler, for tests on a machine without a GPU (cuda/emulation).
file(GLOB_RECURSE RNNATIVE_CUDA_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/cuda/*.cu")
if(RNNATIVE_CUDA STREQUAL "EMULATED")
  file(GLOB emulation CONFIGURE_DEPENDS cuda/emulation/*.cc)
  set_source_files_properties(${RNNATIVE_CUDA_SOURCES} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  add_library(rnnative_cuda SHARED ${RNNATIVE_CUDA_SOURCES} ${emulation})
  target_include_directories(rnnative_cuda PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/cuda/emulation")
  target_compile_definitions(rnnative_cuda PRIVATE RN_BUILD_ID="${RNNATIVE_BUILD_ID}")
  target_compile_options(rnnative_cuda PRIVATE -O1 -Wno-unknown-pragmas)
  set_target_properties(rnnative_cuda PROPERTIES
    LIBRARY_OUTPUT_DIRECTORY "${RNNATIVE_OUTPUT_DIR}" LIBRARY_OUTPUT_DIRECTORY_RELEASE "${RNNATIVE_OUTPUT_DIR}")
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(RNNATIVE_CUDA STREQUAL "AUTO")
    message(STATUS "rnnative: no CUDA compiler (nvcc) found; building without the CUDA backend")
    return()
  endif()
  message(FATAL_ERROR "RNNATIVE_CUDA=ON needs nvcc (CUDA 13) on PATH or in CUDACXX")
endif()

set(CMAKE_CUDA_ARCHITECTURES "${RNNATIVE_CUDA_ARCHITECTURES}")
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
set(CMAKE_CUDA_FLAGS_RELEASE "-O3 -DNDEBUG")
enable_language(CUDA)
if(CMAKE_VERSION VERSION_LESS 3.26) # which does not know nvcc's C++20
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()

add_library(rnnative_cuda SHARED ${RNNATIVE_CUDA_SOURCES})
target_include_directories(rnnative_cuda PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}/cuda/gpu")
target_compile_definitions(rnnative_cuda PRIVATE RN_BUILD_ID="${RNNATIVE_BUILD_ID}")
target_compile_options(rnnative_cuda PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O2>)
target_link_options(rnnative_cuda PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
set_target_properties(rnnative_cuda PROPERTIES
  CUDA_STANDARD 20
  CUDA_VISIBILITY_PRESET hidden
  LIBRARY_OUTPUT_DIRECTORY "${RNNATIVE_OUTPUT_DIR}"
  LIBRARY_OUTPUT_DIRECTORY_RELEASE "${RNNATIVE_OUTPUT_DIR}")
