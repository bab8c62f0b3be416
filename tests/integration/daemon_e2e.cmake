# gantryd as its users know it: a script, see there.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME daemon_e2e
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/daemon_e2e_test.py ${CMAKE_BINARY_DIR}/bin)
set_tests_properties(daemon_e2e PROPERTIES LABELS integration RUN_SERIAL TRUE TIMEOUT 600)
