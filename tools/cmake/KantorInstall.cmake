# Installation: headers under include/kantor, static libraries, and a package that find_package(kantor) and pkg-config find.
include(CMakePackageConfigHelpers)

set(kantor_libraries kantor_kernels_sim kantor_engine kantor_models)
if(KANTOR_HAS_CUDA)
  list(APPEND kantor_libraries kantor_kernels_cuda)
endif()
install(TARGETS ${kantor_libraries} EXPORT kantorTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS kantor RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY kernels engine models DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kantor FILES_MATCHING PATTERN "*.h"
        PATTERN "engine/cpu" EXCLUDE PATTERN "engine/recorder.h" EXCLUDE)
install(EXPORT kantorTargets NAMESPACE kantor:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kantor)
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/kantorConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/kantorConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kantor)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/kantorConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/kantorConfig.cmake ${PROJECT_BINARY_DIR}/kantorConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/tools/cmake/KantorDependencies.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/kantor)

if(dnnl_FOUND)
  set(KANTOR_PC_LIBS -ldnnl)
endif()
configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/kantor.pc.in ${PROJECT_BINARY_DIR}/kantor.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/kantor.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
