# SPDX-License-Identifier: Apache-2.0
# Every dependency of the project, all from Debian 12. A folder links the ones it names, nothing is global.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(absl REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(sdbus-c++ REQUIRED)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(LIBARCHIVE REQUIRED IMPORTED_TARGET libarchive)
pkg_check_modules(LIBSECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(YAML_CPP REQUIRED IMPORTED_TARGET yaml-cpp)
if(RKTLET_COMPONENTS MATCHES "^(all|daemon)$")
  find_package(CLI11 REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(OpenSSL 3 REQUIRED)
endif()

# Boost.Asio header-only, with C++20 coroutines; no Boost.System library is needed since 1.69.
add_library(rktlet_asio INTERFACE)
add_library(rktlet::asio ALIAS rktlet_asio)
target_link_libraries(rktlet_asio INTERFACE Boost::headers Threads::Threads)
# With optimisation GCC 12 takes the frame allocation of every awaitable for a mismatched new and delete.
target_compile_options(rktlet_asio INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
target_compile_definitions(rktlet_asio INTERFACE BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_NO_DEPRECATED)

if(RKTLET_TESTS OR RKTLET_LIVE_TESTS)
  find_package(GTest REQUIRED)
endif()
if(RKTLET_TESTS)
  enable_testing()
  include(GoogleTest)
endif()
