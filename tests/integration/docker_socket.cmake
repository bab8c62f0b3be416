# Tests that start the daemons of others; shell scripts, see there.
add_test(NAME docker_socket COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/docker_socket_test.sh ${CMAKE_BINARY_DIR}/bin)
add_test(NAME test_images COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_images_test.sh)
add_test(NAME examples COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/examples_test.sh ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(docker_socket test_images examples PROPERTIES LABELS integration RUN_SERIAL TRUE TIMEOUT 600)

# The demo builds in build/release, so it is a test of that one only.
if(CMAKE_BINARY_DIR STREQUAL "${PROJECT_SOURCE_DIR}/build/release")
  add_test(NAME demo COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/demo_test.sh)
  set_tests_properties(demo PROPERTIES LABELS integration RUN_SERIAL TRUE TIMEOUT 900)
endif()
