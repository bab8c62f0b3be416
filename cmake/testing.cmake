# Tests in rings: unit, golden, simulation, integration, fault, conformance. Each ring is a ctest label.
find_package(GTest REQUIRED)

# gantry_test(NAME RING SOURCES... [LIBRARIES libs...] [TIMEOUT seconds])
function(gantry_test name ring)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  if(GANTRY_SANITIZE)  # ten times slower, and so is a busy host
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 5")
  endif()
  add_executable(${name} ${TEST_SOURCES})
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gmock GTest::gtest_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS ${ring} TIMEOUT ${TEST_TIMEOUT})
endfunction()
