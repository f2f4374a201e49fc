# The build id ties the addon to the CUDA library made from the same sources: an addon refuses a library with another.
# So it is a hash of every file that the library is made from, the emulation's included.
#
# As a script it prints the id and then the files: cmake [-DROOT=DIR] -P cmake/BuildId.cmake
function(rnnative_build_id root out_id out_files)
  if(NOT CMAKE_SCRIPT_MODE_FILE)
    set(watch CONFIGURE_DEPENDS)
  endif()
  file(GLOB_RECURSE files ${watch}
    "${root}/cuda/*.cu" "${root}/cuda/*.cuh" "${root}/cuda/*.cc" "${root}/cuda/*.h"
    "${root}/native/abi/*.h" "${root}/native/cells/*.h")
  list(APPEND files "${root}/native/runtime/philox.h")
  list(SORT files)
  set(text "")
  foreach(file IN LISTS files)
    file(SHA256 "${file}" hash)
    file(RELATIVE_PATH name "${root}" "${file}")
    string(APPEND text "${name} ${hash}\n")
  endforeach()
  string(SHA256 hash "${text}")
  string(SUBSTRING "${hash}" 0 12 hash)
  file(READ "${root}/package.json" package)
  string(JSON version GET "${package}" version)
  set(${out_id} "${version}+${hash}" PARENT_SCOPE)
  set(${out_files} "${files}" PARENT_SCOPE)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  if(NOT ROOT)
    get_filename_component(ROOT "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)
  endif()
  rnnative_build_id("${ROOT}" lines files)
  foreach(file IN LISTS files)
    file(RELATIVE_PATH name "${ROOT}" "${file}")
    list(APPEND lines "${name}")
  endforeach()
  list(JOIN lines "\n" lines)
  execute_process(COMMAND "${CMAKE_COMMAND}" -E echo "${lines}") # `message` writes to stderr
endif()
