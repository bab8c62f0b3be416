# Tests in rings: unit, golden, simulation, integration, fault, conformance. Each ring is a ctest label.
find_package(GTest REQUIRED)

# The tests of what several threads share; ThreadSanitizer has nothing to see in the others. They have the label, too.
add_custom_target(threads)

# gantry_test(NAME RING SOURCES... [LIBRARIES libs...] [TIMEOUT seconds] [PRECOMPILE headers...] [THREADS])
function(gantry_test name ring)
  cmake_parse_arguments(TEST "THREADS" "TIMEOUT" "SOURCES;LIBRARIES;PRECOMPILE" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  if(GANTRY_SANITIZE)  # ten times slower, and so is a busy host
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(CMAKE_BUILD_TYPE STREQUAL "Release")  # what takes long is in the rooms
    target_compile_options(${name} PRIVATE -O1)
  endif()
  if(TEST_PRECOMPILE)
    target_precompile_headers(${name} PRIVATE ${TEST_PRECOMPILE})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(labels ${ring})
  if(TEST_THREADS)
    list(APPEND labels threads)
    add_dependencies(threads ${name})
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT ${TEST_TIMEOUT})
  if(NOT ring MATCHES "^(unit|golden|simulation)$")  # containers: enough of them to keep all processors busy
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()
