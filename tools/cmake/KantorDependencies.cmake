# Third-party libraries, by who needs them. All come from the distribution's packages (tools/setup installs them), or from a
# bundle. This file is installed too: what links the static libraries needs the libraries that they use.

# What the engine's and the simulator's archives need when they are linked.
macro(kantor_find_engine_libraries)
  find_package(Threads REQUIRED)
  find_package(Boost REQUIRED COMPONENTS context)
  find_package(fmt REQUIRED)
  # Found by hand: Debian's dnnl-config.cmake insists on OpenCL, which its library does not need.
  if(KANTOR_ONEDNN AND NOT TARGET DNNL::dnnl)
    find_library(DNNL_LIBRARY dnnl)
    find_path(DNNL_INCLUDE_DIR dnnl.h)
    if(DNNL_LIBRARY AND DNNL_INCLUDE_DIR)
      set(dnnl_FOUND TRUE)
      find_package(OpenMP REQUIRED)  # oneDNN's own threads, which the engine keeps out
      add_library(DNNL::dnnl UNKNOWN IMPORTED)
      set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION ${DNNL_LIBRARY}
                            INTERFACE_INCLUDE_DIRECTORIES ${DNNL_INCLUDE_DIR})
    else()
      message(STATUS "oneDNN not found: matrix products and convolutions use Eigen (package libdnnl-dev)")
    endif()
  endif()
endmacro()

# What the models' archive needs when it is linked, and nlohmann's headers, which theirs name.
macro(kantor_find_models_libraries)
  find_package(nlohmann_json 3.9 REQUIRED)
  find_package(ZLIB REQUIRED)
  find_package(PNG REQUIRED)
  find_package(OpenSSL REQUIRED COMPONENTS Crypto)
endmacro()

# What only a build of the project needs: headers alone, the program's, the tests' and the benchmarks'.
macro(kantor_find_build_libraries)
  find_package(Eigen3 3.4 REQUIRED NO_MODULE)
  find_package(tomlplusplus REQUIRED)
  find_package(CLI11 REQUIRED)
  find_package(Catch2 QUIET)
  find_package(benchmark QUIET)
endmacro()
