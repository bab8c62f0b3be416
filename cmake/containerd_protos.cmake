# containerd's API, generated at build time from the .proto files that Debian's
# golang-github-containerd-containerd-dev installs: the library gantry_containerd_protos.
# The 1.6 API is a subset of the later ones on the wire, so the client also speaks to 1.7 and 2.x.
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(PKG_CONFIG pkg-config REQUIRED)
# One call of pkg-config, for which gRPC's hundreds of dependencies take seconds; pkg_check_modules makes a dozen.
if(NOT GRPC_LIBRARIES)
  execute_process(COMMAND ${PKG_CONFIG} --libs grpc++ protobuf OUTPUT_VARIABLE libraries
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(libraries)
  list(FILTER libraries INCLUDE REGEX "^-l")
  set(GRPC_LIBRARIES ${libraries} CACHE STRING "gRPC, Protobuf and what they need")
endif()

set(CONTAINERD_PROTO_ROOT /usr/share/gocode/src CACHE PATH "Holds github.com/containerd/containerd/api")
set(prefix github.com/containerd/containerd)
set(messages
  ${prefix}/api/types/descriptor.proto
  ${prefix}/api/types/metrics.proto
  ${prefix}/api/types/mount.proto
  ${prefix}/api/types/platform.proto
  ${prefix}/api/types/task/task.proto
  ${prefix}/api/events/image.proto
  ${prefix}/api/events/task.proto
  ${prefix}/runtime/v2/runc/options/oci.proto)
set(services
  ${prefix}/api/services/containers/v1/containers.proto
  ${prefix}/api/services/content/v1/content.proto
  ${prefix}/api/services/diff/v1/diff.proto
  ${prefix}/api/services/events/v1/events.proto
  ${prefix}/api/services/images/v1/images.proto
  ${prefix}/api/services/leases/v1/leases.proto
  ${prefix}/api/services/namespaces/v1/namespace.proto
  ${prefix}/api/services/snapshots/v1/snapshots.proto
  ${prefix}/api/services/tasks/v1/tasks.proto
  ${prefix}/api/services/version/v1/version.proto)

set(stripped ${CMAKE_BINARY_DIR}/containerd_protos/proto)
set(generated ${CMAKE_BINARY_DIR}/containerd_protos/cpp)
set(inputs ${messages} ${services})
list(TRANSFORM inputs PREPEND ${CONTAINERD_PROTO_ROOT}/ OUTPUT_VARIABLE input_paths)
foreach(path ${input_paths})
  if(NOT EXISTS ${path})
    message(FATAL_ERROR "${path} is missing: install golang-github-containerd-containerd-dev")
  endif()
endforeach()
set(outputs)
foreach(file ${messages} ${services})
  string(REGEX REPLACE "\\.proto$" "" stem ${file})
  list(APPEND outputs ${generated}/${stem}.pb.cc ${generated}/${stem}.pb.h)
endforeach()
foreach(file ${services})
  string(REGEX REPLACE "\\.proto$" "" stem ${file})
  list(APPEND outputs ${generated}/${stem}.grpc.pb.cc ${generated}/${stem}.grpc.pb.h)
endforeach()

add_custom_command(
  OUTPUT ${outputs}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/cmake/strip_gogoproto.py
          ${CONTAINERD_PROTO_ROOT} ${stripped} ${inputs}
  COMMAND ${PROTOC} -I${stripped} --cpp_out=${generated} ${inputs}
  COMMAND ${PROTOC} -I${stripped} --grpc_out=${generated}
          --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${services}
  DEPENDS ${PROJECT_SOURCE_DIR}/cmake/strip_gogoproto.py ${input_paths}
  COMMENT "Generating containerd's API" VERBATIM)

set(sources ${outputs})
list(FILTER sources INCLUDE REGEX "\\.cc$")
add_library(gantry_containerd_protos STATIC ${sources})
target_include_directories(gantry_containerd_protos SYSTEM PUBLIC ${generated})
target_link_libraries(gantry_containerd_protos PUBLIC ${GRPC_LIBRARIES})
# Not our code: no warnings, and -O1 halves the time to compile it without being seen in a profile.
target_compile_options(gantry_containerd_protos PRIVATE -w -O1)
target_compile_options(gantry_containerd_protos PUBLIC -DNOMINMAX) # as gRPC's own .pc file wants it
target_precompile_headers(gantry_containerd_protos PRIVATE <grpcpp/grpcpp.h> <grpcpp/impl/codegen/client_unary_call.h>)
