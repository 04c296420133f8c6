# Debian packages, made by CPack from an installation under /usr (tools/package): `kantor`, the program with its manual page,
# completions and documentation, and `libkantor-dev`, the static libraries with what find_package and pkg-config read. Two,
# as Debian has them: who runs the program needs no headers, and who links the library needs no program.
set(KANTOR_PACKAGER "The Kantor authors <kantor@example.org>" CACHE STRING "Name and address of who makes the packages")
string(TIMESTAMP KANTOR_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH where that is set
configure_file(${PROJECT_SOURCE_DIR}/tools/debian/changelog.in ${PROJECT_BINARY_DIR}/package/changelog @ONLY)
function(kantor_install_notes package component)
  install(FILES ${PROJECT_SOURCE_DIR}/tools/debian/copyright ${PROJECT_BINARY_DIR}/package/changelog
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
endfunction()
kantor_install_notes(kantor program)
kantor_install_notes(libkantor-dev library)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kantor)
set(CPACK_PACKAGE_CONTACT ${KANTOR_PACKAGER})
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/package)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
    WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/tools/debian/finish.cmake)
set(CPACK_COMPONENTS_ALL program library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(built_for "This build runs on the CPU and in the simulator; it has no CUDA kernels.")
if(KANTOR_HAS_CUDA)
  set(built_for "This build has the CUDA kernels; without an NVIDIA driver it runs on the CPU.")
endif()
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME kantor)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS "dataset-fashion-mnist")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "famfamfam-silk, libkantor-dev")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "laboratory for Wasserstein GANs
Kantor trains Wasserstein GANs under weight clipping, a gradient penalty and
other constraints on the critic, measures what each does to it, and writes a
report with figures. Studies test published claims about weight clipping.
.
${built_for}
It is compiled for every processor of its architecture; a build from source
for one's own processor is faster.")

set(library_needs libfmt-dev libboost-context-dev nlohmann-json3-dev libpng-dev zlib1g-dev libssl-dev)
if(dnnl_FOUND)
  list(APPEND library_needs libdnnl-dev)
endif()
list(JOIN library_needs ", " CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libkantor-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SUGGESTS "kantor, cmake, pkg-config")
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "tensors, autograd and Wasserstein GANs in C++20 (development files)
Static libraries and headers of Kantor: a tensor and autograd engine whose
derivatives can be differentiated again, and the layers, losses, constraints
and trainings of its laboratory for Wasserstein GANs. CMake finds it with
find_package(kantor), other builds with pkg-config.
.
${built_for}")
include(CPack)
