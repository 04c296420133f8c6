# kantor_embed(TARGET NAME FILE): the file's bytes as `extern const std::string_view NAME` in namespace kantor::embedded. The
# assembler reads the file when the target is built, so that it may be made by the build, too.
function(kantor_embed target name file)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  file(CONFIGURE OUTPUT ${output} CONTENT [[#include <string_view>
__asm__(
    ".pushsection .rodata\n"
    ".global kantor_embedded_@name@\n"
    "kantor_embedded_@name@:\n"
    ".incbin \"@file@\"\n"
    ".global kantor_embedded_@name@_end\n"
    "kantor_embedded_@name@_end:\n"
    ".popsection\n");
extern "C" const char kantor_embedded_@name@[], kantor_embedded_@name@_end[];
namespace kantor::embedded {
extern const std::string_view @name@;
const std::string_view @name@{kantor_embedded_@name@,
                              static_cast<std::size_t>(kantor_embedded_@name@_end - kantor_embedded_@name@)};
}
]] @ONLY)
  # The properties are those of the folder in which the target is.
  set_source_files_properties(${output} TARGET_DIRECTORY ${target} PROPERTIES OBJECT_DEPENDS ${file} SKIP_PRECOMPILE_HEADERS ON)
  target_sources(${target} PRIVATE ${output})
endfunction()

# kantor_embed_files(TARGET NAME ROOT FILE...): files by their paths below ROOT, as `const std::vector<EmbeddedFile>& NAME()`
# (tools/embedded_files.h).
function(kantor_embed_files target name root)
  set(declarations "")
  set(entries "")
  set(count 0)
  foreach(path ${ARGN})
    set(symbol ${name}_${count})
    kantor_embed(${target} ${symbol} ${root}/${path})
    string(APPEND declarations "extern const std::string_view ${symbol};\n")
    string(APPEND entries "      {\"${path}\", ${symbol}},\n")
    math(EXPR count "${count} + 1")
  endforeach()
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  file(CONFIGURE OUTPUT ${output} CONTENT [[#include "tools/embedded_files.h"
namespace kantor::embedded {
@declarations@
const std::vector<EmbeddedFile>& @name@() {
  static const std::vector<EmbeddedFile> files{
@entries@  };
  return files;
}
}  // namespace kantor::embedded
]] @ONLY)
  target_sources(${target} PRIVATE ${output})
endfunction()
