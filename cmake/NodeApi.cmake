# Finds the headers of Node-API and node-addon-api: from cmake-js when it drives the build, else by asking node.
# Sets RNNATIVE_NODE_API_INCLUDE. Without node on PATH, pass -DRNNATIVE_NODE_API_INCLUDE="dir1;dir2".
if(NOT RNNATIVE_NODE_API_INCLUDE)
  if(CMAKE_JS_INC)
    set(RNNATIVE_NODE_API_INCLUDE ${CMAKE_JS_INC})
  else()
    execute_process(
      COMMAND node -p "[require('node-api-headers').include_dir, require('node-addon-api').include_dir].join(';')"
      WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
      OUTPUT_VARIABLE RNNATIVE_NODE_API_INCLUDE OUTPUT_STRIP_TRAILING_WHITESPACE
      RESULT_VARIABLE node_result)
    if(NOT node_result EQUAL 0)
      message(FATAL_ERROR "node-api-headers and node-addon-api were not found: run npm install first")
    endif()
  endif()
endif()
