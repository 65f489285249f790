# SPDX-License-Identifier: Apache-2.0
# Functions by which every folder declares its library, its programs and its tests.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # ccache keeps what was compiled with a precompiled header only when it is told that this is all right.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# GCC 12 warns of fields that a designated initializer leaves to their default, which is what it is for; and of overlaps in
# assignments of string literals that cannot be (GCC bug 105651).
add_library(rktlet_warnings INTERFACE)
target_compile_options(rktlet_warnings INTERFACE -Wall -Wextra -Wnon-virtual-dtor -Wsuggest-override -Wundef
                       -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                       $<$<BOOL:${RKTLET_WERROR}>:-Werror>)

# Line numbers are what a report needs of the debug information. The checks of single pointers are left to AddressSanitizer:
# they double the time of a build.
if(RKTLET_SANITIZE)
  add_compile_options(-fsanitize=${RKTLET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${RKTLET_SANITIZE})
  if(RKTLET_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr,pointer-overflow)
  endif()
endif()

# rktlet_add_library(NAME rktlet_base ALIAS rktlet::base SOURCES … PUBLIC deps… PRIVATE deps…)
# Includes are written from src/: #include "base/status.h".
function(rktlet_add_library)
  cmake_parse_arguments(ARG "" "NAME;ALIAS" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${ARG_NAME} STATIC ${ARG_SOURCES})
  add_library(${ARG_ALIAS} ALIAS ${ARG_NAME})
  target_include_directories(${ARG_NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${ARG_NAME} PUBLIC ${ARG_PUBLIC} PRIVATE rktlet_warnings ${ARG_PRIVATE})
endfunction()

# rktlet_add_test(NAME base_test SOURCES … DEPS …): one GoogleTest program a folder.
function(rktlet_add_test)
  cmake_parse_arguments(ARG "" "NAME" "SOURCES;DEPS" ${ARGN})
  if(NOT RKTLET_TESTS)
    return()
  endif()
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(${ARG_NAME} PRIVATE RKTLET_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE rktlet_warnings ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
endfunction()
