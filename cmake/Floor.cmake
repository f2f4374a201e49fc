# Has a library ask for no newer glibc and libstdc++ than it needs, whatever system links it: cmake/floor.cc. The sanitizers
# intercept some of these names, so that their builds are left as they are; other systems have no versions of names.
include(CheckCXXSymbolExists)
check_cxx_symbol_exists(__GLIBC__ features.h RNNATIVE_HAS_GLIBC)

function(rnnative_lower_floor target)
  if(NOT RNNATIVE_HAS_GLIBC OR RNNATIVE_SANITIZE)
    return()
  endif()
  add_library(${target}_floor OBJECT "${CMAKE_CURRENT_SOURCE_DIR}/cmake/floor.cc")
  target_compile_options(${target}_floor PRIVATE -O2)
  target_link_libraries(${target} PRIVATE ${target}_floor)
endfunction()
