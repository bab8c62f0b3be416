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
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
  # For the stacks of sanitizers and debuggers. In the scheduler's inner loop that register is worth 15 %.
  $<$<CONFIG:Debug>:-fno-omit-frame-pointer>)
if(GANTRY_SANITIZE)
  target_compile_options(gantry_options INTERFACE -fsanitize=${GANTRY_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(gantry_options INTERFACE -fsanitize=${GANTRY_SANITIZE})
endif()

# gantry_room(NAME SOURCES... [USES rooms...] [LIBRARIES libs...] [PRECOMPILE headers...]): one library a room.
# USES is public (a room's headers may include the headers of the rooms it uses), LIBRARIES stay private to the room.
# PRECOMPILE is for speed alone: every file still includes what it uses (-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows it).
# <> keeps the checkout's path out of it, so that ccache serves one clone's build to another.
function(gantry_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;LIBRARIES;PRECOMPILE" ${ARGN})
  add_library(gantry_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(gantry_${name} PUBLIC gantry_options PRIVATE ${ROOM_LIBRARIES})
  if(ROOM_PRECOMPILE)
    target_precompile_headers(gantry_${name} PRIVATE ${ROOM_PRECOMPILE})
  endif()
  foreach(used ${ROOM_USES})
    target_link_libraries(gantry_${name} PUBLIC gantry_${used})
  endforeach()
endfunction()
