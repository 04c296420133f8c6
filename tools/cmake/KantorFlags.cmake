# Compiler flags of every target of the project, gathered in the interface library kantor_flags.
add_library(kantor_flags INTERFACE)
target_compile_options(kantor_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                       -fno-math-errno -fno-trapping-math -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # g++ 12 warns of overlaps in std::string's operator+ (PR 105651) and of its own AVX-512 header's undefined registers
  # (PR 105593); neither is there.
  target_compile_options(kantor_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(KANTOR_WERROR)
  target_compile_options(kantor_flags INTERFACE -Werror)
endif()
if(KANTOR_NATIVE)
  target_compile_options(kantor_flags INTERFACE -march=native)
endif()
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  target_compile_options(kantor_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  # For code whose own speed nobody notices, as what it calls does the work: the program's commands, the studies, the
  # tests. It compiles in two thirds of the time.
  set(KANTOR_QUICK_OPTIONS -O1)
endif()
target_compile_definitions(kantor_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(kantor_flags INTERFACE -Wl,-z,relro,-z,now)
if(KANTOR_SANITIZE)
  target_compile_options(kantor_flags INTERFACE -fsanitize=${KANTOR_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(kantor_flags INTERFACE -fsanitize=${KANTOR_SANITIZE})
endif()
