# Compiler options that hold for every room.
find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout are made relative, so that one clone's build serves another's; a precompiled header is
  # taken for what it was made of.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(gantry_options INTERFACE)
target_include_directories(gantry_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(gantry_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers -fno-omit-frame-pointer)
if(GANTRY_SANITIZE)
  target_compile_options(gantry_options INTERFACE -fsanitize=${GANTRY_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(gantry_options INTERFACE -fsanitize=${GANTRY_SANITIZE})
endif()

# gantry_room(NAME SOURCES... [USES rooms...] [LIBRARIES libs...]): one library a room.
# USES is public (a room's headers may include the headers of the rooms it uses), LIBRARIES stay private to the room.
function(gantry_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES" ${ARGN})
  add_library(gantry_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(gantry_${name} PUBLIC gantry_options PRIVATE ${ROOM_LIBRARIES})
  foreach(used ${ROOM_USES})
    target_link_libraries(gantry_${name} PUBLIC gantry_${used})
  endforeach()
endfunction()
