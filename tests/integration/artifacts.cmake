# The servers that artifacts come from: Python's HTTP server, git daemon, moto (from PyPI, into the build directory).
gantry_test(artifacts_http_test integration SOURCES artifacts_http_test.cc LIBRARIES gantry_artifacts)
gantry_test(artifacts_disk_test integration SOURCES artifacts_disk_test.cc LIBRARIES gantry_artifacts)
gantry_test(artifacts_git_test integration SOURCES artifacts_git_test.cc LIBRARIES gantry_artifacts)
gantry_test(artifacts_s3_test integration SOURCES artifacts_s3_test.cc LIBRARIES gantry_artifacts TIMEOUT 600)
target_compile_definitions(artifacts_s3_test PRIVATE MOTO_VENV="${CMAKE_BINARY_DIR}/tests/moto-venv")
