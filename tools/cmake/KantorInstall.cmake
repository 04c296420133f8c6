# Installation: headers under include/kantor, static libraries, and packages that find_package(kantor) and pkg-config find,
# in two components: `engine`, and `models`, which needs the engine; and the program with its manual page and completions.
# The install components are other ones: `program` and `library`, each a package of the distribution (KantorPackage.cmake).
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME library)
set(cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/kantor)

option(KANTOR_INSTALL_NATIVE "Allow installing libraries that were compiled for this machine's processor alone" OFF)
if(KANTOR_NATIVE AND NOT KANTOR_INSTALL_NATIVE)
  install(CODE "message(FATAL_ERROR \"this build is for this machine's processor alone (KANTOR_NATIVE=ON); to install one that others run, configure with --preset portable, or, where only machines like this one use it, with -DKANTOR_INSTALL_NATIVE=ON\")")
endif()

# Installs into `folder` what the program prints when it is called with the rest of the arguments.
function(kantor_install_output file folder)
  set(output ${PROJECT_BINARY_DIR}/installed/${file})
  get_filename_component(place ${output} DIRECTORY)
  file(MAKE_DIRECTORY ${place})
  add_custom_command(OUTPUT ${output} COMMAND kantor ${ARGN} > ${output}.new COMMAND ${CMAKE_COMMAND} -E rename ${output}.new ${output}
                     DEPENDS kantor VERBATIM)
  install(FILES ${output} DESTINATION ${folder} COMPONENT program)
  set(kantor_outputs ${kantor_outputs} ${output} PARENT_SCOPE)
endfunction()

set(engine_libraries kantor_kernels_sim kantor_engine)
if(KANTOR_HAS_CUDA)
  list(APPEND engine_libraries kantor_kernels_cuda)
endif()
install(TARGETS ${engine_libraries} EXPORT kantorEngine ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kantor_models EXPORT kantorModels ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kantor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
kantor_install_output(kantor.1 ${CMAKE_INSTALL_MANDIR}/man1 man)
kantor_install_output(completions/kantor ${CMAKE_INSTALL_DATADIR}/bash-completion/completions completion bash)
kantor_install_output(completions/_kantor ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions completion zsh)
kantor_install_output(completions/kantor.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d completion fish)
add_custom_target(kantor_outputs ALL DEPENDS ${kantor_outputs})
install(DIRECTORY kernels engine models DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kantor FILES_MATCHING PATTERN "*.h"
        PATTERN "engine/cpu" EXCLUDE PATTERN "engine/recording/recorder.h" EXCLUDE PATTERN "engine/transfer.h" EXCLUDE
        PATTERN "engine/ops" EXCLUDE PATTERN "kernels/ladder" EXCLUDE)
install(FILES engine/engine.h models/kantor.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kantor)
install(DIRECTORY docs/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program PATTERN examples EXCLUDE)
install(EXPORT kantorEngine NAMESPACE kantor:: DESTINATION ${cmake_folder})
install(EXPORT kantorModels NAMESPACE kantor:: DESTINATION ${cmake_folder})
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/kantorConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/kantorConfig.cmake INSTALL_DESTINATION ${cmake_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kantorConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kantorConfig.cmake ${PROJECT_BINARY_DIR}/kantorConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/tools/cmake/KantorDependencies.cmake ${PROJECT_SOURCE_DIR}/tools/cmake/KantorKernels.cmake
        DESTINATION ${cmake_folder})

# pkg-config: the prefix is where the file lies, as `cmake --install --prefix` chooses it; what each archive needs stands
# behind it.
file(RELATIVE_PATH KANTOR_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(KANTOR_PC_LIBS "-lboost_context -lpthread")
if(dnnl_FOUND)
  string(PREPEND KANTOR_PC_LIBS "-ldnnl -lgomp ")
endif()
set(KANTOR_PC_ARCHIVES "-lkantor_engine -lkantor_kernels_sim")
if(KANTOR_HAS_CUDA)
  string(APPEND KANTOR_PC_ARCHIVES " -lkantor_kernels_cuda")
  string(APPEND KANTOR_PC_LIBS " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -lrt -ldl")
endif()
foreach(package kantor-engine kantor)
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${package}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
