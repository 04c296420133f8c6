# kantor_add_kernels(TARGET FILE.cu ...): compiles kernel files for the simulator, and with nvcc for GPUs where the library
# was built so, and links them into the target. This file is installed too. A macro: CMake enables a language only in the
# scope of a file.
macro(kantor_add_kernels kantor_target)
  set(kantor_sim_files "")
  set(kantor_cuda_files "")
  foreach(kantor_file ${ARGN})
    # The language of a file holds per folder of CMake: for the simulator each gets a C++ file that includes it.
    get_filename_component(kantor_name ${kantor_file} NAME_WE)
    set(kantor_copy ${CMAKE_CURRENT_BINARY_DIR}/${kantor_target}_${kantor_name}_sim.cpp)
    file(CONFIGURE OUTPUT ${kantor_copy} CONTENT "#include \"${CMAKE_CURRENT_SOURCE_DIR}/${kantor_file}\"\n")
    list(APPEND kantor_sim_files ${kantor_copy})
    list(APPEND kantor_cuda_files ${CMAKE_CURRENT_SOURCE_DIR}/${kantor_file})
  endforeach()
  set_source_files_properties(${kantor_sim_files} PROPERTIES COMPILE_OPTIONS
                              "-fno-strict-aliasing;-Wno-unknown-pragmas;-Wno-attributes")
  target_sources(${kantor_target} PRIVATE ${kantor_sim_files})
  if(TARGET kantor_kernels_cuda OR TARGET kantor::kernels_cuda)
    if(NOT CMAKE_CUDA_COMPILER_LOADED)
      set(CMAKE_CUDA_ARCHITECTURES "75-virtual" CACHE STRING "GPUs to compile for")
      enable_language(CUDA)
    endif()
    if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake before 3.26 does not know that nvcc 12 and 13 have it
      set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
      set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
    endif()
    add_library(${kantor_target}_cuda OBJECT ${kantor_cuda_files})
    set_target_properties(${kantor_target}_cuda PROPERTIES CUDA_STANDARD 20)
    target_link_libraries(${kantor_target}_cuda PRIVATE kantor::engine)
    target_sources(${kantor_target} PRIVATE $<TARGET_OBJECTS:${kantor_target}_cuda>)
  endif()
endmacro()
