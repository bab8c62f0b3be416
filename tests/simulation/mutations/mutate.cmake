# cmake -DIN=… -DOUT=… -DLIST=… -P mutate.cmake: a source of the engine with the seeded bugs of LIST built in, each behind
# MUTATED(number). A place that is not there (exactly once) any more is told to the test when it runs.
get_filename_component(name ${IN} NAME)
file(READ ${IN} text)
set(lost "")

function(mutation number file before after)
  if(NOT file STREQUAL name)
    return()
  endif()
  string(FIND "${text}" "${before}" first)
  string(FIND "${text}" "${before}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    set(lost "${lost}[[maybe_unused]] static const bool lost_${number} = gantry::testing::lose_mutation(${number});\n" PARENT_SCOPE)
    return()
  endif()
  string(REPLACE "${before}" "${after}" text "${text}")
  set(text "${text}" PARENT_SCOPE)
endfunction()

include(${LIST})
file(WRITE ${OUT} "#include \"tests/simulation/mutations/mutation.h\"\n#line 1 \"${IN}\"\n${text}\n${lost}")
