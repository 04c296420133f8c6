# kantor_embed(TARGET NAME FILE): the file's bytes as `extern const std::string_view NAME` in namespace kantor::embedded.
function(kantor_embed target name file)
  if(NOT EXISTS ${file})
    message(FATAL_ERROR "${file} is missing; tools/setup installs what the build needs (Debian's package libjs-chart.js brings chart.min.js)")
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................................................................)"
         "\\1\"\n\"" bytes "${bytes}")
  set(output ${CMAKE_CURRENT_BINARY_DIR}/embedded_${name}.cpp)
  file(WRITE ${output}.new "#include <string_view>\nnamespace kantor::embedded {\nextern const std::string_view ${name};\n"
       "const std::string_view ${name}{\"${bytes}\", sizeof(\"${bytes}\") - 1};\n}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${output}.new ${output})
  target_sources(${target} PRIVATE ${output})
endfunction()
