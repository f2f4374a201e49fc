# Finds OpenMP, and ships its runtime library beside the addon: a machine that installs the prebuilt package has
# neither a compiler nor, always, libgomp. ($ORIGIN in the addon's run path makes the loader look there.)
if(APPLE)
  # Apple's clang has OpenMP but no runtime; Homebrew's static libomp keeps the addon self-contained.
  execute_process(COMMAND brew --prefix libomp OUTPUT_VARIABLE libomp OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE brew_result)
  if(NOT brew_result EQUAL 0)
    message(FATAL_ERROR "rnnative needs libomp on macOS: brew install libomp")
  endif()
  add_library(OpenMP::OpenMP_CXX INTERFACE IMPORTED)
  set_target_properties(OpenMP::OpenMP_CXX PROPERTIES
    INTERFACE_COMPILE_OPTIONS "-Xpreprocessor;-fopenmp"
    INTERFACE_INCLUDE_DIRECTORIES "${libomp}/include"
    INTERFACE_LINK_LIBRARIES "${libomp}/lib/libomp.a")
else()
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()

function(rnnative_ship_openmp_runtime target)
  if(APPLE)
    return()
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set(name libgomp.so.1)
  else()
    set(name libomp.so.5)
  endif()
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=${name}
                  OUTPUT_VARIABLE library OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT IS_ABSOLUTE "${library}")
    message(WARNING "${name} was not found beside the compiler; the addon will use the system's")
    return()
  endif()
  get_filename_component(library "${library}" REALPATH)
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy_if_different "${library}" "$<TARGET_FILE_DIR:${target}>/${name}" VERBATIM)
endfunction()
