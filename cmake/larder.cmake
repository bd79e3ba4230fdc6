# What every target of the project shares.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g") # assertions stay on

add_library(larder_flags INTERFACE)
target_include_directories(larder_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
target_compile_definitions(larder_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)
target_compile_options(larder_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wno-missing-field-initializers
  -fno-common -fstack-protector-strong)
if(LARDER_SANITIZE)
  # -O1 -g1: what the sanitizers tell has lines and functions all the same, and it compiles in little over half the time.
  target_compile_options(larder_flags INTERFACE -O1 -g1 -fsanitize=${LARDER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(larder_flags INTERFACE -fsanitize=${LARDER_SANITIZE})
endif()

if(LARDER_FUZZ)
  target_compile_options(larder_flags INTERFACE -fsanitize=fuzzer-no-link) # coverage, for tests/fuzz to follow
  target_link_options(larder_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# larder_library(NAME SOURCES ... USES ...): a static library of this directory, which may use only what USES names. That
# no symbol points the other way is checked by linking all of it, with just those, into a program of its own.
function(larder_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC larder_flags ${ARG_USES})
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/arrows.c "int main(void) { return 0; }\n")
  add_executable(${name}_arrows ${CMAKE_CURRENT_BINARY_DIR}/arrows.c)
  target_link_libraries(${name}_arrows PRIVATE -Wl,--whole-archive $<TARGET_FILE:${name}> -Wl,--no-whole-archive larder_flags ${ARG_USES})
  add_dependencies(${name}_arrows ${name})
endfunction()
